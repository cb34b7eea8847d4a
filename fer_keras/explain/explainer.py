"""The one interface that every attribution method is behind."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError
from fer_keras.explain.model_access import ModelAccess

FACES = tf.TensorSpec((None, IMAGE_SIZE, IMAGE_SIZE), tf.float32)
TARGETS = tf.TensorSpec((None,), tf.int32)
PREDICTED = -1  # as a target: the class with the largest logit


class Explainer(ABC):
    """Says how much each pixel of a face has to do with one logit of a network.

    The logits are those before the softmax. The model is read, never changed. Its weights are those of the moment
    when the explainer is made.

    Class attributes, set by every method:
        name: on the command line and in folder names, e.g. "grad-cam".
        signed: whether maps have a sign (for and against the target). The others are 0 or more.
        needs_layer: whether the method looks at a layer inside the network, and takes `layer`.
        needs_gradient: whether the method takes the gradient with respect to the pixels.
        seeded: whether its maps are drawn at random, and it takes `seed`.
        reference: the paper.
        caveat: what a reader of its maps must know, a sentence; "" where there is nothing of the kind. Of an instance
            it may be another: that of its network.

    Args:
        model: any Keras model that `ModelAccess` takes.
        batch_size: pictures in one pass through the network.

    Raises:
        UserError: a model that cannot be explained, or an option out of range.
    """

    name: ClassVar[str]
    signed: ClassVar[bool]
    needs_layer: ClassVar[bool] = False
    needs_gradient: ClassVar[bool] = False
    seeded: ClassVar[bool] = False
    reference: ClassVar[str]
    caveat: str = ""

    def __init__(self, model: keras.Model, *, batch_size: int = 64):
        self.network = ModelAccess(model)
        self.batch_size = at_least(1, "batch_size", batch_size)

    def explain(self, images: np.ndarray, targets: np.ndarray | None = None) -> np.ndarray:
        """Return the raw maps of faces, float32 (N, 48, 48); the scale is the method's own.

        An image's map does not depend on the images beside it.

        Args:
            images: uint8 or float (N, 48, 48) or (N, 48, 48, 1), 0..255.
            targets: integers (N,), the classes to explain; None: the predicted ones.

        Raises:
            UserError: images of another shape, targets of another number or out of range.
        """
        images = _faces(images)
        targets = self._targets(targets, len(images))
        maps = np.empty(images.shape, np.float32)
        for start in range(0, len(images), self.batch_size):
            batch = slice(start, start + self.batch_size)
            maps[batch] = self._explain_batch(tf.constant(images[batch], tf.float32), tf.constant(targets[batch]))
        return maps

    @abstractmethod
    def _explain_batch(self, images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Return the maps of one batch: images float32 (B, 48, 48), targets int32 (B,), PREDICTED among them."""

    @cached_property
    def _logits(self):
        # A concrete function: one graph for every number of images, and no tracing check on each call.
        function = tf.function(self.network.logits, input_signature=[FACES], autograph=False)
        return function.get_concrete_function()

    def _targets(self, targets: np.ndarray | None, n: int) -> np.ndarray:
        if targets is None:
            return np.full(n, PREDICTED, np.int32)
        targets = np.asarray(targets)
        if targets.shape != (n,) or targets.dtype.kind not in "iu":
            raise UserError(
                f"expected one integer target for each of the {n} images. "
                f"Received targets of shape {targets.shape}, {targets.dtype}"
            )
        classes = self.network.num_classes
        if n and (targets.min() < 0 or targets.max() >= classes):
            raise UserError(f"expected targets of 0..{classes - 1}. Received {targets.min()}..{targets.max()}")
        return targets.astype(np.int32)


class OneByOneExplainer(Explainer):
    """Looks at each face many times over (with noise, masks, on a path); `batch_size` counts those pictures."""

    def _explain_batch(self, images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        if tf.reduce_any(targets == PREDICTED):
            targets = chosen_targets(self._logits(images), targets)
        return tf.stack([self._explain_one(image, target) for image, target in zip(images, targets, strict=True)])

    @abstractmethod
    def _explain_one(self, image: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Return the map of one image, float32 (48, 48); the target, int32 (), is a class."""


def chosen_targets(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Return targets, int32 (N,), with the predicted class in the place of PREDICTED."""
    return tf.where(targets == PREDICTED, tf.argmax(logits, axis=-1, output_type=tf.int32), targets)


def target_logits(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Return each image's logit of its target, float32 (N,)."""
    return tf.gather(logits, chosen_targets(logits, targets), batch_dims=1)


def at_least(least: int, name: str, value: int) -> int:
    """Return an option's value; UserError where it is less."""
    if value < least:
        raise UserError(f"expected {name} of at least {least}. Received {value}")
    return value


def between(low: float, high: float, name: str, value: float) -> float:
    """Return an option's value; UserError outside low..high."""
    if not low <= value <= high:
        raise UserError(f"expected {name} of {low} to {high}. Received {value}")
    return value


def _faces(images: np.ndarray) -> np.ndarray:
    images = np.asarray(images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 or images.shape[1:] != (IMAGE_SIZE, IMAGE_SIZE) or images.dtype.kind not in "uif":
        raise UserError(
            f"expected gray faces of (N, {IMAGE_SIZE}, {IMAGE_SIZE}), 0..255. "
            f"Received an array of shape {images.shape}, {images.dtype}"
        )
    return images
