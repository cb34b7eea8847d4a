"""What a person sees while a network trains: a bar within each epoch, a line after it, the time left."""

import time
from collections.abc import Callable
from math import isnan

import keras
from tqdm import tqdm

from fer_keras.config import Settings
from fer_keras.console import duration
from fer_keras.training.loop import image_sides
from fer_keras.training.progress import EpochRow, Verdict


class EpochBar(keras.callbacks.Callback):
    """A progress bar with the time left in the epoch; none where the output is no terminal."""

    def __init__(self, total_epochs: int):
        super().__init__()
        self.total_epochs, self.bar = total_epochs, None

    def on_epoch_begin(self, epoch, logs=None):
        title = f"epoch {epoch + 1}/{self.total_epochs}"
        steps = self.params["steps"]
        self.bar = tqdm(total=steps, desc=title, unit="batch", leave=False, disable=None, dynamic_ncols=True)

    def on_train_batch_end(self, batch, logs=None):
        if not self.bar.disable:
            self.bar.set_postfix_str(f"loss {logs['loss']:.3f}, accuracy {logs['accuracy']:.3f}", refresh=False)
            self.bar.update(batch + 1 - self.bar.n)

    def on_epoch_end(self, epoch, logs=None):
        self.bar.close()


class EpochLines:
    """Prints a line after each epoch: called with its row and what was decided.

    clock: returns seconds; the first call is the start of the first epoch.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic):
        self.settings, self.clock, self.began = settings, clock, clock()
        self.pixels_done = 0

    def __call__(self, row: EpochRow, verdict: Verdict) -> None:
        self.pixels_done += self._pixels(row.epoch - 1, row.epoch)
        left = self._pixels(row.epoch, self.settings.total_epochs)
        left *= (self.clock() - self.began) / self.pixels_done
        marks = [
            *(["best"] if verdict.save and self.settings.keep == "best" else []),
            *(["rolled back to the best"] if verdict.roll_back else []),
            *(["learning rate lowered"] if verdict.lower_rate else []),
            *([f"no better for {self.settings.early_stop} epochs: stopped"] if verdict.stop else []),
        ]
        tuning = " (fine-tuning)" if row.phase != "train" else ""
        print(
            f"epoch {row.epoch:>3}/{self.settings.total_epochs}{tuning}  "
            f"loss {row.loss:.4f}  accuracy {row.accuracy:.4f}  "
            + ("" if isnan(row.val_loss) else f"val_loss {row.val_loss:.4f}  val_accuracy {row.val_accuracy:.4f}  ")
            + f"rate {row.learning_rate:.2e}  {row.seconds:.0f} s"
            + (f"  {duration(left)} left at most" if left and not verdict.stop else "")
            + (f"  [{', '.join(marks)}]" if marks else ""),
            flush=True,
        )

    def _pixels(self, first_epoch: int, last_epoch: int) -> int:
        """Return the pixels of an image, summed over these epochs: coarse ones cost less than half."""
        total = 0
        for side, until in image_sides(self.settings, first_epoch, last_epoch):
            total += side**2 * (until - first_epoch)
            first_epoch = until
        return total
