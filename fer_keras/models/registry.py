"""The networks by name: how one is built, and how weights go from one to another of the same kind."""

import inspect

import keras
import numpy as np

from fer_keras.emotions import IMAGE_SIZE, NUM_EMOTIONS
from fer_keras.errors import unknown_name
from fer_keras.models.layers import NamedLayers
from fer_keras.models.resnet import resblock, resnet18, resnet18_stem7
from fer_keras.models.small import cnn3, cnn4, cnn_plain
from fer_keras.models.vgg import vgg15, vgg25

NETWORKS = {
    network.__name__: network for network in (vgg25, vgg15, cnn4, cnn3, cnn_plain, resblock, resnet18, resnet18_stem7)
}


def build(
    name: str,
    *,
    dropout: float | None = None,
    precision: str = "float32",
    fast: bool = False,
    seed: int = 0,
    any_size: bool = False,
) -> keras.Model:
    """Build a network with its initial weights.

    The model takes `image`, (N, 48, 48, 1) with pixels 0..255, and rescales it itself; it returns `predictions`,
    (N, 7) float32, the softmax of `logits`, in the order of `emotions.EMOTIONS`. The same name and seed give bit for
    bit the same initial weights, whatever was built before, and the same ones for every precision.

    Args:
        name: one of `catalog.ARCHITECTURES`.
        dropout: rate before the logits in [0, 1); None is the network's own default.
        precision: "float32", "bfloat16" or "float16" arithmetic; variables are float32 always.
        fast: use this package's layers, which equal Keras's in less time (to train); False gives stock ones (to save).
        seed: of initial weights and dropout, 0 or more.
        any_size: take images of any height and width; for `catalog.ANY_SIZE` only, and with the same weights.

    Raises:
        UserError: no network of this name.
        ValueError: no such precision, or a dropout rate out of range.
    """
    if name not in NETWORKS:
        raise unknown_name("architecture", name, NETWORKS)
    net = NamedLayers(precision=precision, fast=fast, seed=seed)
    side = None if any_size else IMAGE_SIZE
    image = keras.Input((side, side, 1), name="image")
    x = net.rescaling()(image)
    x = NETWORKS[name](x, net, dropout=default_dropout(name) if dropout is None else dropout)
    x = net.logits(NUM_EMOTIONS)(x)
    x = net.predictions()(x)
    return keras.Model([image], x, name=name)  # a list, as tf-keras-vis expects it


def default_dropout(name: str) -> float:
    """Return the dropout rate that a network has when none is asked for."""
    return inspect.signature(NETWORKS[name]).parameters["dropout"].default


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy all weights, moving statistics included, between two builds of one network, layer by layer by name.

    Precision, fast layers, dropout and seed of the two may differ. `target` stays as it was unless
    everything fits.

    Raises:
        ValueError: a layer with weights, a weight or a shape stands in one of the two only.
    """
    theirs, ours = weights_by_path(source), weights_by_path(target)
    if theirs.keys() != ours.keys():
        odd = sorted(theirs.keys() ^ ours.keys())
        raise ValueError(f"{source.name} and {target.name} differ in their layers' weights. Only in one: {odd[:5]}")
    for path, variable in ours.items():
        if tuple(variable.shape) != tuple(theirs[path].shape):
            raise ValueError(f"Expected {path} of shape {variable.shape}. Received: {theirs[path].shape}")
    for path, variable in ours.items():
        # A true copy: JAX would share the array, and take it away from both when a training step reuses its memory.
        variable.assign(np.array(keras.ops.convert_to_numpy(theirs[path])))


def weights_by_path(model: keras.Model) -> dict:
    """Return the variables by 'layer/weight', e.g. 'conv2d_24/kernel'; without the state of random generators."""
    return {f"{layer.name}/{weight.name}": weight for layer in model.layers for weight in layer.weights}
