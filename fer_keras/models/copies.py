"""Copies of a network, layer by layer: with layers of another kind, or with weights of another origin."""

from collections.abc import Callable, Iterator

import keras


def copied(model: keras.Model, layer_of: Callable[[keras.Layer], keras.Layer]) -> keras.Model:
    """Return a network of the same form whose layers are what `layer_of` makes of the model's, with their own weights.

    Layers within layers are copied too. The model is left as it is.
    """

    def one(layer: keras.Layer) -> keras.Layer:
        return copied(layer, layer_of) if isinstance(layer, keras.Model) else layer_of(layer)

    # Through a new model on the same graph, because `clone_model` would compile the copy of a compiled one, and fail
    # where the loss is the caller's own.
    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    outputs = model.outputs if len(model.outputs) > 1 else model.outputs[0]
    return keras.models.clone_model(keras.Model(inputs, outputs, name=model.name), clone_function=one)


def pairs(model: keras.Model, copy: keras.Model) -> Iterator[tuple[keras.Layer, keras.Layer]]:
    """Yield each layer of a model, those within layers too, with what stands for it in a copy by `copied`."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):  # clones of it take names of their own
            continue
        own = copy.get_layer(layer.name)
        if isinstance(layer, keras.Model):
            yield from pairs(layer, own)
        else:
            yield layer, own


def copy_layer_weights(layer: keras.Layer, copy: keras.Layer) -> None:
    """Copy the weights of a layer as saving and loading would: `Normalization` computes with values made from its."""
    copy.set_weights(layer.get_weights())  # those of layers within the layer too
    own = {}
    layer.save_own_variables(own)
    copy.load_own_variables(own)
