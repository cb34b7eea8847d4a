"""Whether a run that was stopped can go on as it began: its images, files, arithmetic, and the runs that it names."""

from pathlib import Path

import keras

from fer_keras.config import PRECISIONS, Settings, read_json_object
from fer_keras.errors import UserError
from fer_keras.files import remove_unfinished
from fer_keras.models.files import open_model
from fer_keras.runs import Run, RunConfig, ensemble_of, is_run, read_config
from fer_keras.training.checkpoint import read_progress
from fer_keras.training.history import written_rows
from fer_keras.training.progress import PHASES, Progress
from fer_keras.training.split import Split


def refuse_other_images(run: Run, config: RunConfig, split: Split) -> None:
    """Raise UserError if this version chooses other images for the run than the one that began it."""
    if config.data.get("copies_by", 0) != split.record.get("copies_by", 0):
        raise UserError(
            f"{run.path}: --drop-copies left images out by another rule than this version's. "
            f"Go on with the version that began it (environment.json), or train anew"
        )
    for part in ("training", "validation"):
        before, now = config.data.get(part), split.record[part]
        if before not in (None, now):
            raise UserError(
                f"{run.path}: expected the {before:,} {part} images that it began with, this version chooses {now:,}. "
                f"Go on with the version that began it (environment.json), or train anew"
            )


def refuse_without_files(run: Run, settings: Settings) -> None:
    """Raise UserError if a network that is half trained has lost what it goes on from, or what it ends with."""
    for one in (one for one in run.networks(settings.networks) if not one.finished):
        for file in _needed_to_go_on(one, settings):
            if not file.is_file():
                raise UserError(f"{file} is gone, which the run needs to go on. Copy it back, or train anew")
            if file == one.model_file:
                open_model(file)  # the run may end with it: a damaged one is told before, not after, the training


def _needed_to_go_on(run: Run, settings: Settings) -> list[Path]:
    if not run.checkpoint_file.is_file():
        # Killed between the row of its first epoch and the checkpoint a run has one row, and begins anew.
        further = run.fine_tune_start_file.is_file() or written_rows(run.history_file) > 1
        return [run.checkpoint_file] if further else []
    progress, needed = read_progress(run.checkpoint_file), [run.environment_file]
    tunes_next = settings.fine_tune_epochs and progress.phase_over and not run.fine_tune_start_file.is_file()
    if (settings.keep == "best" and progress.best_epoch) or tunes_next or _trained(settings, progress):
        needed.append(run.model_file)
    return needed


def _trained(settings: Settings, progress: Progress) -> bool:
    """Tell whether nothing is left to train: the run has its network, and only its result to write."""
    last_phase = progress.phase == PHASES[-1] or not settings.fine_tune_epochs
    return progress.phase_over and last_phase


def remove_half_written(run: Run, settings: Settings) -> None:
    """Remove half-written files of a killed process: a checkpoint takes three times the room of its network."""
    for one in {run, *run.networks(settings.networks)}:
        for folder in (one.path, one.checkpoint_file.parent, one.figure("history").parent):
            remove_unfinished(folder)


def precision_of(run: Run, settings: Settings) -> str:
    """Return the precision that a run began with: another machine may compute best in another.

    UserError for a run that began on another backend, whose arithmetic and random numbers are others.
    """
    if not run.environment_file.is_file():
        return settings.precision  # it was stopped before its first step
    began = read_json_object(run.environment_file)
    backend, precision = began.get("backend", keras.backend.backend()), began.get("precision", settings.precision)
    if backend != keras.backend.backend():
        raise UserError(
            f"{run.path} began with KERAS_BACKEND={backend}: expected the same, received {keras.backend.backend()}. "
            f"Put KERAS_BACKEND={backend} before the command"
        )
    if precision not in PRECISIONS:
        raise UserError(
            f"{run.environment_file}: expected precision to be one of {', '.join(PRECISIONS)}. Received: {precision!r}"
        )
    return precision


def home_of(run: Run, logdir: str) -> str:
    """Return where the runs stand that a run names: beside it, as when it began; in `logdir` if it was moved."""
    beside, settings = (ensemble_of(run) or run).path.parent, read_config(run).settings
    named = [*settings.init_from, *settings.teachers, *filter(None, [settings.drop_disputed])]
    return str(beside) if any(is_run(beside / name) for name in named) else logdir  # those elsewhere have their path
