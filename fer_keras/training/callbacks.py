"""What happens between steps and epochs, one subject a callback."""

import time
from collections.abc import Callable
from math import nan

import keras
import numpy as np

from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.errors import UserError
from fer_keras.inference import predict_probabilities
from fer_keras.metrics import confusion_matrix, log_loss, mean_confidence
from fer_keras.models.files import open_model, save_model
from fer_keras.models.registry import copy_weights
from fer_keras.training.calibration import calibrate_batch_norm
from fer_keras.training.checkpoint import save_checkpoint
from fer_keras.training.history import append_history
from fer_keras.training.progress import PHASES, EpochRow, Progress, Verdict

_SAMPLE = 16  # images that tell whether a network says numbers
_START_AGAIN = "Start again with a lower --learning-rate, or with --clip-norm 1"


class StopOnNonFiniteLoss(keras.callbacks.Callback):
    """End the run at the first step whose loss is infinite or no number: nothing after it could be trusted."""

    epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch + 1

    def on_train_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss", 0.0)  # the mean since the epoch began: once not finite, it stays so
        if not np.isfinite(loss):
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()  # within an epoch JAX keeps the optimizer's state for itself
            rate = last_learning_rate(self.model)
            raise UserError(
                f"the loss became {float(loss)} at step {batch + 1} of epoch {self.epoch}, learning rate {rate:.3g}. "
                f"{_START_AGAIN}"
            )


class Validation(keras.callbacks.Callback):
    """Measure the validation set after each epoch with the float32 network that is going to be saved.

    So the accuracy that selects an epoch is the one that evaluate.py finds again. Its batch statistics are measured on
    `plain`, training images as they are (see `calibration`). Adds to the epoch's logs val_loss
    (cross-entropy, nats), val_accuracy, and val_confidence_right and val_confidence_wrong: the mean probability of the
    predicted emotion where it is right and where it is wrong. When the second grows, validation loss can rise while
    accuracy rises too. Without faces to validate on it does nothing. parts: as in `predict_probabilities`.
    """

    def __init__(self, stock: keras.Model, faces: Faces, plain: np.ndarray, parts: int = 1):
        super().__init__()
        self.parts = parts
        self.stock, self.faces, self.plain = stock, faces, plain
        self.probabilities = np.zeros((0, 7), np.float32)
        self.matrix = np.zeros((7, 7), np.int64)

    def on_epoch_end(self, epoch, logs=None):
        if len(self.faces):
            self.ready_to_save()
            self.measure(logs)

    def measure(self, logs: dict) -> None:
        """Add to `logs` how good the network is that is ready to be saved."""
        labels = self.faces.labels
        self.probabilities = predict_probabilities(self.stock, self.faces.images, parts=self.parts)
        predicted = self.probabilities.argmax(axis=1)
        self.matrix = confusion_matrix(labels, predicted)
        logs["val_loss"] = log_loss(labels, self.probabilities)
        logs["val_accuracy"] = float((predicted == labels).mean())
        for name, confidence in zip(("right", "wrong"), mean_confidence(labels, self.probabilities), strict=True):
            if confidence is not None:
                logs[f"val_confidence_{name}"] = confidence

    def ready_to_save(self) -> None:
        """Give the network that is going to be saved the weights that there are now, and statistics to go with them.

        UserError for a network that says no numbers: the loss is that before the last step, which may have broken it.
        """
        copy_weights(self.model, self.stock)
        calibrate_batch_norm(self.stock, self.plain)
        few = self.plain[:_SAMPLE, ..., np.newaxis].astype(np.float32)
        if not np.isfinite(keras.ops.convert_to_numpy(self.stock([few], training=False))).all():
            rate = last_learning_rate(self.model)
            raise UserError(f"the network's outputs became no numbers, learning rate {rate:.3g}. {_START_AGAIN}")


class Judge(keras.callbacks.Callback):
    """Judge the epoch: append it to history.csv, save the network to keep, roll back, stop, checkpoint.

    The checkpoint is written last: killed before it, the run repeats the epoch; killed after it, it goes on.
    """

    def __init__(
        self,
        run,
        settings,
        progress: Progress,
        validation: Validation,
        *,
        last_epoch: int,
        report: Callable[[EpochRow, Verdict], None],
    ):
        super().__init__()
        self.run, self.settings, self.progress, self.validation = run, settings, progress, validation
        self.last_epoch, self.report = last_epoch, report
        self.began = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        settings, progress = self.settings, self.progress
        now = time.monotonic()
        measured = {name: float(logs[name]) for name in ("loss", "accuracy")}
        measured |= {name: float(logs.get(name, nan)) for name in ("val_loss", "val_accuracy")}  # nan: none held out
        row = EpochRow(
            phase=progress.phase,
            epoch=epoch + 1,
            **measured,
            learning_rate=last_learning_rate(self.model),
            seconds=now - self.began,
        )
        self.began = now  # what is saved below counts with the next epoch: its row is the next to be written
        verdict = progress.judge(
            row,
            early_stop=patience(settings, row.epoch),
            rollback=settings.rollback,
            plateau=follows_plateau(settings, progress) and row.epoch > settings.coarse_epochs,  # as in `patience`
            last=epoch + 1 == self.last_epoch,
            keep=settings.keep,
        )
        append_history(self.run.history_file, row)
        save_epoch = settings.save_every and row.epoch % settings.save_every == 0
        save = verdict.save
        if not len(self.validation.faces):  # then every epoch is the one to keep, until the next: save the last alone
            save = save and progress.phase_over
            if save or save_epoch:
                self.validation.ready_to_save()
        if save:
            save_model(self.validation.stock, self.run.model_file)
        if save_epoch:
            save_model(self.validation.stock, self.run.epoch_file(row.epoch))
        if verdict.roll_back:
            copy_weights(open_model(self.run.model_file), self.model)
        self.model.stop_training = verdict.stop
        save_checkpoint(self.run.checkpoint_file, self.model, progress)
        self.report(row, verdict)


def patience(settings: Settings, epoch: int) -> int:
    """Return after how many epochs without a better one to stop at `epoch`, counted from 1; 0: do not stop.

    Validation images are fine ones: a network that has seen coarse ones alone is not stopped for being no better at
    them, until it has had its full patience of fine epochs.
    """
    fine_epochs = epoch - settings.coarse_epochs
    return settings.early_stop if fine_epochs >= settings.early_stop or not settings.coarse_epochs else 0


def follows_plateau(settings: Settings, progress: Progress) -> bool:
    """Return whether validation sets the learning rate: not in fine-tuning, whose rate is constant."""
    return settings.schedule == "plateau" and progress.phase == PHASES[0]


class WarmPlateau(keras.callbacks.Callback):
    """Schedule "plateau": a warm-up by whole epochs, since the rate waits for each epoch's validation anyway."""

    def __init__(self, peak: float, warmup_epochs: float, progress: Progress):
        super().__init__()
        self.peak, self.warmup_epochs, self.progress = peak, warmup_epochs, progress

    def on_epoch_begin(self, epoch, logs=None):
        warmth = min(1.0, (epoch + 1) / (self.warmup_epochs + 1))
        self.model.optimizer.learning_rate = self.peak * self.progress.rate_factor * warmth


def last_learning_rate(model: keras.Model) -> float:
    """Return the learning rate of the step that was taken last; `optimizer.learning_rate` is that of the next one."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)  # the one inside a LossScaleOptimizer
    rate = optimizer._learning_rate  # a schedule, or the variable that `WarmPlateau` sets
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        rate = rate(keras.ops.maximum(optimizer.iterations - 1, 0))
    return float(keras.ops.convert_to_numpy(rate))
