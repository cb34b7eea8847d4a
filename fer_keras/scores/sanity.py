"""Is a map of what the network has learned? Then it is another one where nothing has been learned.

Adebayo et al., "Sanity Checks for Saliency Maps", 2018 (arXiv:1810.03292): the test of the model's parameters.
"""

from collections.abc import Iterator

import keras
import numpy as np
from scipy.stats import rankdata


def untrained(model: keras.Model, seed: int = 0) -> keras.Model:
    """Return a network of the same layers, with weights as before any training: others than the model began with.

    What a network began with is left in what it has learned: kernels of this project's vgg25 correlate with their first
    values at 0.5. So initialisers with a seed of their own get others, by `seed`. Preprocessing (`Normalization`) is
    taken along. The model is left as it is.
    """
    keras.utils.set_random_seed(seed)
    seeds = iter(np.random.default_rng([seed, _NOT_THE_MODELS]).integers(2**31, size=100_000).tolist())

    def begun_anew(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(_with_seeds(layer.get_config(), seeds))

    clone = keras.models.clone_model(model, clone_function=begun_anew, recursive=True)
    for theirs, ours in zip(_all_layers(model), _all_layers(clone), strict=True):
        if isinstance(theirs, keras.layers.Normalization):
            ours.set_weights(theirs.get_weights())
    return clone


_NOT_THE_MODELS = 0x5A17  # so that no seed gives the initialisers what it gave those of the model


def _with_seeds(config, seeds: Iterator[int]):
    """Return a layer's config with other numbers for the seeds in it."""
    if isinstance(config, dict):
        there = {name: _with_seeds(value, seeds) for name, value in config.items()}
        return there | {"seed": next(seeds)} if isinstance(config.get("seed"), int) else there
    return [_with_seeds(value, seeds) for value in config] if isinstance(config, list) else config


def _all_layers(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        yield from _all_layers(layer) if isinstance(layer, keras.Model) else [layer]


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
