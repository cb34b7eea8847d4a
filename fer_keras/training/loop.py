"""Training itself: build the network, go through the phases, leave a finished run."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import keras
import numpy as np

from fer_keras.config import Settings
from fer_keras.data.augment import level_in_force
from fer_keras.data.faces import Faces
from fer_keras.data.pipeline import steps_per_epoch, training_batches
from fer_keras.emotions import IMAGE_SIZE, NUM_EMOTIONS
from fer_keras.errors import UserError
from fer_keras.files import written_aside
from fer_keras.models.files import open_model, save_model
from fer_keras.models.registry import build, copy_weights
from fer_keras.runs import Run
from fer_keras.training.calibration import calibration_images
from fer_keras.training.callbacks import Judge, StopOnNonFiniteLoss, Validation, WarmPlateau, follows_plateau
from fer_keras.training.checkpoint import load_checkpoint, read_progress
from fer_keras.training.device import Device, distribution
from fer_keras.training.history import write_history
from fer_keras.training.progress import PHASES, EpochRow, Progress, Verdict
from fer_keras.training.recipe import make_optimizer, warmup_of
from fer_keras.training.tensorboard import TensorBoard

COARSE_SIDE = 32  # pixels: of the images of the first epochs, with --coarse-epochs


@dataclass(frozen=True)
class Networks:
    """The two builds of one network. `trained`: mixed precision, fast layers, ends at the logits;
    `stock`: float32 and stock Keras layers only, ends at the probabilities; it is validated and saved."""

    trained: keras.Model
    stock: keras.Model


def train(
    run: Run,
    settings: Settings,
    training: Faces,
    validation: Faces,
    device: Device,
    *,
    initial_weights: keras.Model | None = None,
    targets: np.ndarray | None = None,
    watch: list[keras.callbacks.Callback] = (),
    report: Callable[[EpochRow, Verdict], None] = lambda row, verdict: None,
) -> Progress:
    """Train one network into `run`, from its checkpoint if there is one, and return how it went.

    run: its folder, with config.json. targets: float32 (N, 7), see `pipeline.training_batches`; training accuracy then
    counts how often the network names the largest. watch: callbacks that only look on, e.g. a progress bar. report:
    called after each epoch. UserError for a loss that is not finite, a damaged checkpoint, or weights that do not fit.

    A run that was killed at any moment and is trained again ends bit for bit as if it had never been killed: batches
    are a function of seed and step, and all other state is in the checkpoint.
    """
    keras.utils.set_random_seed(settings.seed)
    make_deterministic()
    with distribution(device):
        networks = build_networks(settings, device, initial_weights)
        progress = read_progress(run.checkpoint_file) if run.checkpoint_file.is_file() else Progress()
        write_history(run.history_file, progress.rows)
        plain = calibration_images(training.images, settings.seed)
        check = Validation(networks.stock, validation, plain, device.parts)
        whole = {"drop_remainder": device.parts > 1}
        steps = steps_per_epoch(len(training), settings.batch_size, **whole)
        for phase, first, epochs in remaining_phases(settings, progress):
            compile_for(phase, networks.trained, settings, device, epochs, steps)
            if first:
                load_checkpoint(run.checkpoint_file, networks.trained)
            elif phase != PHASES[0]:
                begin_fine_tuning(run, networks.trained, progress, phase)
            last = progress.epoch + epochs - first
            judge = Judge(run, settings, progress, check, last_epoch=last, report=report)
            rate = WarmPlateau(settings.peak_learning_rate, warmup_of(settings, settings.epochs), progress)
            rates = [rate] if follows_plateau(settings, progress) else []
            # Validation first: the others read what it adds to the logs. Judge last: its checkpoint closes the epoch.
            callbacks = [StopOnNonFiniteLoss(), *rates, check, TensorBoard(run.tensorboard(), check), *watch, judge]
            for side, until in image_sides(settings, progress.epoch, last):
                batches = batches_from(progress.epoch, training, targets, settings, side, **whole)
                fit(networks.trained, batches, range(progress.epoch, until), steps, callbacks)
                if progress.phase_over:
                    break
        if not settings.epochs:
            keep_start(run, networks.trained, progress, check)
    return progress


def keep_start(run: Run, trained: keras.Model, progress: Progress, check: Validation) -> None:
    """Calibrate, measure and save the network as it starts."""
    check.set_model(trained)
    check.ready_to_save()
    save_model(check.stock, run.model_file)
    if len(check.faces):
        logs = {}
        check.measure(logs)
        progress.best_accuracy, progress.best_loss = logs["val_accuracy"], logs["val_loss"]


def begin_fine_tuning(run: Run, model: keras.Model, progress: Progress, phase: str) -> None:
    """Enter `phase` from the weights that were kept. Dropout goes on drawing where the last epoch ended, also after a
    resume; and since the first epoch of the phase may replace run.model_file before its checkpoint, it has a copy."""
    load_checkpoint(run.checkpoint_file, model, with_optimizer=False)
    start = run.fine_tune_start_file
    if not start.is_file():
        with written_aside(start) as copy:
            shutil.copyfile(run.model_file, copy)
    copy_weights(open_model(start), model)
    progress.begin_phase(phase)


def remaining_phases(settings: Settings, progress: Progress):
    """Yield (phase, epochs of it that are done, epochs of it in all) for every phase that is not over."""
    lengths = dict(zip(PHASES, (settings.epochs, settings.fine_tune_epochs), strict=True))
    for phase in PHASES[PHASES.index(progress.phase) :]:
        if phase == progress.phase and progress.phase_over:
            continue
        if lengths[phase]:
            yield phase, progress.epochs_in_phase() if phase == progress.phase else 0, lengths[phase]


def build_networks(settings: Settings, device: Device, initial_weights: keras.Model | None) -> Networks:
    options = {"dropout": settings.dropout, "seed": settings.seed}
    stock = build(settings.arch, **options)
    fast = build(settings.arch, precision=device.precision, fast=True, any_size=bool(settings.coarse_epochs), **options)
    if initial_weights is not None:
        try:
            copy_weights(initial_weights, fast)
        except ValueError as error:
            raise UserError(f"--init-from: its weights do not fit --arch {settings.arch}: {error}") from None
    # The loss is taken at the logits, where it is exact: the logarithm of a softmax that underflows is not.
    trained = keras.Model(fast.inputs, fast.get_layer("logits").output, name=fast.name)
    return Networks(trained, stock)


def compile_for(phase: str, model: keras.Model, settings: Settings, device: Device, epochs: int, steps: int) -> None:
    """Give `model` the loss, and a new optimizer for `epochs` of `phase`."""
    optimizer = make_optimizer(
        settings,
        fine_tuning=phase != PHASES[0],
        epochs=epochs,
        steps_per_epoch=steps,
        precision=device.precision,
    )
    model.compile(
        optimizer,
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=settings.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        jit_compile=device.jit_compile,
    )


def fit(
    model: keras.Model, batches: Iterable, epochs: range, steps: int, callbacks: list[keras.callbacks.Callback]
) -> None:
    """Train through `epochs`, `steps` batches each."""
    model.train_function = None  # compiled for one size of images at a time
    model.fit(
        batches,
        epochs=epochs.stop,
        initial_epoch=epochs.start,
        steps_per_epoch=steps,
        callbacks=callbacks,
        shuffle=False,  # the batches come shuffled
        verbose=0,
    )


def image_sides(settings: Settings, first_epoch: int, last_epoch: int) -> list[tuple[int, int]]:
    """Return [(side of the images in pixels, the epoch until which they have it), ...] from `first_epoch` on.

    Most of what a network learns it can learn from coarse images, at about half the cost: progressive resizing,
    as in Tan and Le, "EfficientNetV2", 2021 (arXiv:2104.00298).
    """
    coarse_until = min(settings.coarse_epochs, last_epoch)
    stages = [(COARSE_SIDE, first_epoch, coarse_until), (IMAGE_SIZE, max(first_epoch, coarse_until), last_epoch)]
    return [(side, until) for side, begin, until in stages if begin < until]


def batches_from(
    epoch: int,
    training: Faces,
    targets: np.ndarray | None,
    settings: Settings,
    side: int,
    *,
    drop_remainder: bool = False,
):
    """Return the training batches of `settings`, from the start of `epoch` on. drop_remainder: whole ones alone; what
    is left over is other images in each epoch."""
    return training_batches(
        training.images,
        training.labels,
        batch_size=settings.batch_size,
        seed=settings.seed,
        augment=level_in_force(settings.augment, coarse=side == COARSE_SIDE),
        first_epoch=epoch,
        class_weights=class_weights(training.labels) if settings.class_weight == "balanced" else None,
        targets=targets,
        mixup_alpha=settings.mixup,
        side=side,
        drop_remainder=drop_remainder,
    )


def class_weights(labels: np.ndarray) -> np.ndarray:
    """Return float32 (7,): N / (classes there are x images of the class), 0 for a class without images."""
    counts = np.bincount(labels, minlength=NUM_EMOTIONS)
    weights = len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 0).astype(np.float32)


def make_deterministic() -> None:
    """Have TensorFlow add up in the same order every time, so that equal runs end in equal bits."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
