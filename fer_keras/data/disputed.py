"""Labels that predictions dispute: confident learning.

After Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021
(arXiv:1911.00068): the images off the diagonal of the confident joint.
"""

import numpy as np


def disputed(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return which labels the predictions dispute, bool (N,).

    A class is likely for an image if its probability is at least what it is, on average, for the images with that
    label: each class has a threshold of its own, so that a network which is unsure of rare classes does not dispute
    all of them. A label is disputed if, of the likely classes, another one has the highest probability.

    labels: integers (N,). probabilities: (N, classes), each row by a network that was not trained on that image: one
    that was would repeat the label.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    given = labels[:, np.newaxis] == np.arange(probabilities.shape[1])  # (N, classes)
    counts = given.sum(axis=0)
    sums = np.where(given, probabilities, 0).sum(axis=0)
    thresholds = np.where(counts, sums / np.maximum(counts, 1), np.inf)  # a class without labels is never likely
    likely = probabilities >= thresholds
    best = np.where(likely, probabilities, -1).argmax(axis=1)
    return likely.any(axis=1) & (best != labels)
