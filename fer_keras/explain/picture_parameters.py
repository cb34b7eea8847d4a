"""What activation maximisation moves instead of the pixels, and the random views that it looks at.

Ascending on pixels ends in high frequencies that no face has. Here a picture is given by its Fourier transform, so that
one step changes all pixels together and low frequencies count for more, and the network sees it shifted, scaled and
turned at random, so that only what survives this can excite a filter (Olah, Mordvintsev and Schubert, "Feature
Visualization", Distill 2017). MACO goes further: the magnitudes are those of real faces and only the phases move.
"""

import math

import numpy as np
import tensorflow as tf

from fer_keras.emotions import IMAGE_SIZE

GRAY = 127.5
PADDING, SHIFT = 4, 3.0  # pixels
SCALES = 0.9, 1.1
DEGREES = 5.0


class FourierPictures:
    """Pictures as real and imaginary parts of a spectrum that falls with the frequency; a sigmoid keeps 0..255.

    Parameters: float32 (F, 48, 25, 2).
    """

    def __init__(self):
        frequencies = np.hypot(np.fft.fftfreq(IMAGE_SIZE)[:, None], np.fft.rfftfreq(IMAGE_SIZE))  # cycles per pixel
        scale = IMAGE_SIZE / np.maximum(frequencies, 1 / IMAGE_SIZE)
        self._scale = tf.constant(scale / 4, tf.complex64)  # a quarter, as in Lucid: a start near middle gray

    def start(self, count: int, seed: int) -> tf.Tensor:
        """Return the first parameters, the same for every picture: what differs at the end is the filters' doing."""
        shape = (1, IMAGE_SIZE, IMAGE_SIZE // 2 + 1, 2)
        return tf.repeat(tf.random.stateless_normal(shape, (seed, 0), stddev=0.01), count, axis=0)

    def pictures(self, parameters: tf.Tensor) -> tf.Tensor:
        """Return the pictures, float32 (F, 48, 48), 0..255."""
        spectrum = tf.complex(parameters[..., 0], parameters[..., 1]) * self._scale  # (F, 48, 25)
        return 255.0 * tf.sigmoid(tf.signal.irfft2d(spectrum, (IMAGE_SIZE, IMAGE_SIZE)))


class PhasePictures:
    """Pictures whose Fourier magnitudes are given; the phases alone are free.

    Fel et al., "Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained Optimization", 2023
    (arXiv:2306.06805). Parameters: float32 (F, 48, 48); a frequency's phase is its parameter less that of the opposite
    frequency, so that the picture is real and every magnitude is kept exactly. Clipped to 0..255, without a sigmoid,
    which would change the magnitudes.
    """

    def __init__(self, magnitude: np.ndarray):
        self._magnitude = tf.constant(magnitude, tf.float32)

    def start(self, count: int, seed: int) -> tf.Tensor:
        shape = (1, IMAGE_SIZE, IMAGE_SIZE)
        return tf.repeat(tf.random.stateless_uniform(shape, (seed, 0), -math.pi, math.pi), count, axis=0)

    def pictures(self, parameters: tf.Tensor) -> tf.Tensor:
        """Return the pictures, float32 (F, 48, 48), 0..255."""
        opposite = tf.roll(tf.reverse(parameters, (1, 2)), (1, 1), (1, 2))  # element k holds that of -k
        phase = parameters - opposite  # zero, that is positive, where a frequency is its own opposite (the mean)
        spectrum = tf.complex(self._magnitude * tf.cos(phase), self._magnitude * tf.sin(phase))
        return tf.clip_by_value(tf.math.real(tf.signal.ifft2d(spectrum)), 0.0, 255.0)


def random_view(pictures: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Return the pictures on a gray border, shifted, scaled and turned at random: all of them in the same way.

    The same view for all, so that the picture of a filter does not depend on which others are made beside it.

    Args:
        pictures: float32 (F, 48, 48), 0..255.
        seed: int (2,), of the stateless generator.
    """
    draw = tf.random.stateless_uniform((4,), seed, -1.0, 1.0)
    shift = SHIFT * draw[:2]
    scale = (SCALES[0] + SCALES[1]) / 2 + (SCALES[1] - SCALES[0]) / 2 * draw[2]
    angle = math.radians(DEGREES) * draw[3]

    # Where each pixel of the view lies on the padded canvas: turned and scaled about the centre, then shifted.
    middle = (IMAGE_SIZE - 1) / 2
    y = tf.range(IMAGE_SIZE, dtype=tf.float32)[:, None] - middle
    x = tf.range(IMAGE_SIZE, dtype=tf.float32)[None, :] - middle
    from_y = (tf.cos(angle) * y + tf.sin(angle) * x) / scale + shift[0] + middle + PADDING
    from_x = (tf.cos(angle) * x - tf.sin(angle) * y) / scale + shift[1] + middle + PADDING
    border = (PADDING, PADDING)
    canvas = tf.pad(pictures, [(0, 0), border, border], constant_values=GRAY)
    return _bilinear(canvas, from_y, from_x)


def _bilinear(canvas: tf.Tensor, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Return canvas (F, H, W) at the points y, x (h, w): (F, h, w); points outside take the nearest border pixel.

    Not `ImageProjectiveTransformV3`, whose gradient is a resampling of its own and not that of the interpolation.
    """
    height, width = canvas.shape[1:]
    y = tf.clip_by_value(y, 0.0, height - 1.001)
    x = tf.clip_by_value(x, 0.0, width - 1.001)
    top, left = tf.floor(y), tf.floor(x)
    down, right = y - top, x - left  # (h, w), 0..1
    corner = tf.cast(top, tf.int32) * width + tf.cast(left, tf.int32)
    flat = tf.reshape(canvas, (-1, height * width))
    return (
        tf.gather(flat, corner, axis=1) * (1 - down) * (1 - right)
        + tf.gather(flat, corner + 1, axis=1) * (1 - down) * right
        + tf.gather(flat, corner + width, axis=1) * down * (1 - right)
        + tf.gather(flat, corner + width + 1, axis=1) * down * right
    )
