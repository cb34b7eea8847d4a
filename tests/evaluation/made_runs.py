"""What the runs of conftest.py are, and what is read of what was written about them."""

import csv

import numpy as np

from fer_keras.models.registry import build

LIMIT = 28  # faces of each split
RUN = "20260101-000000-cnn3"  # of two networks, that of seed 0


def predicted_by(seed, images):
    """Return the probabilities of a network of the runs, straight from Keras."""
    return np.asarray(build("cnn3", seed=seed)([images[..., None].astype(np.float32)]))


def read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
