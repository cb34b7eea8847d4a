"""Which emotion excites which filter, which faces excite a filter most, and which pixels move a layer.

A filter's activation for an image is the mean over its feature map; of a dense layer, the unit's output.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS
from fer_keras.explain.layer_outputs import as_batch, check_filter, convolutions, layer_outputs, mean_over_space
from fer_keras.explain.model_access import ModelAccess, followed

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class FilterStatistics:
    """Activations of one layer's C filters by emotion.

    layer:  its name.
    counts: int64 (7,), images of each emotion.
    means:  float64 (7, C), mean activation; NaN for an emotion without images.
    total_variance, within_variance: float64 (C,), the activation's variance over all images, and the mean over the
            images of its variance within their emotion (the pooled variance). Divided by N, not by degrees of freedom.
    """

    layer: str
    counts: np.ndarray
    means: np.ndarray
    total_variance: np.ndarray
    within_variance: np.ndarray

    def top_emotions(self) -> np.ndarray:
        """Return the label of the emotion with the largest mean: int64 (C,).

        -1 for a filter that never changes, and for all of them where the images show one emotion alone.
        """
        if self._emotions < 2:
            return np.full(self.means.shape[1], -1)
        top = np.nanargmax(self.means, axis=0)
        return np.where(self.total_variance > 0, top, -1)

    def standout(self) -> np.ndarray:
        """Return how far the top emotion stands out: its mean less the mean of the other emotions' means, in units of
        the standard deviation within emotions: float64 (C,). A standardised difference as Cohen's d: 0.2 is small, 0.8
        is large. The other emotions count alike, however many images they have. NaN for a filter that never changes
        within an emotion, and for all of them where the images show one emotion alone.
        """
        if self._emotions < 2:
            return np.full(self.means.shape[1], np.nan)
        highest = np.nanmax(self.means, axis=0)
        gap = highest - (np.nansum(self.means, axis=0) - highest) / (self._emotions - 1)
        spread = np.sqrt(self.within_variance)
        return np.divide(gap, spread, out=np.full_like(gap, np.nan), where=spread > 0)

    @property
    def _emotions(self) -> int:
        return int(np.count_nonzero(self.counts))

    def eta_squared(self) -> np.ndarray:
        """Return the share of the activation's variance that lies between emotions: float64 (C,), 0..1 or NaN."""
        between = (self.total_variance - self.within_variance).clip(min=0)
        return np.divide(between, self.total_variance, out=np.full_like(between, np.nan), where=self.total_variance > 0)


def filter_activations(
    model: keras.Model, layer_names: Sequence[str], images: np.ndarray, *, batch_size: int = 128
) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Yield (index of the batch's first image, [float32 (n, C) for each layer]) batch by batch.

    Args:
        model: any that `ModelAccess` takes.
        layer_names: any layers.
        images: (N, 48, 48), gray, 0..255, any dtype.

    Raises:
        UserError: no such layer.
    """
    to_outputs = layer_outputs(ModelAccess(model), layer_names)

    @tf.function(reduce_retracing=True)
    def run(batch):
        return [mean_over_space(output) for output in to_outputs(batch)]

    for start in range(0, len(images), batch_size):
        yield start, [means.numpy() for means in run(as_batch(images[start : start + batch_size]))]


def layer_activations(model: keras.Model, layer_name: str, images: np.ndarray, *, batch_size: int = 128) -> np.ndarray:
    """Return the activation of every filter of one layer for every image, float32 (N, C).

    Its columns' largest entries are the images that excite a filter most (`top_images`), its 99th percentile is what a
    picture of activation maximisation is compared with.
    """
    batches = filter_activations(model, [layer_name], images, batch_size=batch_size)
    return np.concatenate([part for _, [part] in batches])


def top_images(activations: np.ndarray, count: int = 9) -> np.ndarray:
    """Return for each filter the images that excite it most, the strongest first.

    Args:
        activations: (N, C).
        count: fewer are returned where N is less.

    Returns:
        int64 (C, count), indices of images; of equal ones the earlier first.
    """
    return np.argsort(-activations, axis=0, kind="stable")[:count].T


def emotion_statistics(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    layer_names: Sequence[str] | None = None,
    *,
    batch_size: int = 128,
    progress: Progress | None = None,
) -> list[FilterStatistics]:
    """Return the activations by emotion of the filters of several layers, in one pass over the images.

    Only sums are kept: memory does not grow with the number of images.

    Args:
        model: any that `ModelAccess` takes.
        images: (N, 48, 48), gray, 0..255, any dtype; at least one.
        labels: int (N,), 0..6.
        layer_names: None for every convolution.
        progress: called with the images done and the images in all.

    Raises:
        UserError: no such layer.
    """
    names = convolutions(ModelAccess(model)) if layer_names is None else list(layer_names)
    # Deviations from the first batch's mean: squares of large, nearly constant activations would lose their digits.
    sums, squares, offsets = {}, {}, {}
    for start, parts in filter_activations(model, names, images, batch_size=batch_size):
        count = len(parts[0])
        member = labels[start : start + count, None] == np.arange(NUM_EMOTIONS)  # (n, 7)
        member = member.astype(np.float64)
        for name, part in zip(names, parts, strict=True):
            offset = offsets.setdefault(name, part.mean(axis=0, dtype=np.float64))
            values = part.astype(np.float64) - offset
            sums[name] = sums.get(name, 0.0) + member.T @ values  # (7, C)
            squares[name] = squares.get(name, 0.0) + (values**2).sum(axis=0)  # (C,)
        if progress is not None:
            progress(start + count, len(images))
    counts = np.bincount(labels, minlength=NUM_EMOTIONS)
    return [_statistics(name, counts, sums[name], squares[name], offsets[name]) for name in names]


def _statistics(name, counts, sums, squares, offset) -> FilterStatistics:
    total = counts.sum()
    with np.errstate(invalid="ignore"):  # 0 / 0 for an emotion without images is the NaN that is promised
        means = sums / counts[:, None]
    overall = sums.sum(axis=0) / total
    total_variance = (squares / total - overall**2).clip(min=0)
    within = (squares - np.nansum(counts[:, None] * means**2, axis=0)) / total
    within[within < 1e-12 * (squares / total)] = 0  # a rounding error is no variance
    return FilterStatistics(name, counts, means + offset, total_variance, within.clip(min=0))


def emotion_table(statistics: Sequence[FilterStatistics]) -> pd.DataFrame:
    """Return one row a filter: which emotion excites it most, and by how much.

    Columns: layer, filter, top_emotion (empty for a filter that never changes), standout and eta_squared (see
    `FilterStatistics`), then the mean activation by emotion, named as the emotions are. `to_csv(index=False)` of it is
    the file of the explanations.
    """
    tables = []
    for layer in statistics:
        top = layer.top_emotions()
        columns = {
            "layer": layer.layer,
            "filter": np.arange(len(top)),
            "top_emotion": [EMOTIONS[label] if label >= 0 else "" for label in top],
            "standout": layer.standout(),
            "eta_squared": layer.eta_squared(),
        }
        tables.append(pd.DataFrame(columns | dict(zip(EMOTIONS, layer.means, strict=True))))
    return pd.concat(tables, ignore_index=True)


def pixel_weights(
    model: keras.Model,
    layer_name: str,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    filters: Sequence[int] | None = None,
    own: bool = False,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean gradient of a layer's activation with respect to the pixels, and its mean magnitude, by emotion.

    Of a linear layer the mean is the layer's weights, whatever the images. The magnitude says how much a pixel matters,
    whichever way.

    Args:
        model: any that `ModelAccess` takes.
        layer_name: any layer.
        images: (N, 48, 48), gray, 0..255, any dtype.
        labels: int (N,), 0..6.
        filters: whose activations are averaged before the gradient; None for all of the layer.
        own: take of each image the unit of its own label instead, of a layer whose outputs are the classes: the mean
            of probabilities over all classes has no gradient.

    Returns:
        (means, magnitudes): float32 (7, 48, 48) each, activation per gray level; NaN for an emotion without images.

    Raises:
        UserError: no such layer or filter, or one whose outputs have no gradient with respect to the pixels.
    """
    network = ModelAccess(model)
    chosen = list(range(network.layer_shape(layer_name)[-1])) if filters is None else list(filters)
    for number in chosen:
        check_filter(network, layer_name, number)
    to_outputs = layer_outputs(network, [layer_name])

    @tf.function(reduce_retracing=True, autograph=False)
    def gradients(batch, of_batch):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            means = mean_over_space(to_outputs(batch)[0])  # (n, C)
            if own:
                total = tf.reduce_sum(tf.gather(means, of_batch, axis=1, batch_dims=1))
            else:
                total = tf.reduce_sum(tf.reduce_mean(tf.gather(means, chosen, axis=1), axis=1))
        return followed(tape, total, batch)

    sums, magnitudes = np.zeros((2, NUM_EMOTIONS, *images.shape[1:]), np.float64)
    for start in range(0, len(images), batch_size):
        batch, of_batch = as_batch(images[start : start + batch_size]), labels[start : start + batch_size]
        maps = gradients(batch, tf.constant(of_batch)).numpy()
        np.add.at(sums, of_batch, maps)
        np.add.at(magnitudes, of_batch, np.abs(maps))
        if progress is not None:
            progress(start + len(batch), len(images))
    counts = np.bincount(labels, minlength=NUM_EMOTIONS)[:, None, None]
    with np.errstate(invalid="ignore"):
        return (sums / counts).astype(np.float32), (magnitudes / counts).astype(np.float32)
