"""Batch statistics for the network that is used, rather than for the one that is trained.

The moving averages of batch normalisation remember the last few steps, of augmented images, at the resolution of
training. A network that is used gets plain images at full size; the statistics of those are measured anew, on training
images, before the network is validated and saved: "precise" batch normalisation (Wu and Johnson, "Rethinking 'Batch' in
BatchNorm", 2021, arXiv:2105.07576).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

CALIBRATION_IMAGES = 2048  # of training; the statistics of a layer average over the pixels of its maps as well
_BATCH = 128


def calibration_images(images: np.ndarray, seed: int) -> np.ndarray:
    """Return those of the training images, uint8 (N, 48, 48), that `calibration_places` draws."""
    return images[calibration_places(len(images), seed)]


def calibration_places(images: int, seed: int) -> np.ndarray:
    """Return the places of a quarter of the training images, drawn by `seed`, ascending: int64.

    At least a batch, where there are so many, and at most CALIBRATION_IMAGES.
    """
    count = min(max(images // 4, _BATCH), CALIBRATION_IMAGES)
    return np.sort(np.random.default_rng(seed).permutation(images)[:count])


def normalisations(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the batch normalisations of a network, in its order."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]


def calibrate_batch_norm(model: keras.Model, images: np.ndarray) -> None:
    """Set the moving statistics of all batch normalisations to those of plain images, with every dropout off.

    The mean and the variance of each layer are the means of those of the batches. Nothing else of the model changes,
    and a model without batch normalisation stays as it is.

    Args:
        model: takes [(N, 48, 48, 1)], 0..255, as `registry.build` makes it.
        images: uint8 (N, 48, 48), at least one.
    """
    layers = normalisations(model)
    if not layers:
        return
    batches = [images[start : start + _BATCH] for start in range(0, len(images), _BATCH)]
    if len(batches) > 1 and len(batches[-1]) < _BATCH:
        batches.pop()  # a few images would count as much as a whole batch
    with _as_they_were(layers, "momentum"), _as_they_were(_dropouts(model), "rate"):
        for layer in _dropouts(model):
            layer.rate = 0.0
        for number, batch in enumerate(batches):
            for layer in layers:
                layer.momentum = number / (number + 1)  # the moving average becomes the plain one of all batches
            model([batch[..., np.newaxis].astype(np.float32)], training=True)


def _dropouts(model: keras.Model) -> list[keras.layers.Dropout]:
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]


@contextmanager
def _as_they_were(layers: list[keras.layers.Layer], attribute: str) -> Iterator[None]:
    before = [getattr(layer, attribute) for layer in layers]
    try:
        yield
    finally:
        for layer, value in zip(layers, before, strict=True):
            setattr(layer, attribute, value)
