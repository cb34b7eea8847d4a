"""How much of each spatial frequency a set of faces has: the magnitude that MACO gives its pictures."""

import numpy as np


def mean_spectrum(images: np.ndarray, *, batch_size: int = 1024) -> np.ndarray:
    """Return the mean magnitude of the images' two-dimensional Fourier transforms.

    Args:
        images: (N, H, W), gray, 0..255, any dtype; N of at least 1.

    Returns:
        float32 (H, W), laid out as by `numpy.fft.fft2` (frequency zero first) and not normalised: element [0, 0] is the
        mean brightness times the number of pixels.
    """
    total = np.zeros(images.shape[1:], np.float64)
    for start in range(0, len(images), batch_size):
        total += np.abs(np.fft.fft2(images[start : start + batch_size].astype(np.float64))).sum(axis=0)
    return (total / len(images)).astype(np.float32)
