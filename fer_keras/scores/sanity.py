"""Is a map of what the network has learned? Then it is another one where nothing has been learned.

Adebayo et al., "Sanity Checks for Saliency Maps", 2018 (arXiv:1810.03292): the test of the model's parameters.
"""

import keras
import numpy as np
from scipy.stats import rankdata


def untrained(model: keras.Model, seed: int = 0) -> keras.Model:
    """Return a network of the same layers, with weights as before any training. The model is left as it is.

    Layers whose initialisers have a seed of their own, as this project's do, begin as they did; the others by `seed`.
    """
    keras.utils.set_random_seed(seed)
    return keras.models.clone_model(model)


def likeness(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of the magnitudes of two maps of each image: float64 (N,), -1..1.

    1: the same order of pixels; 0: nothing in common. NaN where one of them is the same everywhere.
    """
    found = np.full(len(maps), np.nan)
    for row, pair in enumerate(zip(maps, others, strict=True)):
        a, b = (rankdata(np.abs(one).ravel()) for one in pair)
        if np.ptp(a) and np.ptp(b):
            found[row] = np.corrcoef(a, b)[0, 1]
    return found
