"""Methods that read the gradient of a logit with respect to the pixels."""

import keras
import numpy as np
import tensorflow as tf

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError
from fer_keras.explain.explainer import (
    FACES,
    TARGETS,
    Explainer,
    OneByOneExplainer,
    at_least,
    between,
    target_logits,
)
from fer_keras.explain.model_access import ModelAccess, followed


def compile_gradient(network: ModelAccess):
    """Return a compiled function from faces (N, 48, 48) and targets (N,) to d logit / d pixel, float32 (N, 48, 48).

    UserError for a network without such a gradient.
    """
    logits = network.folded_logits()

    def gradient(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            scores = target_logits(logits(images), targets)
        return followed(tape, scores, images)

    return tf.function(gradient, input_signature=[FACES, TARGETS], autograph=False).get_concrete_function()


class Saliency(Explainer):
    """|d logit / d pixel|: how strongly a small change of the pixel changes the logit."""

    name = "saliency"
    signed = False
    needs_gradient = True
    reference = "Simonyan et al., Deep Inside Convolutional Networks, 2013, arXiv:1312.6034"

    def __init__(self, model: keras.Model, **options):
        super().__init__(model, **options)
        self._gradient = compile_gradient(self.network)

    def _explain_batch(self, images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return tf.abs(self._gradient(images, targets))


class GradientTimesInput(Explainer):
    """(d logit / d pixel) x pixel: the logit itself, shared out, where the network is linear without a bias.

    A pixel is its gray value, 0..255: black pixels get nothing.
    """

    name = "grad-x-input"
    signed = True
    needs_gradient = True
    reference = "Shrikumar et al., Not Just a Black Box, 2016, arXiv:1605.01713"

    def __init__(self, model: keras.Model, **options):
        super().__init__(model, **options)
        self._gradient = compile_gradient(self.network)

    def _explain_batch(self, images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return self._gradient(images, targets) * images


class _AveragedGradient(OneByOneExplainer):
    """A weighted sum of the gradients at many points."""

    needs_gradient = True

    def __init__(self, model: keras.Model, **options):
        super().__init__(model, **options)
        self._gradient = compile_gradient(self.network)

    def _weighted_gradient(self, points: tf.Tensor, weights: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Return the sum over M points (M, 48, 48) of weight (M,) x gradient, float32 (48, 48)."""
        total = tf.zeros((IMAGE_SIZE, IMAGE_SIZE))
        for start in range(0, len(points), self.batch_size):
            batch = slice(start, start + self.batch_size)
            gradients = self._gradient(points[batch], tf.repeat(target, len(points[batch])))
            total += tf.tensordot(weights[batch], gradients, axes=1)
        return total


class SmoothGrad(_AveragedGradient):
    """The mean gradient over noisy copies of the face. Signed, as the gradient is; pictures show its magnitude.

    Every face gets the same noise, so that its map does not depend on its place in a batch.

    Args:
        samples: noisy copies of each face.
        noise: standard deviation as a fraction of the face's own range of gray values; the paper has 0.1 to 0.2.
        seed: of the noise.
    """

    name = "smoothgrad"
    signed = True
    seeded = True
    reference = "Smilkov et al., SmoothGrad: removing noise by adding noise, 2017, arXiv:1706.03825"

    def __init__(self, model: keras.Model, *, samples: int = 32, noise: float = 0.15, seed: int = 0, **options):
        super().__init__(model, **options)
        samples = at_least(1, "samples", samples)
        self._scale = between(0.0, 10.0, "noise", noise)
        self._noise = tf.random.stateless_normal((samples, IMAGE_SIZE, IMAGE_SIZE), seed=(seed, 0))
        self._weights = tf.fill((samples,), 1.0 / samples)

    def _explain_one(self, image: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        sigma = self._scale * (tf.reduce_max(image) - tf.reduce_min(image))
        return self._weighted_gradient(image + sigma * self._noise, self._weights, target)


class IntegratedGradients(_AveragedGradient):
    """(pixel - baseline) x the mean gradient on the straight way from a baseline to the face.

    The maps sum to the logit of the face less that of the baseline (completeness), up to the error of the
    integration, which is by the Gauss-Legendre rule.

    Args:
        steps: points on the way.
        baseline: a gray value, or a face, float (48, 48), 0..255. Black by default, as in the paper: pixels that
            equal the baseline get nothing.
    """

    name = "integrated-gradients"
    signed = True
    reference = "Sundararajan et al., Axiomatic Attribution for Deep Networks, 2017, arXiv:1703.01365"

    def __init__(self, model: keras.Model, *, steps: int = 64, baseline: float | np.ndarray = 0.0, **options):
        super().__init__(model, **options)
        if np.shape(baseline) not in ((), (IMAGE_SIZE, IMAGE_SIZE)):
            raise UserError(
                f"expected a baseline that is a number or a ({IMAGE_SIZE}, {IMAGE_SIZE}) image. "
                f"Received one of shape {np.shape(baseline)}"
            )
        self.steps = at_least(1, "steps", steps)
        nodes, weights = np.polynomial.legendre.leggauss(self.steps)  # of -1..1
        self._way = tf.constant((nodes[:, None, None] + 1) / 2, tf.float32)  # (steps, 1, 1), in 0..1
        self._weights = tf.constant(weights / 2, tf.float32)
        self._baseline = tf.constant(baseline, tf.float32)

    def _explain_one(self, image: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        difference = image - self._baseline
        return difference * self._weighted_gradient(self._baseline + self._way * difference, self._weights, target)

    def completeness(self, images: np.ndarray, maps: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what maps of faces sum to, and what they should: the target's logit less that of the baseline.

        images: (N, 48, 48), 0..255. maps: float (N, 48, 48). targets: int (N,). Both float64 (N,).
        """
        faces = np.concatenate([np.broadcast_to(self._baseline, (1, IMAGE_SIZE, IMAGE_SIZE)), images])
        parts = [faces[start : start + 256] for start in range(0, len(faces), 256)]
        logits = np.concatenate([self.network.logits(tf.constant(part, tf.float32)) for part in parts])
        at, rows = logits[1:], np.arange(len(images))
        return maps.sum(axis=(1, 2), dtype=np.float64), (at[rows, targets] - logits[0, targets]).astype(np.float64)
