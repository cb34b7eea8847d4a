"""What the networks compute, against formulas: output sizes, and the gradient of softmax cross-entropy."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.models import registry


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """floor((size + padding - kernel) / stride) + 1, with the padding of both sides together."""
    return (size + padding - kernel) // stride + 1


def same_padding(size: int, kernel: int, stride: int) -> int:
    """The padding that makes ceil(size / stride) outputs."""
    return max((-(-size // stride) - 1) * stride + kernel - size, 0)


@pytest.mark.parametrize("name", ["cnn4", "cnn_plain", "resblock", "resnet18_stem7"])
def test_sizes_of_the_maps(name):
    model = registry.build(name)
    sliding = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.MaxPooling2D)]
    for layer in sliding:
        kernel = getattr(layer, "kernel_size", None) or layer.pool_size
        for axis in (1, 2):
            size, stride = layer.input.shape[axis], layer.strides[axis - 1]
            padding = same_padding(size, kernel[axis - 1], stride) if layer.padding == "same" else 0
            assert layer.output.shape[axis] == output_size(size, kernel[axis - 1], stride, padding), layer.name


@pytest.mark.parametrize("scale", [1, 30])  # at 30 some labels have a probability below Keras's clipping at 1e-7
def test_gradient_of_the_cross_entropy_at_the_logits(scale):
    """(p - y) / N, also where p is as good as zero: the loss must go round the softmax by its logits."""
    generator = np.random.default_rng(0)
    labels = np.array([0, 1, 2, 6, 6])
    z = tf.constant(generator.normal(0, scale, (5, 7)), tf.float32)
    predictions = registry.build("cnn4").get_layer("predictions")
    with tf.GradientTape() as tape:
        tape.watch(z)
        loss = keras.losses.SparseCategoricalCrossentropy()(labels, predictions(z))
    p = np.exp(z - np.max(z, axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tape.gradient(loss, z), (p - np.eye(7)[labels]) / 5, atol=1e-6)


def test_gradient_of_the_logits_bias_is_the_mean_error():
    """The bias of `logits` adds to every row of them, so its gradient is the mean of p - y over the images."""
    model = registry.build("cnn_plain")
    images = tf.constant(np.random.default_rng(0).integers(0, 256, (6, 48, 48, 1)), tf.float32)
    labels = np.array([0, 1, 2, 3, 3, 3])
    with tf.GradientTape() as tape:
        p = model(images, training=False)
        loss = keras.losses.SparseCategoricalCrossentropy()(labels, p)
    gradient = tape.gradient(loss, model.get_layer("logits").bias.value)
    np.testing.assert_allclose(gradient, (np.asarray(p) - np.eye(7)[labels]).mean(axis=0), atol=1e-6)
