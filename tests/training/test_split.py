"""What the record of a run says of how its images were chosen."""

import dataclasses

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data import protocol
from fer_keras.data.synthetic import synthetic_faces
from fer_keras.errors import UserError
from fer_keras.training.split import choose_split
from tests.data.made_faces import make_faces

THREE_SPLITS = ["Training"] * 40 + ["PublicTest"] * 10 + ["PrivateTest"] * 10
KEEPS = "nothing of it is held out, the last epoch is kept."
PART = "seed 0, identical images kept together."


@pytest.mark.parametrize(
    ("usage", "settings", "rule"),
    [
        (THREE_SPLITS, {}, "Trains on Training (40), selects on PublicTest (10)."),
        (
            ["Training"] * 40 + ["PublicTest"] * 20,
            {},
            "Trains on Training (40), selects on PublicTest (20). No split is left to test on: --val-fraction 0.1 "
            "would leave PublicTest.",
        ),
        (
            THREE_SPLITS,
            {"val_fraction": 0.25},
            f"Trains on 30 images of Training, selects on the other 10: a stratified 0.25 of it, {PART}",
        ),
        (
            THREE_SPLITS,
            {"val_fraction": 0.25, "keep": "last"},
            "Trains on 30 images of Training, keeps the last epoch, measures it on the other 10: a stratified 0.25 of "
            f"it, {PART}",
        ),
        (
            THREE_SPLITS,
            {"val_fraction": 0.25, "members": 3},
            "3 networks, by seeds 0 to 2, a part for each. The first: Trains on 30 images of Training, selects on the "
            f"other 10: a stratified 0.25 of it, {PART}",
        ),
        (THREE_SPLITS, {"keep": "last"}, f"Trains on Training (40); {KEEPS}"),
        (
            ["Training"] * 60,
            {"keep": "last"},
            f"Trains on Training (60); {KEEPS} The data have no test split: give --val-fraction too, or nothing tells "
            "how good it is.",
        ),
        (
            ["Training"] * 60,
            {},
            "Trains on 54 images of Training, selects on the other 6: a stratified 0.1 of it (there is no PublicTest "
            f"split), {PART}",
        ),
        (
            THREE_SPLITS,
            {"folds": 4, "fold": 3},
            "Trains on 30 images of Training, selects on the other 10: part 3 of 4 (0 to 3) for cross-validation, "
            f"{PART}",
        ),
        (
            THREE_SPLITS,
            {"folds": 4},
            "Cross-validates: 4 networks, each trained on Training (40 images) without another of 4 stratified parts, "
            f"which selects its epoch; {PART}",
        ),
        (
            THREE_SPLITS,
            {"folds": 4, "keep": "last"},
            "Cross-validates: 4 networks, each trained on Training (40 images) without another of 4 stratified parts, "
            f"which measures its last epoch; {PART}",
        ),
    ],
)
def test_the_rule_says_what_was_done(usage, settings, rule, tmp_path):
    assert choose_split(make_faces([0, 1] * 30, usage), Settings(**settings), str(tmp_path)).record["rule"] == rule


def test_photographs_of_another_split_are_left_out_and_that_is_recorded(tmp_path):
    drawn = synthetic_faces(training=28, public=14, private=14)
    images = drawn.images.copy()
    images[30], images[50] = np.roll(images[3], 2, axis=1), images[5]  # PublicTest and PrivateTest have two of Training
    faces = dataclasses.replace(drawn, images=images, source="faces.csv")
    whole = choose_split(faces, Settings(), str(tmp_path))
    split = choose_split(faces, Settings(drop_copies=True), str(tmp_path))
    gone = {faces.ids[3], faces.ids[5]}
    assert split.training.ids.tolist() == [name for name in whole.training.ids.tolist() if name not in gone]
    assert split.validation.ids.tolist() == whole.validation.ids.tolist()
    assert split.record["training"] == 26
    assert split.record["rule"].endswith(" Left out, since another split has their photographs: 2 images of Training.")
    assert "Left out" not in whole.record["rule"]
    parts = choose_split(faces, Settings(drop_copies=True, folds=2), str(tmp_path))
    assert len(parts.training) + len(parts.validation) == 26
    assert (
        " Left out for the first, since another split or the part held out has their photographs: 2 images of"
        in (parts.record["rule"])
    )


def test_drawn_faces_are_refused_without_a_search(tmp_path, monkeypatch):
    monkeypatch.setattr(protocol, "near_copies", lambda *_: pytest.fail("searched"))
    with pytest.raises(UserError, match="--drop-copies: expected photographs"):
        choose_split(synthetic_faces(training=7, public=7, private=7), Settings(drop_copies=True), str(tmp_path))
