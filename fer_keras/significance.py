"""Whether chance alone could make the difference between two classifiers."""

from dataclasses import dataclass

import numpy as np

SIGNIFICANT = 0.05  # p-values below it count, adjusted for the number of comparisons


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same images: how many only A (only B) had right, and the two-sided p-value."""

    only_a: int
    only_b: int
    p_value: float


def mcnemar(correct_a: np.ndarray, correct_b: np.ndarray) -> McNemar:
    """Test whether two classifiers differ in accuracy on the same images (McNemar 1947; exact, two-sided).

    correct_a, correct_b: bool (N,). Under the null hypothesis an image that only one of them has right is A's or B's
    by a fair coin.
    """
    from scipy.stats import binomtest  # here: it takes half a second, and whoever compares nothing need not wait

    correct_a, correct_b = np.asarray(correct_a, bool), np.asarray(correct_b, bool)
    assert correct_a.shape == correct_b.shape, (correct_a.shape, correct_b.shape)
    only_a, only_b = int((correct_a & ~correct_b).sum()), int((correct_b & ~correct_a).sum())
    tosses = only_a + only_b
    return McNemar(only_a, only_b, float(binomtest(only_a, tosses).pvalue) if tosses else 1.0)
