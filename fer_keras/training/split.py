"""The faces that train a network and those that select its epoch, with the record of how they were chosen."""

from dataclasses import dataclass

import numpy as np

from fer_keras.config import Settings
from fer_keras.console import say
from fer_keras.data.faces import Faces
from fer_keras.data.known_again import ancestor_on
from fer_keras.data.protocol import training_and_validation, without_uniform_training
from fer_keras.training.clean import without_disputed
from fer_keras.training.lineage import ancestors, still_testable


@dataclass(frozen=True)
class Split:
    """The faces of one network: those it trains on, those that validate it, and how they were chosen."""

    training: Faces
    validation: Faces
    record: dict


def choose_split(faces: Faces, settings: Settings, logdir: str, *, lineage: list[dict] | None = None) -> Split:
    """Return the training and validation faces by the protocol, with the record that goes into config.json.

    lineage: what the run inherits, where its config.json tells it already: the runs that it starts from and learns
    from need not be there any more. None: ask them.
    """
    if settings.drop_uniform:
        there, faces = len(faces), without_uniform_training(faces)
        say(f"left out {there - len(faces)} nearly uniform training images")
    training, validation, testable, rule = training_and_validation(
        faces,
        val_fraction=settings.val_fraction,
        seed=settings.seed,
        folds=settings.folds,
        fold=settings.fold,
        holds_out=settings.holds_out,
        keep=settings.keep,
        drop_copies=settings.drop_copies,
    )
    if not settings.epochs:
        rule = f"Trains nothing; batch statistics are those of images of Training ({len(training):,})."
        if len(validation):
            rule += f" Measured on {len(validation):,} others of it, which choose nothing here."
    if settings.members > 1 and settings.val_fraction:
        last = settings.seed + settings.members - 1
        rule = f"{settings.members} networks, by seeds {settings.seed} to {last}, a part for each. The first: {rule}"
    if settings.drop_copies:
        held_out = np.sum(validation.usage == "Training")
        copies = np.sum(faces.usage == "Training") - len(training) - held_out
        where = "another split or the part held out" if held_out else "another split"
        whose = " for the first" if settings.folds and settings.fold is None else ""
        rule += f" Left out{whose}, since {where} has their photographs: {copies:,} training images."
    disputed = None
    if settings.drop_disputed is not None:
        training, disputed = without_disputed(training, settings.drop_disputed, logdir)
        rule += f" Left out, since {disputed['run']} disputes their labels: {disputed['left_out']:,} training images."
    if lineage is None:
        lineage = [ancestor_on(ancestor, faces) for ancestor in ancestors(settings, logdir)]
    record = {
        "source": faces.source,
        "sha256": faces.sha256,
        "development_sha256": faces.development_sha256,
        "synthetic": faces.synthetic,
        "rule": rule,
        "validation_split": str(validation.usage[0]) if len(validation) else "",
        "training": len(training),
        "validation": len(validation),
        "testable": list(still_testable(testable, lineage, faces.sha256)),
    }
    if lineage:
        record["starts_from"] = lineage
    if disputed is not None:
        record["disputed"] = disputed
    return Split(training, validation, record)
