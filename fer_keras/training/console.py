"""What a person sees while a network trains: a bar within each epoch, a line after it, the time left."""

import time
from collections.abc import Callable
from math import isnan

import keras
from tqdm import tqdm

from fer_keras.config import Settings
from fer_keras.console import counted, duration
from fer_keras.training.loop import image_sides
from fer_keras.training.progress import PHASES, EpochRow, Progress, Verdict


class EpochBar(keras.callbacks.Callback):
    """A progress bar with the time left in the epoch; none where the output is no terminal.

    lines: those that are printed below it; they know how many epochs there will be.
    """

    def __init__(self, lines: "EpochLines"):
        super().__init__()
        self.lines, self.bar = lines, None

    def on_epoch_begin(self, epoch, logs=None):
        title = f"epoch {epoch + 1}/{self.lines.total_epochs}"
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

    progress: how far the run has come already. clock: returns seconds; the first call is the start of the first epoch.
    """

    def __init__(
        self, settings: Settings, progress: Progress | None = None, clock: Callable[[], float] = time.monotonic
    ):
        self.settings, self.clock, self.began = settings, clock, clock()
        self.pixels_done = 0
        self.total_epochs = settings.total_epochs
        if progress and (progress.phase != PHASES[0] or progress.phase_over):
            trained = sum(row.phase == PHASES[0] for row in progress.rows)
            self.total_epochs = trained + settings.fine_tune_epochs

    def __call__(self, row: EpochRow, verdict: Verdict) -> None:
        if verdict.stop:  # of the phase: fine-tuning may follow
            self.total_epochs = row.epoch + (self.settings.fine_tune_epochs if row.phase == PHASES[0] else 0)
        self.pixels_done += self._pixels(row.epoch - 1, row.epoch)
        left = self._pixels(row.epoch, self.total_epochs)
        left *= (self.clock() - self.began) / self.pixels_done
        marks = [
            *(["best"] if verdict.save and self.settings.keep == "best" else []),
            *(["rolled back to the best"] if verdict.roll_back else []),
            *(["learning rate lowered"] if verdict.lower_rate else []),
            *([f"no better for {counted(verdict.since_best, 'epoch')}: stopped"] if verdict.stop else []),
        ]
        tuning = " (fine-tuning)" if row.phase != PHASES[0] else ""
        print(
            f"epoch {row.epoch:>3}/{self.total_epochs}{tuning}  "
            f"loss {row.loss:.4f}  accuracy {row.accuracy:.4f}  "
            + ("" if isnan(row.val_loss) else f"val_loss {row.val_loss:.4f}  val_accuracy {row.val_accuracy:.4f}  ")
            + f"rate {row.learning_rate:.2e}  {row.seconds:.0f} s"
            + (f"  {duration(left)} left at most" if left else "")
            + (f"  [{', '.join(marks)}]" if marks else ""),
            flush=True,
        )

    def _pixels(self, first_epoch: int, last_epoch: int) -> int:
        """Return the pixels of an image, summed over these epochs: coarse ones cost about half."""
        total = 0
        for side, until in image_sides(self.settings, first_epoch, last_epoch):
            total += side**2 * (until - first_epoch)
            first_epoch = until
        return total
