"""Batch normalisation through TensorFlow's fused kernel, equal to Keras's own layer in everything but speed.

Keras 3's `BatchNormalization` on TensorFlow is a chain of elementary float32 operations, whatever the precision of
the data. The fused kernel reads the data once for the statistics and once for the result, and takes bfloat16 and
float16 data as they are, with float32 parameters. Train with it; save `keras.layers.BatchNormalization`, which has
the same weights under the same names (`registry.copy_weights`).
"""

import keras


@keras.saving.register_keras_serializable(package="fer_keras")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` that runs as one kernel where one exists.

    Takes and returns (N, H, W, C) in the layer's compute dtype: float32, bfloat16 or float16. Inputs of another rank
    or dtype, masks, and options that the kernel does not know go to the stock layer, as does everything on another
    backend than TensorFlow. Source: Ioffe and Szegedy, "Batch Normalization", 2015 (arXiv:1502.03167).
    """

    def call(self, inputs, training=None, mask=None):
        if mask is not None or not self._fits_kernel(inputs):
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf  # here, so that the other backends can do without it

        scale, offset = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        if not (training and self.trainable):
            outputs, *_ = tf.raw_ops.FusedBatchNormV3(
                x=inputs,
                scale=scale,
                offset=offset,
                mean=tf.convert_to_tensor(self.moving_mean),
                variance=tf.convert_to_tensor(self.moving_variance),
                epsilon=self.epsilon,
                is_training=False,
            )
            return outputs

        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=scale, offset=offset, mean=[], variance=[], epsilon=self.epsilon, is_training=True
        )
        # The kernel reports the unbiased variance, n / (n - 1) times the one that it normalises with; the stock layer
        # averages the latter.
        n = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), tf.float32)
        variance = variance * (tf.maximum(n - 1.0, 1.0) / n)
        self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1.0 - self.momentum))
        self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1.0 - self.momentum))
        return outputs

    def _fits_kernel(self, inputs) -> bool:
        return (
            keras.backend.backend() == "tensorflow"
            and len(inputs.shape) == 4
            and self.axis in (-1, 3)
            and keras.backend.standardize_dtype(inputs.dtype) in ("float32", "bfloat16", "float16")
            and keras.backend.standardize_dtype(inputs.dtype) == self.compute_dtype
            and self.scale
            and self.center
            and not self.renorm
            and not self.synchronized
        )
