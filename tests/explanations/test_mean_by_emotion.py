"""The mean map of an emotion: every map counts alike, whatever its scale. And which maps are shown with a sign."""

import numpy as np
import pytest

from fer_keras.explain.registry import explainer_class
from fer_keras.explanations.attribution import mean_by_emotion, shown_maps

HAPPY, SAD = 3, 4


def test_maps_are_divided_by_their_sums_before_the_mean():
    maps = np.array([[[1.0, 3.0]], [[50.0, 50.0]], [[-2.0, 2.0]]])
    images = np.array([[[10, 20]], [[30, 60]], [[7, 8]]], np.uint8)
    faces, means, counts = mean_by_emotion(images, maps, np.array([HAPPY, HAPPY, SAD]))
    np.testing.assert_allclose(means[HAPPY], [[(0.25 + 0.5) / 2, (0.75 + 0.5) / 2]])
    np.testing.assert_allclose(means[SAD], [[-0.5, 0.5]])
    np.testing.assert_allclose(faces[HAPPY], [[20, 40]])
    assert counts.tolist() == [0, 0, 0, 2, 1, 0, 0] and np.isnan(means[0]).all()


def test_a_map_of_zeros_counts_as_zeros():
    maps = np.array([[[0.0, 0.0]], [[1.0, 1.0]]])
    _, means, _ = mean_by_emotion(np.zeros((2, 1, 2), np.uint8), maps, np.array([SAD, SAD]))
    np.testing.assert_allclose(means[SAD], [[0.25, 0.25]])


@pytest.mark.parametrize(
    ("name", "expected", "signed"),
    [
        ("smoothgrad", [[2.0, 0.5]], False),  # a gradient by gray level speaks for no emotion where a pixel is dark
        ("guided-backprop", [[2.0, 0.5]], False),
        ("occlusion", [[-2.0, 0.5]], True),
        ("integrated-gradients", [[-2.0, 0.5]], True),
    ],
)
def test_gradients_by_gray_level_are_shown_by_their_size_and_what_has_a_meaning_below_zero_as_it_is(
    name, expected, signed
):
    shown, has_sign = shown_maps(explainer_class(name), np.array([[[-2.0, 0.5]]]))
    assert shown[0].tolist() == expected and has_sign is signed
