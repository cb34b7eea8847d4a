"""Class activation maps: the maps of one layer, weighted by what they do for a logit, enlarged to the face.

The layer is any with outputs of more than 1x1; by default the last one before the network gives up height and width.
All maps are rectified, 0 or more, as in the papers.
"""

from abc import abstractmethod

import keras
import tensorflow as tf

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError
from fer_keras.explain.explainer import FACES, TARGETS, Explainer, at_least, target_logits
from fer_keras.explain.perturbation import MaskingExplainer


class _GradientCam(Explainer):
    """A class activation map from the layer's activations and the gradient of the logit with respect to them.

    Args:
        layer: the name of a layer with outputs (N, H, W, C), H x W > 1; None: the last one.

    Raises:
        UserError: no gradient of the logits with respect to the layer's outputs can be taken.
    """

    signed = False
    needs_layer = True

    def __init__(self, model: keras.Model, *, layer: str | None = None, **options):
        super().__init__(model, **options)
        self.layer = self.network.spatial_layer(layer)
        forward = self.network.layer_and_logits(self.layer)
        # Not the pixels alone: behind a step without a gradient, such as rounding, they say nothing of the activations.
        weights = [weight.value for weight in self.network.inner.weights if "float" in weight.dtype]

        def maps(images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch([images, *weights])
                activations, logits = forward(images)
                scores = target_logits(logits, targets)
            gradients = tape.gradient(scores, activations)
            if gradients is None:
                raise UserError(
                    f"expected a layer that the logits' gradient can be taken at. Received '{self.layer}', with a step "
                    f"before or behind it that has none, such as rounding: take another layer"
                )
            return enlarge(self._cam(tf.cast(activations, tf.float32), tf.cast(gradients, tf.float32)))

        self._maps = tf.function(maps, input_signature=[FACES, TARGETS], autograph=False).get_concrete_function()

    def _explain_batch(self, images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return self._maps(images, targets)

    @staticmethod
    @abstractmethod
    def _cam(activations: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        """Return maps (N, H, W) from activations and gradients, both float32 (N, H, W, C)."""


class GradCam(_GradientCam):
    """Channels weighted by their mean gradient."""

    name = "grad-cam"
    reference = "Selvaraju et al., Grad-CAM, 2016, arXiv:1610.02391"

    @staticmethod
    def _cam(activations: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        weights = tf.reduce_mean(gradients, axis=(1, 2))  # (N, C)
        return tf.nn.relu(tf.einsum("nhwc,nc->nhw", activations, weights))


class GradCamPlusPlus(_GradientCam):
    """Channels weighted by their positive gradients, places where a gradient stands alone counting more.

    As in the authors' program, the weights of a channel's places of positive gradient are made to sum to 1; with
    activations of 0 or more, as after a ReLU, no channel's weight is negative then. The paper's factor exp(logit),
    one positive number for a whole map, is left out: it overflows, and changes nothing within a map.
    """

    name = "grad-cam++"
    reference = "Chattopadhay et al., Grad-CAM++, 2017, arXiv:1710.11063"

    @staticmethod
    def _cam(activations: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        sums = tf.reduce_sum(activations, axis=(1, 2), keepdims=True)
        # g^2 / (2 g^2 + g^3 sum(A)), without the powers that underflow where gradients are small; where g < 0 it can
        # have any sign and size, and counts in neither the sum nor the normalisation.
        alphas = tf.where(gradients > 0, tf.math.divide_no_nan(1.0, 2.0 + gradients * sums), 0.0)
        alphas = tf.math.divide_no_nan(alphas, tf.reduce_sum(alphas, axis=(1, 2), keepdims=True))
        weights = tf.reduce_sum(alphas * tf.nn.relu(gradients), axis=(1, 2))  # (N, C)
        return tf.nn.relu(tf.einsum("nhwc,nc->nhw", activations, weights))


class LayerCam(_GradientCam):
    """Every place of every channel weighted by its own positive gradient: works for layers near the input too."""

    name = "layer-cam"
    reference = "Jiang et al., LayerCAM, 2021, IEEE Transactions on Image Processing 30"

    @staticmethod
    def _cam(activations: tf.Tensor, gradients: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(tf.reduce_sum(activations * tf.nn.relu(gradients), axis=-1))


class ScoreCam(MaskingExplainer):
    """Channels weighted by the target's probability when only what they mark is shown; needs no gradient.

    A channel's activations, enlarged and scaled to 0..1, mask the face, black elsewhere. As in the authors' program the
    weight is the softmax probability, so that here, unlike elsewhere, the other logits matter; in the paper it is what
    that is above the probability of a baseline, with a softmax over the channels. Unlike in their program, a channel
    that is the same everywhere masks all, and counts.

    Args:
        layer: the name of a layer with outputs (N, H, W, C), H x W > 1; None: the last one.
        channels: use only so many channels, those whose activations vary most over the picture; None: all. The time
            is that of so many passes for each face.
    """

    name = "score-cam"
    signed = False
    needs_layer = True
    reference = "Wang et al., Score-CAM, 2019, arXiv:1910.01279"

    def __init__(self, model: keras.Model, *, layer: str | None = None, channels: int | None = None, **options):
        super().__init__(model, **options)
        self.layer = self.network.spatial_layer(layer)
        self._channels = None if channels is None else at_least(1, "channels", channels)
        forward = self.network.layer_and_logits(self.layer)

        def activations(images: tf.Tensor) -> tf.Tensor:
            return tf.cast(forward(images)[0], tf.float32)

        self._activations = tf.function(activations, input_signature=[FACES], autograph=False).get_concrete_function()

    def _explain_one(self, image: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        channels = tf.transpose(self._activations(image[tf.newaxis])[0], (2, 0, 1))  # (C, h, w)
        if self._channels is not None and self._channels < len(channels):
            spread = tf.math.reduce_std(channels, axis=(1, 2))
            channels = tf.gather(channels, tf.math.top_k(spread, self._channels).indices)
        masks = enlarge(channels)
        low = tf.reduce_min(masks, axis=(1, 2), keepdims=True)
        high = tf.reduce_max(masks, axis=(1, 2), keepdims=True)
        masks = tf.math.divide_no_nan(masks - low, high - low)
        weights = tf.nn.softmax(self._masked_logits(image, masks, fill=0.0))[:, target]  # (C,)
        return enlarge(tf.nn.relu(tf.tensordot(weights, channels, axes=1))[tf.newaxis])[0]


def enlarge(maps: tf.Tensor) -> tf.Tensor:
    """Return maps (N, H, W) at the size of a face, (N, 48, 48), by bilinear interpolation between cells' centres."""
    size = (IMAGE_SIZE, IMAGE_SIZE)
    return tf.image.resize(maps[..., tf.newaxis], size, antialias=True)[..., 0]
