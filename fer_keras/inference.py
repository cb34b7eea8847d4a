"""Probabilities from a network, with or without test-time augmentation.

A network is anything with Keras's `predict`; nothing here imports Keras, so that command lines can name the kinds of
test-time augmentation without it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from fer_keras.emotions import NUM_EMOTIONS

PREDICT_BATCH = 256  # fills the cores; larger ones gain nothing on a CPU
CROP_SHIFT = 2  # pixels that a crop of ten-crop lies off the centre

TTA = ("none", "flip", "ten-crop")


class Network(Protocol):
    def predict(self, x, *, batch_size, verbose, callbacks): ...


def predict_probabilities(
    model: Network,
    images: np.ndarray,
    *,
    tta: str = "none",
    batch_size: int = PREDICT_BATCH,
    callbacks: Sequence = (),
) -> np.ndarray:
    """Return the probabilities of the seven emotions, float32 (N, 7), in the order of the images.

    images: uint8 (N, 48, 48). tta: one of TTA; the result is the mean over the views of each image (see `views`).
    callbacks: Keras callbacks that look on, e.g. a progress bar; each sees one `predict` a view.
    """
    total, count = np.zeros((len(images), NUM_EMOTIONS), np.float64), 0
    if not len(images):
        return total.astype(np.float32)
    for view in views(images, tta):
        pixels = view.astype(np.float32)[..., np.newaxis]  # (N, 48, 48, 1)
        total += np.asarray(model.predict(pixels, batch_size=batch_size, verbose=0, callbacks=list(callbacks)))
        count += 1
    return (total / count).astype(np.float32)


def views(images: np.ndarray, tta: str) -> Iterator[np.ndarray]:
    """Yield what test-time augmentation shows of the images, each time uint8 (N, 48, 48), in their order.

    none: the images. flip: the images and their mirror images.
    ten-crop: five crops, at the centre and towards the four corners, and their mirror images (Krizhevsky et al.,
    "ImageNet Classification with Deep Convolutional Neural Networks", 2012). The crops are shifted by CROP_SHIFT
    pixels and keep the size of 48 x 48, the border being repeated outwards, so that faces keep the scale they were
    trained at; the one at the centre is the image itself.
    """
    assert tta in TTA, tta
    for crop in _crops(images) if tta == "ten-crop" else (images,):
        yield crop
        if tta != "none":
            yield crop[:, :, ::-1]


def view_count(tta: str) -> int:
    """Return how many views of each image `tta` shows."""
    return {"none": 1, "flip": 2, "ten-crop": 10}[tta]


def _crops(images: np.ndarray) -> Iterable[np.ndarray]:
    height, width = images.shape[1:]
    edge = CROP_SHIFT
    padded = np.pad(images, ((0, 0), (edge, edge), (edge, edge)), mode="edge")
    for top, left in ((edge, edge), (0, 0), (0, 2 * edge), (2 * edge, 0), (2 * edge, 2 * edge)):
        yield padded[:, top : top + height, left : left + width]
