"""The figures of a run: what is known of it before the first step, and its history."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from fer_keras.config import Settings
from fer_keras.data.augment import augmentation, level_in_force
from fer_keras.data.faces import SYNTHETIC_NOTE, Faces
from fer_keras.data.pipeline import training_batches
from fer_keras.emotions import NUM_EMOTIONS
from fer_keras.files import write_text
from fer_keras.models.registry import build
from fer_keras.models.summary import layer_table, summary_text
from fer_keras.plots.augmentation import augmentation_figure
from fer_keras.plots.classes import classes_figure
from fer_keras.plots.history import history_figure
from fer_keras.plots.network import network_figure
from fer_keras.plots.style import save_figure
from fer_keras.runs import Run
from fer_keras.training.progress import Progress
from fer_keras.training.split import Split

FACES_SHOWN = 32  # in figures/augmentation.png


def draw_before(run: Run, settings: Settings, split: Split) -> None:
    """Write what is known before the first step: the layers, the classes, the augmentation."""
    note = _note(split.record)
    network = build(settings.arch, dropout=settings.dropout, seed=settings.seed)
    write_text(run.summary_file, summary_text(network))
    save_figure(network_figure(layer_table(network), title=settings.arch), run.figure("model"), note=note)
    training, validation = (_counts(faces) for faces in (split.training, split.validation))
    held_out = {"whole": training + validation, "training": training, "validation": validation}
    counts = held_out if len(split.validation) else {"training": training}
    save_figure(classes_figure(counts), run.figure("classes"), note=note)
    if not settings.epochs:
        return

    def first_batch(level: str) -> tuple[np.ndarray, np.ndarray]:
        stream = training_batches(
            split.training.images,
            split.training.labels,
            batch_size=min(FACES_SHOWN, len(split.training)),
            seed=settings.seed,
            augment=level,
        )
        images, labels = next(stream.as_numpy_iterator())
        return images, labels

    before, labels = first_batch("none")
    earlier, level = (level_in_force(settings.augment, coarse=coarse) for coarse in (True, False))
    after, _ = first_batch(level)
    name = level if level == earlier else f"{earlier} in coarse epochs, then {level}"
    figure = augmentation_figure(before, after, name, labels, ranges=augmentation(level).describe())
    save_figure(figure, run.figure("augmentation"), note=note)


def draw_history(run: Run, settings: Settings, progress: Progress, record: Mapping[str, Any]) -> None:
    """Write history.png, where there were any epochs. record: of the data, as config.json has it."""
    if not progress.rows:
        return
    figure = history_figure(
        [dataclasses.asdict(row) for row in progress.rows],
        title=run.path.name,
        kept=progress.best_epoch,
        keep=settings.keep,
        soft=bool(settings.teachers or settings.mixup),
        coarse=settings.coarse_epochs,
    )
    save_figure(figure, run.figure("history"), note=_note(record))


def _note(record: Mapping[str, Any]) -> str | None:
    """Return what every figure of a run on synthetic faces must say; None for a run on real ones."""
    return SYNTHETIC_NOTE if record["synthetic"] else None


def _counts(faces: Faces) -> np.ndarray:
    return np.bincount(faces.labels, minlength=NUM_EMOTIONS)
