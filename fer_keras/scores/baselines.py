"""Maps that know no network: what a method of explanation must be better than."""

from collections.abc import Callable

import numpy as np
from scipy.ndimage import sobel


def edges(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return how strong an edge each pixel lies on (Sobel), float32 (N, H, W): it looks much like saliency."""
    faces = images.astype(np.float32)
    # one by one: sobel would smooth over the images too
    return np.stack([np.hypot(*(sobel(face, axis=axis, mode="nearest") for axis in (0, 1))) for face in faces])


def centre(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return a spot in the middle, where faces are: a Gaussian of a sixth of the side, float32 (N, H, W), up to 1.

    The baseline of the pointing game (Zhang et al., "Top-Down Neural Attention by Excitation Backprop", 2016), and a
    strong one for faces, which are cut out around their middle.
    """
    one_axis = (np.exp(-0.5 * ((np.arange(n) - (n - 1) / 2) / (n / 6)) ** 2) for n in images.shape[1:3])
    return np.broadcast_to(np.outer(*one_axis).astype(np.float32), images.shape[:3]).copy()


def noise(seed: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a method whose maps are uniform noise, other noise at each call; float32 (N, H, W), 0..1."""
    rng = np.random.default_rng(seed)
    return lambda images, targets: rng.random(images.shape, np.float32)


# by name: a function from a seed to the method
BASELINES = {"edges": lambda seed: edges, "centre": lambda seed: centre, "noise": noise}
