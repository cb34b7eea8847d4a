"""A convolution with a quicker gradient on small maps, equal to Keras's own layer in everything but speed.

On a CPU with bfloat16 the gradient of the kernel is the slowest third of a convolution, and the slower the smaller the
maps: with 3x3 pixels there is little to add up along a row. The same sum is a convolution of another kind, with the
images of the batch as its channels and the upstream gradient as a kernel as large as a map, which TensorFlow's forward
kernel does up to twice as fast. Train with it; save `keras.layers.Conv2D`, which has the same weights under the same
names (`registry.copy_weights`).
"""

import keras

LARGEST_SIDE = 8  # of the maps, in pixels: docs/results.md has what is gained below it; from 12 on it is nothing


@keras.saving.register_keras_serializable(package="fer_keras")
class QuickConv2D(keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose kernel's gradient is taken by `convolve` where that is quicker.

    Takes and returns (N, H, W, C), as the stock layer does. That is on TensorFlow without a GPU, in bfloat16, for
    kernels of odd sides with strides of 1 and "same" padding, on maps of at most LARGEST_SIDE pixels a side; all else
    goes to the stock layer.
    """

    def convolution_op(self, inputs, kernel):
        if not self._gains(inputs):
            return super().convolution_op(inputs, kernel)
        import tensorflow as tf  # here, so that the other backends can do without it

        return convolve(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel))

    def _gains(self, inputs) -> bool:
        height, width = inputs.shape[1:3]
        return (
            keras.backend.backend() == "tensorflow"
            and keras.backend.standardize_dtype(inputs.dtype) == "bfloat16"
            and None not in (height, width)
            and max(height, width) <= LARGEST_SIDE
            and self.padding == "same"
            and self.data_format == "channels_last"
            and self.groups == 1
            and tuple(self.strides) == tuple(self.dilation_rate) == (1, 1)
            and all(side % 2 for side in self.kernel_size)
            and not _has_gpu()
        )


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def convolve(x, kernel):
    """Return the "same" convolution of x (N, H, W, C) by a kernel (K, L, C, F) of odd sides: (N, H, W, F).

    Both tensors and the result are of one floating dtype. With g the gradient that comes back, and P the input with
    (K - 1) / 2 rows and (L - 1) / 2 columns of zeros around it, the kernel's gradient

        dK[i, j, c, f] = sum over n, y, x of P[n, y + i, x + j, c] g[n, y, x, f]

    is the convolution of P, seen as (C, rows, columns, N), by g, seen as a kernel (H, W, N, F).
    """
    import tensorflow as tf

    @tf.custom_gradient
    def convolution(x, kernel):
        def gradients(upstream):
            by_x = tf.nn.conv2d_transpose(upstream, kernel, tf.shape(x), strides=1, padding="SAME")
            rows, columns = (side // 2 for side in kernel.shape[:2])
            by_kernel = tf.nn.conv2d(
                tf.transpose(x, (3, 1, 2, 0)),  # (C, H, W, N)
                tf.transpose(upstream, (1, 2, 0, 3)),  # (H, W, N, F)
                strides=1,
                padding=((0, 0), (rows, rows), (columns, columns), (0, 0)),
            )  # (C, K, L, F)
            return by_x, tf.transpose(by_kernel, (1, 2, 0, 3))

        return tf.nn.conv2d(x, kernel, strides=1, padding="SAME"), gradients

    return convolution(x, kernel)
