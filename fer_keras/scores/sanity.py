"""Is a map of what the network has learned? Then it is another one where nothing has been learned.

Adebayo et al., "Sanity Checks for Saliency Maps", 2018 (arXiv:1810.03292): the test of the model's parameters, of all
of them and of those of its upper layers alone. A map that does not change with the latter shows what the lower layers
respond to in the face, whatever the network makes of it.
"""

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from scipy.stats import rankdata

from fer_keras.models.copies import copied, copy_layer_weights, pairs

DRAWS = 3  # untrained networks: with one, the mean over images changes by up to a factor of 1.7 with its seed
UPPER = 0.5  # of the layers with weights: the last ones, that are untrained where the first stay as they are


def untrained(model: keras.Model, seed: int = 0, *, kept: float = 0.0) -> keras.Model:
    """Return a network of the same layers, with weights as before any training: others than the model began with.

    kept: of the layers with weights, 0..1: so many of the first ones stay as they have been learned.

    What a network began with is left in what it has learned: in the vgg25 that is shipped the kernels of the first
    convolution and of the logits correlate with their first values at 0.5. So initialisers with a seed of their own get
    others, by `seed`. Preprocessing (`Normalization`) is taken along. The model is left as it is, and so are the
    caller's random generators.
    """
    rng = np.random.default_rng(seed)

    def begun_anew(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(_with_other_seeds(layer.get_config(), rng))

    with _seeding(seed):
        begun = copied(model, begun_anew)
    learned = [pair for pair in pairs(model, begun) if pair[0].weights]
    for number, (layer, own) in enumerate(learned):
        if number < round(kept * len(learned)) or isinstance(layer, keras.layers.Normalization):
            copy_layer_weights(layer, own)
    return begun


@contextmanager
def _seeding(seed: int) -> Iterator[None]:
    """Start Python's generator at `seed`, and put it back: Keras takes from it the seeds of initialisers without one,
    also of those that stand in no configuration, but in a layer's code."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def _with_other_seeds(config: Any, rng: np.random.Generator) -> Any:
    """Return a layer's configuration with other numbers for all seeds in it."""
    if isinstance(config, list):
        return [_with_other_seeds(value, rng) for value in config]
    if not isinstance(config, dict):
        return config
    others = {name: _with_other_seeds(value, rng) for name, value in config.items()}
    return others | {"seed": int(rng.integers(2**31))} if isinstance(config.get("seed"), int) else others


def mean_likeness(maps: np.ndarray, of_each: Iterable[np.ndarray]) -> np.ndarray:
    """Return how like the maps of images are to those of several untrained networks, whether for or against: the mean
    magnitude of `likeness`, float64 (N,), over the networks for which it is a number; NaN where it is for none."""
    found = np.abs([likeness(maps, others) for others in of_each])
    there = np.isfinite(found)
    number = there.sum(axis=0)
    return np.divide(np.where(there, found, 0).sum(axis=0), number, out=np.full(len(maps), np.nan), where=number > 0)


def likeness(maps: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation of the magnitudes of two maps of each image: float64 (N,), -1..1.

    1: the same order of pixels; 0: nothing in common. NaN where one of them is the same everywhere.
    """
    found = np.full(len(maps), np.nan)
    for row, pair in enumerate(zip(maps, others, strict=True)):
        a, b = (rankdata(np.abs(one).ravel()) for one in pair)
        if np.ptp(a) and np.ptp(b):
            found[row] = np.corrcoef(a, b)[0, 1]
    return found
