"""Confident learning, against cases worked out by hand."""

import numpy as np

from fer_keras.data.disputed import disputed


def test_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 1])
    first = np.array([0.9, 0.8, 0.1, 0.55, 0.2, 0.3])
    # Thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6; class 1 (0.45 + 0.8 + 0.7) / 3 = 0.65. Image 2 is likely 1 (0.9),
    # not 0: disputed. Image 3 has more of 0 than of its own class, but 0.55 is not likely for either: not disputed.
    probabilities = np.stack([first, 1 - first], axis=1)
    assert disputed(labels, probabilities).tolist() == [False, False, True, False, False, False]


def test_a_rare_class_that_the_network_is_unsure_of_is_not_disputed_for_that():
    # The rare class never wins, yet its images have all the probability that its images usually have.
    labels = np.array([0] * 8 + [1] * 2)
    probabilities = np.array([[0.9, 0.1]] * 8 + [[0.6, 0.4]] * 2)
    assert not disputed(labels, probabilities).any()


def test_a_class_that_no_image_has_disputes_nothing():
    probabilities = np.array([[0.2, 0.0, 0.8], [0.1, 0.6, 0.3], [0.1, 0.6, 0.3]])
    assert disputed(np.array([0, 1, 1]), probabilities).tolist() == [False, False, False]


def test_flipped_labels_are_found_and_right_ones_left():
    random = np.random.default_rng(0)
    true = random.integers(0, 7, 7000)
    probabilities = random.dirichlet(np.ones(7), 7000) * 0.5
    probabilities[np.arange(7000), true] += 0.5
    flipped = random.random(7000) < 0.1
    labels = np.where(flipped, (true + random.integers(1, 7, 7000)) % 7, true)
    found = disputed(labels, probabilities)
    assert found[flipped].mean() > 0.7 and found[~flipped].mean() < 0.01
