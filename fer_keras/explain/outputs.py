"""What a layer gives for an image: its feature maps."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from fer_keras.errors import UserError
from fer_keras.explain.layer_outputs import as_batch, convolutions, layer_outputs
from fer_keras.explain.model_access import ModelAccess


@dataclass(frozen=True)
class FeatureMaps:
    """Some channels of one layer's output for one image.

    layer:    its name.
    channels: int64 (K,), which ones, in increasing order.
    maps:     float32 (K, h, w), in the layer's units.
    """

    layer: str
    channels: np.ndarray
    maps: np.ndarray


def feature_maps(model: keras.Model, layer_name: str, images: np.ndarray, *, batch_size: int = 64) -> np.ndarray:
    """Return a layer's output for each image.

    Args:
        model: any that `ModelAccess` takes.
        layer_name: a layer with spatial outputs: (N, h, w, C).
        images: (N, 48, 48), gray, 0..255, any dtype.

    Returns:
        float32 (N, C, h, w).

    Raises:
        UserError: no such layer, or one without spatial outputs.
    """
    network = ModelAccess(model)
    shape = network.layer_shape(layer_name)
    if len(shape) != 3:
        raise UserError(
            f"expected a layer with feature maps (height, width, channels). Received '{layer_name}' with outputs of "
            f"{shape}. Expected one of: {', '.join(network.spatial_layers())}"
        )
    to_outputs = tf.function(layer_outputs(network, [layer_name]), reduce_retracing=True)
    batches = [to_outputs(as_batch(images[i : i + batch_size]))[0].numpy() for i in range(0, len(images), batch_size)]
    maps = np.concatenate(batches).astype(np.float32)  # (N, h, w, C)
    return maps.transpose(0, 3, 1, 2)


def network_sample(
    model: keras.Model, image: np.ndarray, *, channels: int = 5, seed: int = 0, layers: Sequence[str] | None = None
) -> list[FeatureMaps]:
    """Return random channels of every convolution for one image, from the input on, in one pass.

    Args:
        model: any that `ModelAccess` takes.
        image: (48, 48), gray, 0..255.
        channels: how many of each layer; all of them where a layer has fewer.
        seed: chooses them, each layer's apart from the others'.
        layers: names, in place of every convolution.

    Raises:
        UserError: no such layer.
    """
    network = ModelAccess(model)
    names = convolutions(network) if layers is None else list(layers)
    if not names:  # of layers within layers there are none to show
        return []
    outputs = layer_outputs(network, names)(as_batch(image[None]))
    samples = []
    for name, output in zip(names, outputs, strict=True):
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        count = output.shape[-1]
        chosen = np.sort(rng.choice(count, min(channels, count), replace=False))
        maps = np.asarray(output)[0][..., chosen].astype(np.float32).transpose(2, 0, 1)  # (K, h, w)
        samples.append(FeatureMaps(name, chosen, maps))
    return samples
