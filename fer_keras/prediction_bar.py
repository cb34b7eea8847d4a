"""A bar over all predictions of a command."""

import keras
from tqdm import tqdm

from fer_keras.config import TTA
from fer_keras.inference import PREDICT_BATCH


class PredictionBar(keras.callbacks.Callback):
    """A progress bar with the time left, over every batch of every view of every network; none without a terminal."""

    def __init__(self, networks: int, images: int, tta: str):
        super().__init__()
        batches = networks * TTA[tta] * -(-images // PREDICT_BATCH)
        self.bar = tqdm(total=batches, desc="predicting", unit="batch", leave=False, disable=None, dynamic_ncols=True)

    def __enter__(self) -> "PredictionBar":
        return self

    def __exit__(self, *error) -> None:
        self.bar.close()

    def on_predict_batch_end(self, batch, logs=None):
        self.bar.update(1)
