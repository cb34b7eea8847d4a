"""Does a map lie where an expression is drawn? Plausible, which is less than faithful: a network may look elsewhere.

The pointing game: Zhang et al., "Top-Down Neural Attention by Excitation Backprop", 2016 (arXiv:1608.00507); the share
of a map's mass: Wang et al., "Score-CAM", 2020 (arXiv:1910.01279).
"""

import numpy as np

from fer_keras.data.synthetic import PARTS

FEATURES = ("brows", "eyes", "nose", "mouth", "cheeks")  # what an expression is made of


def on_features(parts: np.ndarray) -> np.ndarray:
    """Return where an expression can be: bool, the shape of `parts`, indices of PARTS."""
    return np.isin(parts, [PARTS.index(name) for name in FEATURES])


def focus(maps: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return the share of a map's positive mass on the features over their share of the pixels: float64 (N,).

    1: as chance would have it. NaN for a map that is nowhere positive, or a face without features.
    maps: float (N, H, W). parts: uint8 (N, H, W).
    """
    inside, mass = on_features(parts), np.maximum(maps, 0).astype(np.float64)
    share, area = _ratio((mass * inside).sum(axis=(1, 2)), mass.sum(axis=(1, 2))), inside.mean(axis=(1, 2))
    return _ratio(share, area)


def pointing(maps: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return whether a map's largest value is on the features: float64 (N,), 1 or 0; of equal ones their share."""
    inside = on_features(parts)
    largest = maps == maps.max(axis=(1, 2), keepdims=True)
    return (largest & inside).sum(axis=(1, 2)) / largest.sum(axis=(1, 2))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
