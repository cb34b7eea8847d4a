from fractions import Fraction
from math import comb

import numpy as np
import pytest

from fer_keras.significance import mcnemar


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (1, 0), (5, 0), (0, 5), (10, 3), (7, 7), (60, 91), (900, 1100)])
def test_mcnemar_is_the_binomial_test_of_a_fair_coin(only_a, only_b):
    both, neither = 20, 11
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    result = mcnemar(a, b)
    assert (result.only_a, result.only_b) == (only_a, only_b)
    tosses = only_a + only_b
    tail = Fraction(sum(comb(tosses, k) for k in range(min(only_a, only_b) + 1)), 2**tosses)
    expected = float(min(Fraction(1), 2 * tail))
    assert result.p_value == pytest.approx(expected, rel=1e-9)


def test_mcnemar_by_hand():
    assert mcnemar([True] * 5, [False] * 5).p_value == 2 / 2**5
