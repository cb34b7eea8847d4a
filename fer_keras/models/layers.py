"""Keras layers with explicit names: the vocabulary that every network is written in."""

import zlib
from collections import Counter

import keras
import numpy as np
from keras import layers

from fer_keras.models.batch_norm import FusedBatchNormalization
from fer_keras.models.convolution import QuickConv2D

# Parameters are float32 under every policy: only the arithmetic on images and activations changes.
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
# Statistics over the last ten steps or so: small data sets make few steps, and a slower average would still remember
# its initial value when the first epochs are validated.
BATCH_NORM_MOMENTUM = 0.9
_CHANNELS_LAST = "channels_last"  # whatever keras.json says: a CPU has no other, and images are made so


class NamedLayers:
    """Makes the layers of one network, named in Keras's style and counted from the input: conv2d, conv2d_1, ...

    Names are counted here and not by Keras, whose counter is global: `conv2d_24` means the same layer in every
    process. Initial weights and dropout depend on `seed` and the layer's name alone, never on a global generator.

    Layers of the same kind that stand aside of the main path (the projections of residual networks) take a `prefix`
    and are counted on their own: shortcut_conv2d, shortcut_conv2d_1, ...

    Args:
        precision: "float32", "bfloat16" or "float16": the arithmetic; variables are float32 always.
        fast: `FusedBatchNormalization` and `QuickConv2D` instead of the stock layers that they equal.
        seed: of the initial weights and of dropout, 0 or more.
    """

    def __init__(self, *, precision: str = "float32", fast: bool = False, seed: int = 0):
        if precision not in POLICIES:
            raise ValueError(f"Expected precision to be one of {', '.join(POLICIES)}. Received: {precision!r}")
        self._policy = POLICIES[precision]
        self._batch_normalization = FusedBatchNormalization if fast else layers.BatchNormalization
        self._conv2d = QuickConv2D if fast else layers.Conv2D
        self._seed = seed
        self._counts = Counter()

    def rescaling(self):
        """Pixels 0..255 to -1..1, in float32: bfloat16 could not tell neighbouring gray values apart."""
        return layers.Rescaling(1 / 127.5, offset=-1.0, name=self._name("rescaling"), dtype="float32")

    def conv2d(self, filters: int, size: int = 3, *, strides=1, padding="same", bias: bool = False, prefix: str = ""):
        """A convolution with He's initialisation. No bias by default: the batch normalisation after it has one."""
        name = self._name(prefix + "conv2d")
        return self._conv2d(
            filters,
            size,
            strides=strides,
            padding=padding,
            data_format=_CHANNELS_LAST,
            use_bias=bias,
            kernel_initializer=keras.initializers.HeNormal(seed=self._layer_seed(name)),
            name=name,
            dtype=self._policy,
        )

    def batch_normalization(self, *, gamma: float = 1.0, prefix: str = ""):
        """A batch normalisation. gamma: the initial scale of every channel."""
        return self._batch_normalization(
            momentum=BATCH_NORM_MOMENTUM,
            gamma_initializer=keras.initializers.Constant(gamma),
            name=self._name(prefix + "batch_normalization"),
            dtype=self._policy,
        )

    def relu(self):
        return layers.Activation("relu", name=self._name("activation"), dtype=self._policy)

    def leaky_relu(self, slope: float):
        return layers.LeakyReLU(negative_slope=slope, name=self._name("leaky_re_lu"), dtype=self._policy)

    def max_pooling2d(self, size: int = 2, *, strides: int = 2, padding: str = "valid"):
        name = self._name("max_pooling2d")
        return layers.MaxPooling2D(
            size, strides=strides, padding=padding, data_format=_CHANNELS_LAST, name=name, dtype=self._policy
        )

    def global_average_pooling2d(self):
        name = self._name("global_average_pooling2d")
        return layers.GlobalAveragePooling2D(data_format=_CHANNELS_LAST, name=name, dtype=self._policy)

    def flatten(self):
        return layers.Flatten(name=self._name("flatten"), dtype=self._policy)

    def add(self):
        return layers.Add(name=self._name("add"), dtype=self._policy)

    def dropout(self, rate: float):
        """Dropout; present also at rate 0, so that the names do not depend on the rate."""
        name = self._name("dropout")
        return layers.Dropout(rate, seed=self._layer_seed(name), name=name, dtype=self._policy)

    def dense(self, units: int):
        name = self._name("dense")
        initializer = keras.initializers.HeNormal(seed=self._layer_seed(name))
        return layers.Dense(units, kernel_initializer=initializer, name=name, dtype=self._policy)

    def logits(self, units: int):
        """The last dense layer, in float32: class scores before the softmax."""
        initializer = keras.initializers.GlorotUniform(seed=self._layer_seed("logits"))
        return layers.Dense(units, kernel_initializer=initializer, name="logits", dtype="float32")

    def predictions(self):
        """The softmax, in float32; an `Activation`, which tools that swap it for a linear one (tf-keras-vis) know."""
        return layers.Activation("softmax", name="predictions", dtype="float32")

    def _name(self, kind: str) -> str:
        number = self._counts[kind]
        self._counts[kind] += 1
        return f"{kind}_{number}" if number else kind

    def _layer_seed(self, name: str) -> int:
        words = np.random.SeedSequence([self._seed, zlib.crc32(name.encode())]).generate_state(1)
        return int(words[0] >> 1)  # 31 bits: the backends take signed seeds
