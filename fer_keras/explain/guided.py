"""Guided backpropagation: the gradient through a copy of the network whose ReLUs hold back negative gradients."""

from collections.abc import Callable
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from fer_keras.errors import UserError
from fer_keras.explain.explainer import Explainer
from fer_keras.explain.gradients import compile_gradient
from fer_keras.explain.model_access import ModelAccess, noise_faces
from fer_keras.models.copies import copied, copy_layer_weights, pairs

_RECTIFIERS = (keras.activations.relu, keras.activations.relu6, keras.activations.leaky_relu)
_RECTIFYING = (keras.layers.ReLU, keras.layers.LeakyReLU)


class GuidedBackprop(Explainer):
    """The gradient with, at every ReLU, its negative part dropped on the way back.

    Sharp, and to be read with care: the maps depend little on the upper layers or the target (Adebayo et al., Sanity
    Checks for Saliency Maps, 2018, arXiv:1810.03292). Rectifiers are `Activation`, `ReLU` and `LeakyReLU` layers and
    fused activations of relu, relu6 and leaky_relu; a network without any gets its plain gradient, and says so.
    """

    name = "guided-backprop"
    signed = True
    needs_gradient = True
    caveat = (
        "These maps hardly depend on the emotion or on the upper layers: they show what the lower layers respond to in "
        "this face, and not why the network decides as it does."
    )
    reference = "Springenberg et al., Striving for Simplicity: The All Convolutional Net, 2014, arXiv:1412.6806"

    def __init__(self, model: keras.Model, **options):
        super().__init__(model, **options)  # checks the model before it is copied
        original, copy = self.network, guided_copy(model)
        if not any(_rectifier_in(layer) for layer, _ in pairs(model, copy)):
            self.caveat = "The network has no layer that is a ReLU, so that this is its plain gradient (saliency)."
        self.network = ModelAccess(copy)
        _check_same(original, self.network)
        self._gradient = compile_gradient(self.network)

    def _explain_batch(self, images: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return self._gradient(images, targets)


def _check_same(network: ModelAccess, copy: ModelAccess) -> None:
    expected, received = (one.logits(noise_faces()).numpy() for one in (network, copy))
    if not np.allclose(expected, received, rtol=1e-2, atol=1e-2 * (1 + np.abs(expected).max())):
        raise UserError(
            "guided-backprop: expected a network whose layers can be made again from their configurations and weights. "
            "Received one whose copy gives other outputs: take another method"
        )


@tf.custom_gradient
def hold_back_negative(x: tf.Tensor):
    """Return x as it is; on the way back only positive gradients pass."""
    return tf.identity(x), tf.nn.relu


def guided_copy(model: keras.Model) -> keras.Model:
    """Return a copy of a model, weights included, that computes the same, with guided gradients at its rectifiers.

    The rectifier's own derivative stays: 0 or 1 for a ReLU as in the paper, its slope for a leaky one.
    """
    copy = copied(model, _guided_layer)
    for layer, own in pairs(model, copy):
        copy_layer_weights(layer, own)
    return copy


def _guided_layer(layer: keras.layers.Layer) -> keras.layers.Layer:
    rectifier = _rectifier_in(layer)
    if isinstance(layer, _RECTIFYING):
        return keras.layers.Activation(_guided(rectifier), name=layer.name, dtype=layer.dtype_policy)
    copy = type(layer).from_config(layer.get_config())
    if rectifier is not None:
        copy.activation = _guided(rectifier)
    return copy


def _rectifier_in(layer: keras.layers.Layer) -> Callable | None:
    """Return the rectifier that a layer is, or ends in, as a function free of the layer; None where there is none."""
    activation = layer if isinstance(layer, _RECTIFYING) else getattr(layer, "activation", None)
    if isinstance(activation, _RECTIFYING):
        return _rectifier(activation)
    return activation if activation in _RECTIFIERS else None


def _rectifier(layer: keras.layers.ReLU | keras.layers.LeakyReLU):
    """Return the function that a layer computes, free of the layer."""
    if isinstance(layer, keras.layers.LeakyReLU):
        return partial(keras.activations.leaky_relu, negative_slope=layer.negative_slope)
    return partial(
        keras.activations.relu,
        negative_slope=layer.negative_slope,
        max_value=layer.max_value,
        threshold=layer.threshold,
    )


def _guided(activation):
    return lambda x: hold_back_negative(activation(x))
