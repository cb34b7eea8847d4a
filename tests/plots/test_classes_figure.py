from itertools import pairwise

import numpy as np
import pytest

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.classes import classes_figure

TRAINING = np.array([3995, 436, 4097, 7215, 4830, 3171, 4965])
VALIDATION = np.array([467, 56, 496, 895, 653, 415, 607])


def test_bars_are_the_counts_with_their_numbers():
    counts = {"whole": TRAINING + VALIDATION, "training": TRAINING, "validation": VALIDATION}
    (ax,) = classes_figure(counts).axes
    assert [bars.get_label() for bars in ax.containers] == [
        "whole (32,298)",
        "training (28,709)",
        "validation (3,589)",
    ]
    for bars, values in zip(ax.containers, counts.values(), strict=True):
        assert [bar.get_height() for bar in bars] == values.tolist()
    numbers = [text.get_text() for text in ax.texts]
    assert numbers == [f"{value:,}" for values in counts.values() for value in values]
    assert [text.get_text() for text in ax.get_xticklabels()] == list(EMOTIONS)


def test_bars_stand_over_their_emotion_in_the_given_order():
    (ax,) = classes_figure({"training": TRAINING, "validation": VALIDATION}).axes
    centers = np.array([[bar.get_center()[0] for bar in bars] for bars in ax.containers])
    assert (np.abs(centers - np.arange(7)) < 0.5).all()
    assert (centers[0] < centers[1]).all()


@pytest.mark.parametrize("sets", [1, 3, 6])
def test_bars_do_not_overlap(sets):
    (ax,) = classes_figure({f"set {i}": VALIDATION for i in range(sets)}).axes
    spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bars in ax.containers for bar in bars)
    assert all(right <= left for (_, right), (left, _) in pairwise(spans))
    assert len({bars[0].get_facecolor() for bars in ax.containers}) == min(sets, 4)
