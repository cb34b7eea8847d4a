"""Methods that hide parts of the face and watch the logit; they need no gradient."""

import keras
import numpy as np
import tensorflow as tf

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError
from fer_keras.explain.explainer import OneByOneExplainer, at_least, between


class MaskingExplainer(OneByOneExplainer):
    """Shows the network one face under many masks."""

    def __init__(self, model: keras.Model, **options):
        super().__init__(model, **options)
        network = self.network

        def masked_logits(image: tf.Tensor, masks: tf.Tensor, fill: tf.Tensor) -> tf.Tensor:
            return network.logits(image * masks + fill * (1.0 - masks))

        size = (IMAGE_SIZE, IMAGE_SIZE)
        signature = [
            tf.TensorSpec(size, tf.float32),
            tf.TensorSpec((None, *size), tf.float32),
            tf.TensorSpec((), tf.float32),
        ]
        function = tf.function(masked_logits, input_signature=signature, autograph=False)
        self._compiled_masked_logits = function.get_concrete_function()

    def _masked_logits(self, image: tf.Tensor, masks: tf.Tensor, fill: float | tf.Tensor) -> tf.Tensor:
        """Return the logits (M, classes) of the image seen through masks (M, 48, 48), gray `fill` where they are 0."""
        fill = tf.convert_to_tensor(fill, tf.float32)
        starts = range(0, len(masks), self.batch_size)
        batches = [masks[start : start + self.batch_size] for start in starts]
        return tf.concat([self._compiled_masked_logits(image, batch, fill) for batch in batches], axis=0)


class Occlusion(MaskingExplainer):
    """How much the logit falls when a square over the pixel is hidden, averaged over the squares that cover it.

    Args:
        patch: side of the square in pixels.
        stride: pixels from one square to the next, at most `patch`. The last square of a row or column ends at the
            border, so that every pixel is covered.
        baseline: gray value of the square, 0..255; "mean": that of the face itself.
    """

    name = "occlusion"
    signed = True
    reference = "Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2013, arXiv:1311.2901"

    def __init__(
        self,
        model: keras.Model,
        *,
        patch: int = 8,
        stride: int = 4,
        baseline: float | str = "mean",
        **options,
    ):
        super().__init__(model, **options)
        between(1, IMAGE_SIZE, "patch", patch)
        between(1, patch, "stride", stride)
        self._baseline = _checked_baseline(baseline)
        self._hidden = tf.constant(_squares(patch, stride), tf.float32)  # (M, 48, 48), 1 where hidden
        self._cover = tf.reduce_sum(self._hidden, axis=0)

    def _explain_one(self, image: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        logit = self._logits(image[tf.newaxis])[0, target]
        hidden = self._masked_logits(image, 1.0 - self._hidden, _fill(self._baseline, image))[:, target]
        return tf.tensordot(logit - hidden, self._hidden, axes=1) / self._cover


class Rise(MaskingExplainer):
    """How much higher the logit is when the pixel is shown, over random masks: the mean of logit given that the pixel
    is visible, less the mean logit.

    The paper divides the sum of score x mask by the expected mask, N p; here it is the masks' own sum at each pixel,
    so that a score that depends on nothing gives a flat map. The mean is taken away so that 0 means "no matter".

    Args:
        masks: number of masks; every face is seen under the same ones.
        grid: cells along a side of the coarse random grid that a mask is enlarged from.
        keep: probability that a cell is shown.
        baseline: gray value of what is hidden, 0..255, black as in the paper; "mean": that of the face itself.
        seed: of the masks.
    """

    name = "rise"
    signed = True
    seeded = True
    reference = "Petsiuk et al., RISE: Randomized Input Sampling for Explanation, 2018, arXiv:1806.07421"

    def __init__(
        self,
        model: keras.Model,
        *,
        masks: int = 1000,
        grid: int = 7,
        keep: float = 0.5,
        baseline: float | str = 0.0,
        seed: int = 0,
        **options,
    ):
        super().__init__(model, **options)
        at_least(2, "masks", masks)
        between(1, IMAGE_SIZE, "grid", grid)
        between(0.01, 0.99, "keep", keep)
        self._baseline = _checked_baseline(baseline)
        self._masks = tf.constant(random_masks(masks, grid, keep, seed))
        self._cover = tf.reduce_sum(self._masks, axis=0)

    def _explain_one(self, image: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        logits = self._masked_logits(image, self._masks, _fill(self._baseline, image))[:, target]
        logits -= tf.reduce_mean(logits)
        return tf.math.divide_no_nan(tf.tensordot(logits, self._masks, axes=1), self._cover)


def random_masks(number: int, grid: int, keep: float, seed: int) -> np.ndarray:
    """Return RISE's masks, float32 (number, 48, 48) in 0..1: random grids, enlarged smoothly and shifted at random."""
    rng = np.random.default_rng(seed)
    cells = (rng.random((number, grid, grid)) < keep).astype(np.float32)
    cell = -(-IMAGE_SIZE // grid)  # rounded up
    side = (grid + 1) * cell  # one cell more than the face, to shift by less than a cell
    large = tf.image.resize(cells[..., np.newaxis], (side, side)).numpy()[..., 0]
    shifts = rng.integers(0, cell, (number, 2))
    return np.stack([mask[y : y + IMAGE_SIZE, x : x + IMAGE_SIZE] for mask, (y, x) in zip(large, shifts, strict=True)])


def _squares(patch: int, stride: int) -> np.ndarray:
    last = IMAGE_SIZE - patch
    starts = [*range(0, last, stride), last]
    squares = np.zeros((len(starts) ** 2, IMAGE_SIZE, IMAGE_SIZE), bool)
    for square, (y, x) in zip(squares, ((y, x) for y in starts for x in starts), strict=True):
        square[y : y + patch, x : x + patch] = True
    return squares


def _checked_baseline(baseline: float | str) -> float | str:
    if isinstance(baseline, str) and baseline != "mean":
        raise UserError(f"expected a baseline that is a gray value of 0 to 255, or 'mean'. Received '{baseline}'")
    return baseline if baseline == "mean" else between(0.0, 255.0, "baseline", baseline)


def _fill(baseline: float | str, image: tf.Tensor) -> float | tf.Tensor:
    return tf.reduce_mean(image) if baseline == "mean" else baseline
