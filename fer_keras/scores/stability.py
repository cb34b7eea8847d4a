"""Does a map stay as it is when the face changes so little that nobody would see it?

Yeh et al., "On the (In)fidelity and Sensitivity of Explanations", 2019 (arXiv:1901.09392): the largest change.
"""

from collections.abc import Callable

import numpy as np

RADIUS = 4.0  # gray levels of 255
DRAWS = 4


def sensitivity(
    images: np.ndarray,
    maps: np.ndarray,
    targets: np.ndarray,
    explain: Callable[[np.ndarray, np.ndarray], np.ndarray],
    *,
    radius: float = RADIUS,
    draws: int = DRAWS,
    seed: int = 0,
) -> np.ndarray:
    """Return the largest ||map of the noisy face - map|| / ||map|| over `draws` noises: float64 (N,); 0: none.

    The noise is uniform within `radius` gray levels; the face stays within 0..255. NaN for a map that is 0 everywhere.

    Args:
        images: (N, H, W), 0..255. maps: float (N, H, W), of `explain(images, targets)`.
    """
    rng, largest = np.random.default_rng(seed), np.zeros(len(images))
    for _ in range(draws):
        noisy = np.clip(images + rng.uniform(-radius, radius, images.shape), 0, 255).astype(np.float32)
        largest = np.maximum(largest, _norms(explain(noisy, targets) - maps))
    norms = _norms(maps)
    return np.divide(largest, norms, out=np.full(len(images), np.nan), where=norms > 0)


def _norms(maps: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(maps, dtype=np.float64).sum(axis=(1, 2)))
