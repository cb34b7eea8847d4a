"""Random changes of a training batch that leave the expression as it is: geometry, light, erasing, and mixup.

All randomness is stateless: what happens to a batch is a pure function of the batch, its key and the level. A key is an
integer tensor of shape (2,), the `seed` of TensorFlow's `tf.random.stateless_*` (Philox). `pipeline.batch_key` makes
the key of every training step. Everything is vectorised over the batch and runs on the CPU.
"""

import math
from dataclasses import dataclass

import tensorflow as tf

from fer_keras.config import PROGRESSIVE
from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import unknown_name

CENTER = (IMAGE_SIZE - 1) / 2  # of the pixel grid, in x and in y: flips and rotations keep this point
ERASE_ASPECT = 3.3  # height / width of an erased rectangle lies within [1 / 3.3, 3.3] (Zhong et al.: 0.3 to 1 / 0.3)


@dataclass(frozen=True)
class Augmentation:
    """How far the images of a batch may be changed; each image draws its own values. All zero: nothing changes.

    flip:       probability of a mirror image (left and right swapped), 0..1.
    shift:      whole pixels, drawn evenly from -shift..shift for each direction; whole, because a shift by part of a
                pixel would blur the image.
    rotation:   degrees, drawn evenly from -rotation..rotation, about the centre.
    scale:      the size is multiplied by a factor drawn log-evenly from 1 / (1 + scale) to 1 + scale, about the centre.
    contrast:   the distance to the image's mean is multiplied by a factor drawn evenly from 1 - contrast..1 + contrast.
    brightness: gray levels (of 255) added, drawn evenly from -brightness..brightness; the result is clipped to 0..255.
    erase:      probability that one rectangle of a random gray hides a part of the image, 0..1 (random erasing:
                Zhong et al., "Random Erasing Data Augmentation", 2017).
    erase_area: least and largest part of the image that the rectangle covers, drawn evenly between them.
    """

    flip: float = 0.0
    shift: int = 0
    rotation: float = 0.0
    scale: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    erase: float = 0.0
    erase_area: tuple[float, float] = (0.02, 0.2)

    def __post_init__(self) -> None:
        assert 0 <= self.flip <= 1 and 0 <= self.erase <= 1 and 0 <= self.contrast <= 1, self
        assert min(self.shift, self.rotation, self.scale, self.brightness) >= 0, self
        # Up to 1 / 3.3 the longest rectangle still fits into the image, so that no draw is ever rejected or cut off.
        assert 0 < self.erase_area[0] <= self.erase_area[1] <= 1 / ERASE_ASPECT, self

    def describe(self) -> str:
        """Return the ranges for people, e.g. "flip 50%, shift ±4 px"; "no change" where all are zero."""
        low, high = self.erase_area
        parts = {
            f"flip {self.flip:.0%}": self.flip,
            f"shift ±{self.shift} px": self.shift,
            f"rotation ±{self.rotation:g}°": self.rotation,
            f"scale 1/{1 + self.scale:g} to {1 + self.scale:g}": self.scale,
            f"contrast ±{self.contrast:.0%}": self.contrast,
            f"brightness ±{self.brightness:g}": self.brightness,
            f"erasing {self.erase:.0%} ({low:.0%} to {high:.0%} of the area)": self.erase,
        }
        return ", ".join(text for text, value in parts.items() if value) or "no change"


AUGMENTATIONS = {
    "none": Augmentation(),
    "light": Augmentation(flip=0.5, shift=3),
    "standard": Augmentation(flip=0.5, shift=4, rotation=10, scale=0.1, contrast=0.2, brightness=20),
    "strong": Augmentation(flip=0.5, shift=5, rotation=15, scale=0.2, contrast=0.4, brightness=40, erase=0.5),
}


def augmentation(name: str) -> Augmentation:
    """Return the level of that name, one of AUGMENTATIONS. UserError for an unknown one."""
    if name not in AUGMENTATIONS:
        raise unknown_name("augmentation level", name, AUGMENTATIONS)
    return AUGMENTATIONS[name]


def level_in_force(name: str, *, coarse: bool) -> str:
    """Return the name of the level that `--augment` has in epochs of coarse images, or in the others.

    The more pixels a network sees, the more it can learn by heart: progressive learning, as in Tan and Le,
    "EfficientNetV2", 2021 (arXiv:2104.00298).
    """
    if name != PROGRESSIVE:
        return name
    return "standard" if coarse else "strong"


def augment_batch(images: tf.Tensor, key: tf.Tensor, level: Augmentation) -> tf.Tensor:
    """Return the images changed at random within the ranges of `level`: geometry first, then light, then erasing.

    images: uint8 or float32 (B, 48, 48, 1), 0..255. key: int32 or int64 (2,). Returns float32 (B, 48, 48, 1), 0..255.
    """
    images = tf.cast(images, tf.float32)
    draws = tf.random.stateless_uniform((13, tf.shape(images)[0]), key, alg="philox")  # 0 <= u < 1
    flip, dx, dy, degrees, scale, contrast, brightness, erased, area, aspect, top, left, gray = tf.unstack(draws)

    if level.flip or level.shift or level.rotation or level.scale:
        transforms = affine_transforms(
            flip=flip < level.flip,
            dx=tf.floor(dx * (2 * level.shift + 1)) - level.shift,
            dy=tf.floor(dy * (2 * level.shift + 1)) - level.shift,
            degrees=_between(degrees, -level.rotation, level.rotation),
            scale=_between_logs(scale, 1 + level.scale),
        )
        images = warp(images, transforms)
    if level.contrast or level.brightness:
        factor = _between(contrast, 1 - level.contrast, 1 + level.contrast)
        images = adjust(images, factor, _between(brightness, -level.brightness, level.brightness))
    if level.erase:
        area = tf.where(erased < level.erase, _between(area, *level.erase_area), 0.0) * IMAGE_SIZE**2
        aspect = _between_logs(aspect, ERASE_ASPECT)
        height, width = tf.round(tf.sqrt(area * aspect)), tf.round(tf.sqrt(area / aspect))
        top = tf.floor(top * (IMAGE_SIZE - height + 1))
        left = tf.floor(left * (IMAGE_SIZE - width + 1))
        images = erase(images, top, left, height, width, 255 * gray)
    return images


def _between(uniform: tf.Tensor, low: float, high: float) -> tf.Tensor:
    return low + uniform * (high - low)


def _between_logs(uniform: tf.Tensor, limit: float) -> tf.Tensor:
    """Return factors between 1 / limit and limit; larger and smaller are equally likely."""
    return tf.exp(_between(uniform, -1, 1) * math.log(limit))


def affine_transforms(flip: tf.Tensor, dx: tf.Tensor, dy: tf.Tensor, degrees: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
    """Return the projective transforms (B, 8) for `warp` of: mirror, scale, rotate about the centre, then shift.

    flip: bool (B,). dx, dy: pixels to the right and down, float32 (B,). degrees: counter-clockwise as seen, float32
    (B,). scale: > 1 enlarges, float32 (B,).

    TensorFlow wants the inverse: row (a0, a1, a2, b0, b1, b2, 0, 0) takes the output pixel (x, y) to the input point
    (a0 x + a1 y + a2, b0 x + b1 y + b2). Flips and whole shifts alone come out exact, without interpolation.
    """
    angle = degrees * (math.pi / 180)
    cos, sin = tf.cos(angle) / scale, tf.sin(angle) / scale
    mirror = tf.where(flip, -1.0, 1.0)
    a0, a1 = mirror * cos, -mirror * sin
    b0, b1 = sin, cos
    x, y = CENTER + dx, CENTER + dy  # where the centre goes
    a2, b2 = CENTER - (a0 * x + a1 * y), CENTER - (b0 * x + b1 * y)
    zero = tf.zeros_like(angle)
    return tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)


def warp(images: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    """Return the images under `transforms` (B, 8) of `affine_transforms`, by bilinear interpolation.

    What comes in from outside is the image mirrored at its edge: no black corners for a network to learn from.
    """
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=[IMAGE_SIZE, IMAGE_SIZE],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def adjust(images: tf.Tensor, contrast: tf.Tensor, brightness: tf.Tensor) -> tf.Tensor:
    """Return clip(mean + contrast * (image - mean) + brightness, 0, 255), each image with its own mean and values.

    contrast: factors, float32 (B,). brightness: gray levels, float32 (B,).
    """
    mean = tf.reduce_mean(images, axis=(1, 2, 3), keepdims=True)
    contrast, brightness = _per_image(contrast), _per_image(brightness)
    return tf.clip_by_value(images * contrast + (mean * (1 - contrast) + brightness), 0.0, 255.0)


def erase(
    images: tf.Tensor, top: tf.Tensor, left: tf.Tensor, height: tf.Tensor, width: tf.Tensor, gray: tf.Tensor
) -> tf.Tensor:
    """Return the images with one rectangle of one gray each; all float32 (B,), in pixels, `gray` 0..255."""
    rows = tf.range(IMAGE_SIZE, dtype=tf.float32)[tf.newaxis, :, tf.newaxis, tf.newaxis]
    columns = tf.transpose(rows, (0, 2, 1, 3))
    top, left, height, width = map(_per_image, (top, left, height, width))
    hidden = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    return tf.where(hidden, _per_image(gray), images)


def _per_image(values: tf.Tensor) -> tf.Tensor:
    return tf.reshape(values, (-1, 1, 1, 1))


def mixup(
    images: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor, key: tf.Tensor, alpha: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return each image mixed with the one before it in its (shuffled) batch, and labels and weights to match.

    images: float32 (B, 48, 48, 1). labels: float32 (B, 7). weights: float32 (B,). The share of the image itself is
    drawn from Beta(alpha, alpha), anew for each (Zhang et al., "mixup: Beyond Empirical Risk Minimization", 2017).
    The label is mixed by share times weight, so that weight x cross-entropy is exactly the mixture of the two losses.
    """
    # float64: for a small alpha both gamma variates may be too small for float32, and 0 / 0 would follow.
    ours, theirs = tf.unstack(tf.random.stateless_gamma((2, tf.shape(images)[0]), key, alpha, dtype=tf.float64))
    share = tf.cast(ours / (ours + theirs), tf.float32)

    def mixed(values: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
        return share * values + (1 - share) * tf.roll(values, shift=1, axis=0)

    mixed_weights = mixed(weights, share)
    labels = mixed(weights[:, tf.newaxis] * labels, share[:, tf.newaxis])
    labels = tf.math.divide_no_nan(labels, mixed_weights[:, tf.newaxis])
    return mixed(images, _per_image(share)), labels, mixed_weights
