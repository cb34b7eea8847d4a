"""The outputs of several layers in one pass, with a way round nonlinearities that stop a gradient."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError
from fer_keras.explain.model_access import CONVOLUTIONS, RECTIFIERS, ModelAccess
from fer_keras.explain.model_graph import linear_copy, producer

_NONLINEAR = (*RECTIFIERS, keras.layers.Softmax)
_PASSING_ON = (  # with a gradient wherever what they get has one
    keras.layers.AveragePooling2D,
    keras.layers.BatchNormalization,
    keras.layers.GlobalAveragePooling2D,
    keras.layers.GlobalMaxPooling2D,
    keras.layers.MaxPooling2D,
)

# Slope of an opened ReLU below zero: enough to move a dead filter. At 1 (the bare input) pictures for ReLU layers of
# a network trained on FER2013 reached less of the layer's own output, half of it in the first two layers.
LEAK = 0.1
LayerOutputs = Callable[[tf.Tensor], list[tf.Tensor]]


def layer_outputs(network: ModelAccess, names: Sequence[str], *, opened: bool = False) -> LayerOutputs:
    """Return a differentiable function from faces, float32 (N, 48, 48) in 0..255, to the outputs (N, ..., C) of layers.

    Args:
        network: the model; it is only read.
        names: of the layers, each once.
        opened: give what has a gradient everywhere, in place of the output of an activation layer, of a layer with a
            fused activation, or of pooling or batch normalisation after one: a ReLU lets through LEAK of what is below
            zero, and a softmax or another bounded function is left out.

    Raises:
        UserError: no such layer.
    """
    parts = [(network.tensor(name), None) for name in names]  # raises for an unknown name
    if opened:
        parts = [_open(network, name) for name in names]
    to_tensors = network.model_to([tensor for tensor, _ in parts])

    def outputs(faces: tf.Tensor) -> list[tf.Tensor]:
        values = to_tensors(network.enter(faces), training=False)
        values = [values] if len(parts) == 1 else values  # Keras unpacks a list of one
        return [value if last is None else last(value) for value, (_, last) in zip(values, parts, strict=True)]

    return outputs


def plain_model(network: ModelAccess, name: str) -> keras.Model:
    """Return a Keras model from pictures (N, 48, 48, 1) to a layer's output, for packages that take a model.

    Its input is a list of one, which is how tf-keras-vis calls it.

    Raises:
        UserError: no such layer, or the network takes pictures of another size or in colour.
    """
    network.layer_shape(name)
    if network.stem or network.input_shape != (IMAGE_SIZE, IMAGE_SIZE, 1):
        raise UserError(
            f"expected a model that takes ({IMAGE_SIZE}, {IMAGE_SIZE}, 1) and is not nested. Received one that takes "
            f"{network.input_shape}: tf-keras-vis cannot be used on it, take another style"
        )
    return keras.Model([network.inner.inputs[0]], network.tensor(name))


def mean_over_space(output: tf.Tensor) -> tf.Tensor:
    """Return the mean over all axes but the first and the last: (N, ..., C) -> float32 (N, C)."""
    return tf.reduce_mean(tf.cast(output, tf.float32), axis=list(range(1, output.shape.rank - 1)))


def check_filter(network: ModelAccess, layer_name: str, number: int) -> None:
    """Raise UserError unless the layer is there and has a filter of this number."""
    count = network.layer_shape(layer_name)[-1]
    if not 0 <= number < count:
        raise UserError(f"layer '{layer_name}' has {count} filters, 0 to {count - 1}. Received filter {number}")


def convolutions(network: ModelAccess) -> list[str]:
    """Return the names of the two-dimensional convolutions, from the input on."""
    return [name for name in network.layers if isinstance(_layer(network, name), CONVOLUTIONS)]


def convolutions_and_poolings(network: ModelAccess) -> list[str]:
    """Return the names of the two-dimensional convolutions and poolings, from the input on; global poolings not."""
    kinds = (*CONVOLUTIONS, keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
    return [name for name in network.layers if isinstance(_layer(network, name), kinds)]


def _open(network: ModelAccess, name: str):
    """Return a symbolic tensor of the network, and the function to apply to its values (None: none)."""
    tensor = network.tensor(name)
    layer, inputs = producer(tensor)  # not `layer.input`, which is that of the first call where there are several
    if isinstance(layer, _NONLINEAR):
        return inputs[0], _opened(layer)
    if isinstance(layer, _PASSING_ON):
        behind, (source, inputs) = [layer], producer(inputs[0])
        while isinstance(source, _PASSING_ON):
            behind, (source, inputs) = [source, *behind], producer(inputs[0])
        if isinstance(source, _NONLINEAR):
            return inputs[0], _in_turn([_opened(source), *behind])
        if _has_fused(source):
            return inputs[0], _in_turn([linear_copy(source, inputs[0].shape), _opened(source), *behind])
    elif _has_fused(layer):
        return inputs[0], _in_turn([linear_copy(layer, inputs[0].shape), _opened(layer)])
    return tensor, None


def _has_fused(layer: keras.Operation) -> bool:
    """Tell whether a layer ends in a nonlinearity of its own."""
    return getattr(layer, "activation", keras.activations.linear) is not keras.activations.linear


def _in_turn(functions: Sequence[Callable[[tf.Tensor], tf.Tensor]]) -> Callable[[tf.Tensor], tf.Tensor]:
    def all_of_them(values: tf.Tensor) -> tf.Tensor:
        for function in functions:
            values = function(values)
        return values

    return all_of_them


def _opened(layer: keras.Layer) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a layer's nonlinearity, or what stands in for it where its gradient can vanish."""
    activation = getattr(layer, "activation", None)
    if isinstance(layer, keras.layers.ReLU) or activation is keras.activations.relu:
        return lambda values: tf.nn.leaky_relu(values, LEAK)
    if isinstance(layer, keras.layers.LeakyReLU | keras.layers.PReLU):
        return layer
    return tf.identity


def _layer(network: ModelAccess, name: str) -> keras.Layer:
    return network.inner.get_layer(name)


def as_batch(images: np.ndarray) -> tf.Tensor:
    """Return images (N, 48, 48) of any dtype as the tensor that networks take."""
    return tf.constant(np.asarray(images, np.float32))
