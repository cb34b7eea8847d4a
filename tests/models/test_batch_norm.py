"""The fused batch normalisation beside the stock layer and beside the closed form of its gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.models.batch_norm import FusedBatchNormalization


def two_layers(shape, *, dtype="float32"):
    """Return a stock and a fused layer with the same weights, none of them at its initial value."""
    generator = np.random.default_rng(1)
    pair = [kind(momentum=0.8, dtype=dtype) for kind in (keras.layers.BatchNormalization, FusedBatchNormalization)]
    weights = [generator.uniform(0.5, 2, shape[-1]) for _ in range(4)]
    for layer in pair:
        layer.build(shape)
        layer.set_weights(weights)
    return pair


def data(shape):
    generator = np.random.default_rng(2)
    return (
        generator.normal(3, 2, shape).astype("float32"),
        generator.normal(0, 1, shape).astype("float32"),  # the gradient that comes back to the output
    )


def outputs_and_gradients(layer, x, upstream, *, training):
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training)
        objective = tf.reduce_sum(tf.cast(y, tf.float32) * upstream)
    gradients = tape.gradient(objective, [x, layer.gamma.value, layer.beta.value])
    return [np.asarray(value) for value in (y, *gradients)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(5, 4, 6, 3), (1, 1, 2, 4)])
def test_equal_to_the_stock_layer(shape, training):
    x, upstream = data(shape)
    stock, fused = two_layers(shape)
    for ours, theirs in zip(
        outputs_and_gradients(fused, x, upstream, training=training),
        outputs_and_gradients(stock, x, upstream, training=training),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(fused.get_weights(), stock.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_moving_statistics_are_those_of_the_batch():
    shape = (2, 1, 2, 3)  # four values a channel: the biased and the unbiased variance differ by a third
    x, _ = data(shape)
    _, fused = two_layers(shape)
    _, _, mean, variance = fused.get_weights()
    fused(x, training=True)
    np.testing.assert_allclose(fused.moving_mean, 0.8 * mean + 0.2 * x.mean(axis=(0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(fused.moving_variance, 0.8 * variance + 0.2 * x.var(axis=(0, 1, 2)), rtol=1e-5)


def test_gradient_is_the_closed_form():
    """dx = gamma / sqrt(var + eps) * (dy - mean(dy) - z * mean(dy * z)), of Ioffe and Szegedy, section 3."""
    shape = (5, 4, 6, 3)
    x, dy = data(shape)
    _, fused = two_layers(shape)
    gamma, beta = (weight.astype("float64") for weight in fused.get_weights()[:2])
    z = (x - x.mean(axis=(0, 1, 2))) / np.sqrt(x.var(axis=(0, 1, 2)) + 1e-3)
    dx = gamma / np.sqrt(x.var(axis=(0, 1, 2)) + 1e-3)
    dx = dx * (dy - dy.mean(axis=(0, 1, 2)) - z * (dy * z).mean(axis=(0, 1, 2)))
    expected = [gamma * z + beta, dx, (dy * z).sum(axis=(0, 1, 2)), dy.sum(axis=(0, 1, 2))]
    for ours, theirs in zip(outputs_and_gradients(fused, x, dy, training=True), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.06), ("float16", 0.008)])
def test_low_precision_data_with_float32_statistics(dtype, tolerance):
    shape = (8, 6, 6, 4)
    x, upstream = data(shape)
    x = np.asarray(tf.cast(tf.cast(x, dtype), tf.float32))  # exact in either dtype: only the arithmetic differs
    stock, _ = two_layers(shape)
    _, fused = two_layers(shape, dtype=f"mixed_{dtype}")
    assert fused(x, training=True).dtype == dtype
    stock(x, training=True)
    for ours, theirs in zip(fused.get_weights(), stock.get_weights(), strict=True):
        assert ours.dtype == "float32"
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    for ours, theirs in zip(
        outputs_and_gradients(fused, x, upstream, training=True)[:2],
        outputs_and_gradients(stock, x, upstream, training=True)[:2],
        strict=True,
    ):
        np.testing.assert_allclose(ours.astype("float32"), theirs, atol=tolerance)


def test_a_frozen_layer_keeps_and_uses_its_moving_statistics():
    shape = (5, 4, 6, 3)
    x, _ = data(shape)
    _, fused = two_layers(shape)
    fused.trainable = False
    before = fused.get_weights()
    np.testing.assert_array_equal(fused(x, training=True), fused(x, training=False))
    for now, then in zip(fused.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("training", [True, False])
def test_vectors_go_to_the_stock_layer(training):
    x, _ = data((6, 3))
    stock, fused = two_layers((6, 3))
    np.testing.assert_array_equal(fused(x, training=training), stock(x, training=training))
    np.testing.assert_array_equal(fused.moving_variance, stock.moving_variance)


def test_fit_moves_the_statistics_as_the_stock_layer_does():
    x, _ = data((12, 5, 5, 2))
    y = x.mean(axis=(1, 2, 3))
    weights = []
    for kind in (keras.layers.BatchNormalization, FusedBatchNormalization):
        model = keras.Sequential([keras.Input((5, 5, 2)), kind(), keras.layers.Flatten(), keras.layers.Dense(1)])
        model.layers[-1].set_weights([np.full((50, 1), 0.01), np.zeros(1)])
        model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=False)
        model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for stock, fused in zip(*weights, strict=True):
        np.testing.assert_allclose(fused, stock, rtol=1e-4, atol=1e-5)
    assert np.abs(weights[1][2]).min() > 0.1  # the mean of 3 has been seen
