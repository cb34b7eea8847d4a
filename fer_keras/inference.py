"""Probabilities from a network, with or without test-time augmentation.

A network is anything with Keras's `predict`; nothing here imports Keras, so that command lines can name the kinds of
test-time augmentation without it.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from fer_keras.config import TTA
from fer_keras.emotions import IMAGE_SIZE, NUM_EMOTIONS

PREDICT_BATCH = 256  # fills the cores; larger ones gain nothing on a CPU
CROP = 46  # pixels, the side of a crop of ten-crop


class Network(Protocol):
    def predict(self, x, *, batch_size, verbose, callbacks): ...


def predict_probabilities(
    model: Network,
    images: np.ndarray,
    *,
    tta: str = "none",
    batch_size: int = PREDICT_BATCH,
    parts: int = 1,
    callbacks: Sequence = (),
) -> np.ndarray:
    """Return the probabilities of the seven emotions, float32 (N, 7), in the order of the images.

    images: uint8 (N, 48, 48). tta: one of TTA; the result is the mean over the views of each image (see `views`).
    parts: every batch can be dealt into so many equal ones: blank images fill up the last. callbacks: Keras callbacks
    that look on, e.g. a progress bar; each sees one `predict` a view.
    """
    number = len(images)
    if not number:
        return np.zeros((0, NUM_EMOTIONS), np.float32)
    if fill := -number % parts:
        images = np.concatenate([images, np.zeros((fill, *images.shape[1:]), images.dtype)])
    batch_size -= batch_size % parts
    total, count = np.zeros((len(images), NUM_EMOTIONS), np.float64), 0
    for view in views(images, tta):
        pixels = view.astype(np.float32, copy=False)[..., np.newaxis]  # (N, 48, 48, 1)
        total += np.asarray(model.predict(pixels, batch_size=batch_size, verbose=0, callbacks=list(callbacks)))
        count += 1
    return (total[:number] / count).astype(np.float32)


def views(images: np.ndarray, tta: str) -> Iterator[np.ndarray]:
    """Yield what test-time augmentation shows of the images, each time (N, 48, 48), 0..255, in their order.

    none: the images. flip: the images and their mirror images.
    ten-crop: five crops of 46 x 46, at the centre and in the four corners, enlarged to 48 x 48 (bilinear; float32),
    and their mirror images (Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks",
    2012). On a third of PublicTest a cnn4 had log loss 1.097 with none, 1.080 with flip, 1.065 with these, 1.069 with
    crops of 44, and 1.071 with crops of 48 that reach 2 pixels beyond the image.
    """
    assert tta in TTA, tta
    for crop in _crops(images) if tta == "ten-crop" else (images,):
        yield crop
        if tta != "none":
            yield crop[:, :, ::-1]


def _crops(images: np.ndarray) -> Iterator[np.ndarray]:
    last = IMAGE_SIZE - CROP
    pixels = images.astype(np.float32)
    for top, left in ((last // 2, last // 2), (0, 0), (0, last), (last, 0), (last, last)):
        yield _enlargement(top) @ pixels @ _enlargement(left).T


def _enlargement(first: int) -> np.ndarray:
    """Return the matrix, float32 (48, 48), that enlarges pixels first..first + CROP - 1 to 48, bilinearly."""
    centre = (np.arange(IMAGE_SIZE) + 0.5) * CROP / IMAGE_SIZE - 0.5  # of each new pixel, in old ones
    centre = first + np.clip(centre, 0, CROP - 1)
    return np.maximum(0, 1 - np.abs(centre[:, None] - np.arange(IMAGE_SIZE))).astype(np.float32)
