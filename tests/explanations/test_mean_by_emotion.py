"""The mean map of an emotion: every map counts alike, whatever its scale."""

import numpy as np

from fer_keras.explanations.attribution import mean_by_emotion

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
