"""The graph of a functional or sequential Keras model, read: what a tensor came out of, and where the logits are."""

from collections.abc import Iterator
from typing import NamedTuple

import keras

from fer_keras.errors import UserError

# Both turn logits into probabilities, and a gradient behind them vanishes where the network is sure.
_TO_PROBABILITIES = (keras.activations.softmax, keras.activations.sigmoid)


def producer(tensor: keras.KerasTensor) -> tuple[keras.Operation, list[keras.KerasTensor]]:
    """Return the operation that a symbolic tensor came out of, and what went into it."""
    history = tensor._keras_history
    return history.operation, history.operation._inbound_nodes[history.node_index].input_tensors


def _calls(model: keras.Model) -> Iterator[keras.KerasTensor]:
    """Yield the output of every call of an operation that leads to the output, from there back: a layer may be used
    twice."""
    found, waiting = set(), [model.outputs[0]]
    while waiting:
        tensor = waiting.pop()
        operation, inputs = producer(tensor)
        call = operation.name, tensor._keras_history.node_index
        if call not in found:
            found.add(call)
            yield tensor
            waiting.extend(inputs)


def operation_tensors(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the output tensor of every operation that leads to the output, layers among them, by its name; of one that
    is used twice that of its last use."""
    found = {}
    for tensor in _calls(model):
        found.setdefault(producer(tensor)[0].name, tensor)
    return found


def consumers(model: keras.Model) -> dict[str, list[keras.Operation]]:
    """Return which operations take the output of an operation, by its name."""
    found = {}
    for tensor in _calls(model):
        operation, inputs = producer(tensor)
        for source in inputs:
            found.setdefault(producer(source)[0].name, []).append(operation)
    return found


class Ending(NamedTuple):
    """How a model ends, see `before_softmax`.

    stem: the models to run before the innermost one.
    inner: the innermost model.
    tensor: its symbolic tensor that the logits are made of.
    head: the layer that makes them, or None where `tensor` is the logits.
    bounded: whether a softmax or sigmoid was met, so that the model's outputs are probabilities.
    of_classes: names of the operations of `inner` that give one number a class: from the logits to the output.
    """

    stem: list[keras.Model]
    inner: keras.Model
    tensor: keras.KerasTensor
    head: keras.layers.Layer | None
    bounded: bool
    of_classes: set[str]


def before_softmax(model: keras.Model) -> Ending:
    """Walk back from the output over the softmax and into nested models."""
    stem, tensor, softmax_found, of_classes = [], model.outputs[0], False, set()
    while True:
        operation, inputs = producer(tensor)
        of_classes.add(operation.name)
        activation = getattr(operation, "activation", None)
        standalone = isinstance(operation, keras.layers.Activation)
        if isinstance(operation, keras.Model):
            stem.append(keras.Model(model.inputs[0], inputs[0]))
            model, tensor = _entered(operation, tensor)
            of_classes.clear()  # layers are those of the model within
        elif isinstance(operation, keras.layers.Dropout | keras.layers.Identity) or (
            standalone and activation is keras.activations.linear
        ):
            tensor = inputs[0]
        elif softmax_found and activation is keras.activations.sigmoid:
            return Ending(stem, model, tensor, None, True, of_classes)  # what the softmax is taken of
        elif isinstance(operation, keras.layers.Softmax) or (standalone and activation in _TO_PROBABILITIES):
            tensor, softmax_found = inputs[0], True
        elif activation in _TO_PROBABILITIES:
            head = linear_copy(operation, inputs[0].shape)
            return Ending(stem, model, inputs[0], head, True, of_classes)
        else:
            return Ending(stem, model, tensor, None, softmax_found, of_classes)


def _entered(nested: keras.Model, tensor: keras.KerasTensor) -> tuple[keras.Model, keras.KerasTensor]:
    """Return a nested model as far as the output of it goes that is used outside as `tensor`, and that output."""
    if len(nested.inputs) != 1:
        raise UserError(
            f"expected models within the model to have one input. Received '{nested.name}' with {len(nested.inputs)}"
        )
    output = nested.outputs[tensor._keras_history.tensor_index]
    return (nested if len(nested.outputs) == 1 else keras.Model(nested.inputs[0], output, name=nested.name)), output


def linear_copy(layer: keras.layers.Layer, input_shape: tuple) -> keras.layers.Layer:
    """Return a layer with the weights of `layer` and without its activation."""
    copy = type(layer).from_config({**layer.get_config(), "activation": "linear"})
    copy.build(input_shape)
    copy.set_weights(layer.get_weights())
    return copy
