"""Do the pixels that a map calls important matter to the network? They vanish, or appear, in the map's order.

Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018 (arXiv:1806.07421).
What vanishes is replaced by the blurred face, for both curves: gray would draw edges of its own.
"""

import zlib
from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter

STEPS = 32  # of 72 pixels of the 2,304
BLUR = 5.0  # standard deviation in pixels: of a 48x48 face, light and dark are left


def curves(
    images: np.ndarray,
    maps: np.ndarray,
    targets: np.ndarray,
    probabilities: Callable[[np.ndarray], np.ndarray],
    *,
    insert: bool = False,
    steps: int = STEPS,
    blur: float = BLUR,
    seed: int = 0,
) -> np.ndarray:
    """Return the probability of the target while pixels go, or with `insert` come: float64 (N, steps + 1).

    Args:
        images: (N, H, W), 0..255. maps: float (N, H, W); pixels of equal value come in a random order, by `seed`.
        targets: int (N,). probabilities: float (M, H, W) -> (M, classes).
        steps: of as many pixels each, as nearly as they can be divided.
    """
    found = np.empty((len(images), steps + 1))
    for row, (image, one, target) in enumerate(zip(images.astype(np.float32), maps, targets, strict=True)):
        rng = np.random.default_rng([seed, zlib.crc32(image.tobytes())])  # the image's own, whatever stands beside it
        blurred = gaussian_filter(image, blur, mode="nearest")
        rank = ranks(one, rng)
        gone = rank[None] < np.linspace(0, rank.size, steps + 1).round()[:, None, None]  # (steps + 1, H, W)
        seen = np.where(gone, image, blurred) if insert else np.where(gone, blurred, image)
        found[row] = probabilities(seen)[:, target]
    return found


def ranks(one: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return for each pixel of a map how many come before it, the largest first: int64, the shape of the map."""
    order = np.lexsort((rng.random(one.size), -one.ravel()))  # the last key counts first
    rank = np.empty(one.size, np.int64)
    rank[order] = np.arange(one.size)
    return rank.reshape(one.shape)


def areas(probability_curves: np.ndarray) -> np.ndarray:
    """Return the areas below curves (N, steps + 1) over 0..1, by trapezoids: float64 (N,)."""
    return np.trapezoid(probability_curves, dx=1 / (probability_curves.shape[1] - 1), axis=1)
