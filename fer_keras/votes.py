"""What several networks say together of the same images: NumPy arrays in, NumPy arrays out.

Labels are integers 0..6 in the order of `fer_keras.emotions.EMOTIONS`.
"""

import numpy as np

from fer_keras.emotions import NUM_EMOTIONS


def soft_vote(probabilities: np.ndarray) -> np.ndarray:
    """Return float64 (N, 7), the mean of the members' probabilities (M, N, 7)."""
    return np.mean(probabilities, axis=0, dtype=np.float64)


def hard_vote(probabilities: np.ndarray) -> np.ndarray:
    """Return int64 (N,), the label that most of the members (M, N, 7) predict.

    A tie goes to the tied label of the higher summed probability, then to the first.
    """
    choices = np.argmax(probabilities, axis=2)  # (M, N)
    votes = (choices[:, :, None] == np.arange(NUM_EMOTIONS)).sum(axis=0)  # (N, 7)
    leading = votes == votes.max(axis=1, keepdims=True)
    summed = np.sum(probabilities, axis=0, dtype=np.float64)
    return np.where(leading, summed, -1).argmax(axis=1)


def ensemble_accuracies(labels: np.ndarray, probabilities: np.ndarray, *, vote: str) -> np.ndarray:
    """Return float64 (M,): the accuracy (0..1) of the ensemble of the first 1, 2, ..., M members.

    labels: int (N,). probabilities: float (M, N, 7). vote: "soft" or "hard".
    """
    assert vote in ("soft", "hard"), vote
    firsts = [probabilities[: m + 1] for m in range(len(probabilities))]
    predicted = [hard_vote(some) if vote == "hard" else soft_vote(some).argmax(axis=1) for some in firsts]
    return np.array([(some == labels).mean() for some in predicted])
