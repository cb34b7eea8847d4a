"""Whether a lead is told from chance as by enumeration, SciPy and by hand."""

from itertools import product

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from fer_keras.scores.summary import holm, sign_flip_test


def test_a_p_value_is_the_share_of_all_signs_by_which_the_sum_is_as_large():
    differences = np.random.default_rng(0).normal(0.3, 1, size=(8, 5))
    signs = np.array(list(product([-1, 1], repeat=8)))
    expected = (signs @ differences >= differences.sum(axis=0) - 1e-9).mean(axis=0)
    np.testing.assert_allclose(sign_flip_test(differences), expected)


def test_signs_drawn_at_random_come_near_that():
    some = np.random.default_rng(0).normal(0.3, 1, size=(8, 5))
    padded = np.concatenate([some, np.zeros((20, 5))])  # the sign of 0 is none: too many images to try all signs
    np.testing.assert_allclose(sign_flip_test(padded), sign_flip_test(some), atol=0.005)


def test_of_many_images_it_agrees_with_the_t_test():
    differences = np.random.default_rng(1).normal(0.1, 1, size=(200, 6))
    expected = ttest_1samp(differences, 0, alternative="greater").pvalue
    np.testing.assert_allclose(sign_flip_test(differences), expected, atol=0.02)


@pytest.mark.parametrize(("differences", "expected"), [([1.0, 1.0], 1 / 4), ([-1.0, -1.0], 1), ([0.0, 0.0], 1)])
def test_two_images_show_nothing(differences, expected):
    assert sign_flip_test(np.array(differences)[:, None]) == expected


def test_images_without_a_score_do_not_count():
    some = np.random.default_rng(2).normal(0.5, 1, size=(6, 1))
    with_others = np.concatenate([some, np.full((3, 1), np.nan)])
    np.testing.assert_allclose(sign_flip_test(with_others), sign_flip_test(some))


def test_sums_that_are_the_same_but_for_rounding_are_the_same():
    differences = np.array([0.1, 0.2, -0.3])[:, None]  # 0.1 + 0.2 - 0.3 is 5.6e-17: of the 8 signs 5 sum to 0 or more
    assert sign_flip_test(differences) == 5 / 8


def test_holm_by_hand():
    # sorted 0.01, 0.02, 0.03, 0.5: times 4, 3, 2 and 1; 0.06 twice since none is below one before it
    np.testing.assert_allclose(holm(np.array([0.03, 0.01, 0.5, 0.02])), [0.06, 0.04, 0.5, 0.06])
    np.testing.assert_allclose(holm(np.array([0.7, 0.6])), [1, 1])
    assert holm(np.array([])).size == 0
