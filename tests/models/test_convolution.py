"""The convolution with the quick kernel gradient beside TensorFlow's own gradient and beside the stock layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.models.convolution import QuickConv2D, convolve


def result_and_gradients(function, upstream, *arguments):
    """Return the function's result, and the gradient of sum(result * upstream) by each of the arguments."""
    arguments = [tf.constant(argument) for argument in arguments]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        result = function(*arguments)
        objective = tf.reduce_sum(result * upstream)
    return [np.asarray(value) for value in (result, *tape.gradient(objective, arguments))]


@pytest.mark.parametrize(
    "n, height, width, channels, filters, rows, columns",
    [
        (5, 3, 3, 4, 6, 3, 3),
        (1, 1, 1, 2, 3, 3, 3),  # all but the kernel's middle meets padding alone
        (4, 2, 7, 3, 2, 5, 3),  # a kernel taller than the map
        (3, 6, 5, 2, 2, 1, 1),
    ],
)
def test_gradients_are_those_of_tensorflow(n, height, width, channels, filters, rows, columns):
    generator = np.random.default_rng(1)
    x, kernel, upstream = (
        generator.normal(size=shape).astype("float32")
        for shape in ((n, height, width, channels), (rows, columns, channels, filters), (n, height, width, filters))
    )
    ours = result_and_gradients(convolve, upstream, x, kernel)
    theirs = result_and_gradients(lambda x, k: tf.nn.conv2d(x, k, 1, "SAME"), upstream, x, kernel)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-5)


def test_kernel_gradient_by_hand():
    # x = 2 at the top left of 2x2 pixels, g = 3 at the bottom right: they meet at one place of the kernel alone.
    x, upstream = np.zeros((2, 1, 2, 2, 1), "float32")
    x[0, 0, 0, 0], upstream[0, 1, 1, 0] = 2, 3
    *_, gradient = result_and_gradients(convolve, upstream, x, np.ones((3, 3, 1, 1), "float32"))
    expected = np.zeros((3, 3, 1, 1))
    expected[0, 0] = 6  # the input stands one row above the output and one column to its left
    np.testing.assert_allclose(gradient, expected)


def gradient_graph(layer, *shape):
    """Return a compiled function (N, ...) -> the gradient of the layer's kernel, for batches of any size."""
    layer.build((None, *shape))

    @tf.function(input_signature=[tf.TensorSpec((None, *shape))])
    def gradient(x):
        with tf.GradientTape() as tape:
            objective = tf.reduce_sum(tf.cast(layer(x), tf.float32) ** 2)
        return tape.gradient(objective, layer.kernel.value)

    return gradient


@pytest.mark.parametrize("shape, groups", [((8, 8, 2), 1), ((3, 3, 2), 1), ((3, 3, 2), 2)])
def test_layer_in_mixed_precision_is_the_stock_layer(shape, groups):
    options = {"padding": "same", "groups": groups, "dtype": "mixed_bfloat16"}
    stock, quick = keras.layers.Conv2D(4, 3, **options), QuickConv2D(4, 3, **options)
    exact = keras.layers.Conv2D(4, 3, **options | {"dtype": "float32"})
    x = np.random.default_rng(0).normal(size=(5, *shape)).astype("float32")
    stock.build((None, *shape))
    ours_of, exact_of = gradient_graph(quick, *shape), gradient_graph(exact, *shape)
    for layer in (quick, exact):
        layer.set_weights(stock.get_weights())
    assert quick(x).dtype == stock(x).dtype == tf.bfloat16
    np.testing.assert_array_equal(tf.cast(quick(x), tf.float32), tf.cast(stock(x), tf.float32))
    # Not beside the stock gradient in bfloat16: where the CPU has none of its own, that is 3% off.
    ours, expected = ours_of(x).numpy(), exact_of(x).numpy()
    assert ours.dtype == np.float32
    parts = ours_of(x[:2]).numpy() + ours_of(x[2:]).numpy()  # a batch of any size
    for gradient in (ours, parts):
        np.testing.assert_allclose(gradient, expected, atol=0.02 * abs(expected).max())  # bfloat16 has eight bits


def test_layer_takes_the_quick_way_where_it_gains():
    def is_quick(side, dtype="mixed_bfloat16", **options):
        gradient = gradient_graph(
            QuickConv2D(4, dtype=dtype, **{"kernel_size": 3, "padding": "same"} | options), side, side, 4
        )
        kinds = {operation.type for operation in gradient.get_concrete_function().graph.get_operations()}
        return "Conv2DBackpropFilter" not in kinds

    assert is_quick(8)
    assert not is_quick(9)
    assert not is_quick(8, dtype="float32")
    assert not is_quick(8, kernel_size=4)
    assert not is_quick(8, padding="valid")
    assert not is_quick(8, strides=2)
    assert not is_quick(8, dilation_rate=2)
