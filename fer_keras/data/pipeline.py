"""From arrays in memory to batches for training: shuffled and augmented.

The training stream is a pure function of the arrays and the settings, whatever the number of threads. With B the batch
size, S = `steps_per_epoch(N, B)`, and epochs and steps counted from 0:

    order of epoch e       tf.random.experimental.stateless_shuffle(range(N), batch_key(seed, "shuffle", e))
    batch of step s        images order[i B : (i + 1) B] of epoch s // S, with i = s % S
    augmentation at step s augment_batch(batch, batch_key(seed, "augment", s), level)

tf.data feeds every Keras backend.
"""

import numpy as np
import tensorflow as tf

from fer_keras.data.augment import augment_batch, augmentation, mixup
from fer_keras.emotions import IMAGE_SIZE, NUM_EMOTIONS
from fer_keras.errors import UserError

STREAMS = ("shuffle", "augment", "mixup")  # each draws from a random stream of its own


def batch_key(seed: int, stream: str, index: int | tf.Tensor) -> tf.Tensor:
    """Return the key, int64 (2,), of a stateless draw: `stream` is one of STREAMS, `index` an epoch or a global step.

    It is `tf.random.experimental.stateless_fold_in((seed, STREAMS.index(stream)), index)` by Philox.
    """
    root = tf.constant((seed, STREAMS.index(stream)), tf.int64)
    return tf.random.experimental.stateless_fold_in(root, tf.cast(index, tf.int64), alg="philox")


def steps_per_epoch(n: int, batch_size: int, *, drop_remainder: bool = False) -> int:
    """Return how many batches `n` images make: the last one may be smaller, or is left out by `drop_remainder`."""
    return n // batch_size if drop_remainder else -(-n // batch_size)


def training_batches(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int,
    seed: int,
    augment: str,
    first_epoch: int = 0,
    class_weights: np.ndarray | None = None,
    targets: np.ndarray | None = None,
    mixup_alpha: float = 0.0,
    drop_remainder: bool = False,
    side: int = IMAGE_SIZE,
) -> tf.data.Dataset:
    """Return endless training batches; an epoch is `steps_per_epoch(len(images), batch_size)` of them.

    images: uint8 (N, 48, 48). labels: integers (N,), 0..6. augment: the name of a level, see `augment.AUGMENTATIONS`.
    first_epoch: start with this epoch, to resume: the batches are those an uninterrupted stream gives from there on.
    class_weights: float (7,); adds to each batch the weight of each image, that of its class.
    targets: float (N, 7), what to learn of each image in place of its one-hot label, e.g. probabilities of a teacher.
    mixup_alpha: > 0 mixes images and labels, see `augment.mixup`.
    drop_remainder: leave out the smaller last batch of each epoch (other images each time), for one constant shape.
    side: shrink the augmented images to side x side pixels, each the mean of the area it covers.

    Yields (images float32 (B, side, side, 1), 0..255; labels float32 (B, 7), one-hot or `targets`, unless mixed; with
    `class_weights` also weights float32 (B,)). Every epoch has every image exactly once. The images stay uint8 in
    memory, copied once.
    Two streams that differ in `augment` alone have the same images in the same order: before and after.
    UserError for an unknown level, no images, or fewer than a batch with `drop_remainder`.
    """
    level = augmentation(augment)
    n = len(images)
    steps = steps_per_epoch(n, batch_size, drop_remainder=drop_remainder)
    if not steps:
        needed = f"at least one batch of {batch_size}" if drop_remainder else "at least one"
        raise UserError(f"too few images to train on: expected {needed}, received {n}. Give more data")
    with tf.device("/CPU:0"):  # where there is a GPU, it would take the images, and each batch would come back from it
        weights = tf.constant(np.ones(NUM_EMOTIONS) if class_weights is None else class_weights, tf.float32)
        pixels, classes = _in_memory(images), tf.constant(labels, tf.int64)
        learned = None if targets is None else tf.constant(targets, tf.float32)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        key = batch_key(seed, "shuffle", epoch)
        order = tf.random.experimental.stateless_shuffle(tf.range(n, dtype=tf.int64), key, alg="philox")
        batches = tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=drop_remainder)
        return tf.data.Dataset.zip(tf.data.Dataset.range(epoch * steps, (epoch + 1) * steps), batches)

    def batch(step: tf.Tensor, index: tf.Tensor) -> tuple[tf.Tensor, ...]:
        x = augment_batch(tf.gather(pixels, index), batch_key(seed, "augment", step), level)  # (B, 48, 48, 1)
        if side != IMAGE_SIZE:
            x = tf.image.resize(x, (side, side), method="area")
        label = tf.gather(classes, index)
        y = tf.one_hot(label, NUM_EMOTIONS) if learned is None else tf.gather(learned, index)  # (B, 7)
        w = tf.gather(weights, label)  # (B,)
        if mixup_alpha:
            x, y, w = mixup(x, y, w, batch_key(seed, "mixup", step), mixup_alpha)
        return (x, y) if class_weights is None else (x, y, w)

    epochs = tf.data.Dataset.counter(first_epoch)
    batches = epochs.flat_map(one_epoch).map(batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)  # `fit` then asks for its steps
    return batches.apply(endless).prefetch(tf.data.AUTOTUNE)


def _in_memory(images: np.ndarray) -> tf.Tensor:
    """Return uint8 (N, 48, 48, 1): a tensor that the maps above refer to, not a constant written into their graphs."""
    assert images.dtype == np.uint8 and images.shape[1:] == (IMAGE_SIZE, IMAGE_SIZE), (images.dtype, images.shape)
    return tf.constant(images[..., np.newaxis])
