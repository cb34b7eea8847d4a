"""The faces that train a network and those that validate it, with the record of how they were chosen."""

from dataclasses import dataclass

import numpy as np

from fer_keras.config import Settings
from fer_keras.console import say
from fer_keras.data.faces import Faces
from fer_keras.data.known_again import ancestor_on
from fer_keras.data.protocol import (
    DEFAULT_VAL_FRACTION,
    splits_to_test,
    training_and_validation,
    validates_on_publictest,
    without_uniform_training,
)
from fer_keras.provenance import Ancestor, SplitRecipe
from fer_keras.training.clean import without_disputed
from fer_keras.training.lineage import ancestors, still_testable


@dataclass(frozen=True)
class Split:
    """The faces of one network: those it trains on, those that validate it, and how they were chosen."""

    training: Faces
    validation: Faces
    record: dict


def choose_split(faces: Faces, settings: Settings, logdir: str, *, lineage: list[Ancestor] | None = None) -> Split:
    """Return the training and validation faces by the protocol, with the record that goes into config.json.

    lineage: what the run inherits, where its config.json tells it already: the runs that it starts from and learns
    from need not be there any more. None: ask them.
    """
    if settings.drop_uniform:
        there, faces = len(faces), without_uniform_training(faces)
        say(f"left out {there - len(faces)} nearly uniform training images")
    recipe = SplitRecipe.of(settings, faces.sha256)
    training, validation = training_and_validation(faces, recipe)
    rule = rule_text(faces, settings, training, validation)
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
        "testable": list(still_testable(splits_to_test(faces, recipe), lineage, faces.sha256)),
    }
    if lineage:
        record["starts_from"] = [ancestor.to_json() for ancestor in lineage]
    if disputed is not None:
        record["disputed"] = disputed
    if recipe.drop_copies:
        record["copies_by"] = recipe.copies_by
    return Split(training, validation, record)


def rule_text(faces: Faces, settings: Settings, training: Faces, validation: Faces) -> str:
    """Return what was done, in a few sentences. faces: of which `training` and `validation` were taken."""
    there, recipe = int(np.sum(faces.usage == "Training")), SplitRecipe.of(settings, faces.sha256)
    if not settings.epochs:
        rule = f"Trains nothing; batch statistics are those of images of Training ({len(training):,})."
        if len(validation):
            rule += f" Measured on {len(validation):,} others of it, which choose nothing here."
    elif not recipe.holds_out:
        rule = f"Trains on Training ({len(training):,}); nothing of it is held out, the last epoch is kept."
        if not {"PublicTest", "PrivateTest"} & set(faces.splits()):
            rule += " The data have no test split: give --val-fraction too, or nothing tells how good it is."
    elif validates_on_publictest(faces, recipe):
        rule = f"Trains on Training ({len(training):,}), selects on PublicTest ({len(validation):,})."
        if "PrivateTest" not in faces.splits():
            rule += " No split is left to test on: --val-fraction 0.1 would leave PublicTest."
    elif recipe.cross_validates:
        part = "selects its epoch" if settings.keep == "best" else "measures its last epoch"
        rule = (
            f"Cross-validates: {settings.folds} networks, each trained on Training ({there:,} images) without another "
            f"of {settings.folds} stratified parts, which {part}; seed {settings.seed}, identical images kept together."
        )
    else:
        selects = "selects on" if settings.keep == "best" else "keeps the last epoch, measures it on"
        without = " without what another split has too" if settings.drop_copies else ""
        rule = (
            f"Trains on {len(training):,} images of Training, {selects} the other {len(validation):,}: "
            f"{_which_part(settings)}{without}, seed {settings.seed}, identical images kept together."
        )
    if settings.members > 1 and settings.val_fraction:
        last = settings.seed + settings.members - 1
        rule = f"{settings.members} networks, by seeds {settings.seed} to {last}, a part for each. The first: {rule}"
    if settings.drop_copies:
        held_out = int(np.sum(validation.usage == "Training"))
        where = "another split or the part held out" if held_out else "another split"
        whose = " for the first" if recipe.cross_validates else ""
        copies = there - len(training) - held_out
        rule += f" Left out{whose}, since {where} has their photographs: {copies:,} images of Training."
    return rule


def _which_part(settings: Settings) -> str:
    if settings.folds:
        return f"part {settings.fold} of {settings.folds} (0 to {settings.folds - 1}) for cross-validation"
    if settings.val_fraction:
        return f"a stratified {settings.val_fraction:.3g} of it"
    return f"a stratified {DEFAULT_VAL_FRACTION:.3g} of it (there is no PublicTest split)"
