"""On which images a run is evaluated, and how honest that is."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fer_keras.data.faces import SPLITS, Faces
from fer_keras.data.prepare import load_faces
from fer_keras.data.protocol import SplitRecipe
from fer_keras.data.select import stratified_limit
from fer_keras.errors import UserError, unknown_name
from fer_keras.evaluation.runs_to_evaluate import Candidate
from fer_keras.metrics import leaks
from fer_keras.runs import PRETRAINED, selected_ancestors

VALIDATION = "validation"  # the images held out of a run's training to validate it, whatever split they come from


@dataclass(frozen=True)
class HeldOut:
    """N labelled images to evaluate on.

    faces: as they stand in their source, not equalised. split: one of SPLITS, or VALIDATION.
    reason: why this split, a sentence; "" where it was asked for.
    selected_on: whether these images chose the epoch of one of the runs; None where that cannot be told.
    leaked: bool (N,), images that stand pixel for pixel in the training data of one of the runs; None: not known.
    fold_of: int64 (N,), of a cross-validated run the network that did not train on the image, the only one that may
    judge it; None: every network judges all images.
    warnings: sentences that a reader of the numbers must not miss.
    """

    faces: Faces
    split: str
    reason: str
    selected_on: bool | None
    leaked: np.ndarray | None
    warnings: tuple[str, ...]
    fold_of: np.ndarray | None = None

    @property
    def synthetic(self) -> bool:
        return self.faces.synthetic


def hold_out(
    candidates: list[Candidate], *, data: str | None = None, split: str | None = None, limit: int = 0, seed: int = 0
) -> HeldOut:
    """Choose the images to evaluate `candidates` on: labelled ones, the same for all of them.

    data: as `--data`; None is what the first run was trained on. split: one of SPLITS or VALIDATION; None is the
    first of PrivateTest, PublicTest and VALIDATION that there is. limit: at most so many images, stratified by
    `seed`; 0 is all.

    Raises:
        UserError: for data that are missing, damaged or without labels, and for a split that they lack.
    """
    if split is not None and split not in (*SPLITS, VALIDATION):
        raise unknown_name("split", split, (*SPLITS, VALIDATION))
    whole = load_faces(data) if data is not None else data_of(candidates[0])
    if whole is None:
        run, record = candidates[0].run, candidates[0].config.data
        raise UserError(f"{run.path}: expected its data at {record['source']}, found none. Give them with --data PATH")
    if whole.labels is None:
        raise UserError(
            f"{whole.source}: expected labels to measure against, received a file without. "
            f"To predict it: python evaluate.py --predict {whole.source} --submission out.csv"
        )
    trained_on = _trained_on(candidates, whole)
    split, reason = (split, "") if split is not None else _default_split(candidates, whole)
    if split == VALIDATION and (recipe := _recipe_of_validation(candidates, whole)).cross_validates:
        return _cross_validation(candidates, whole, recipe, reason, limit=limit, seed=seed)
    if split == VALIDATION:
        training, validation = recipe.indices(whole)
        faces, training_images = whole.take(validation), [whole.images[training]]
    else:
        faces = whole.split(split)
        training_images = [None if own is None else _of_split(own, "Training") for own in trained_on]
    if limit:
        faces = stratified_limit(faces, limit, seed)
    known = all(images is not None for images in training_images)
    leaked = np.any([leaks(faces.images, images) for images in training_images], axis=0) if known else None
    selected_on = (
        _validation_chose(candidates) if split == VALIDATION else _selected_on(candidates, trained_on, split, faces)
    )
    warnings = _warnings(candidates, whole, faces, split, selected_on, leaked)
    return HeldOut(faces, split, reason, selected_on, leaked, tuple(warnings))


def data_of(candidate: Candidate) -> Faces | None:
    """Return what lies where the run's data lay when it was trained, or the synthetic faces that it was trained on.

    The shipped run was trained elsewhere: without its data at hand it gets what `--data auto` finds.
    """
    record = candidate.config.data
    if candidate.name == PRETRAINED and not Path(record["source"]).exists():
        return load_faces("auto")
    if record["synthetic"]:
        return load_faces("synthetic", limit=candidate.config.settings.limit)
    return load_faces(record["source"]) if Path(record["source"]).exists() else None


def _trained_on(candidates: list[Candidate], whole: Faces) -> list[Faces | None]:
    """Return the data of each run, unchanged since it was trained; None where they are not at hand."""
    known = {whole.sha256: whole}
    for candidate in candidates:
        sha256 = candidate.config.data["sha256"]
        if sha256 not in known:
            try:
                found = data_of(candidate)
            except UserError:  # damaged since: then it is not at hand
                found = None
            known[sha256] = found if found is not None and found.sha256 == sha256 else None
    return [known[candidate.config.data["sha256"]] for candidate in candidates]


def _of_split(faces: Faces, split: str) -> np.ndarray:
    return faces.images[faces.usage == split]


def _default_split(candidates: list[Candidate], whole: Faces) -> tuple[str, str]:
    """Return the split to evaluate on when none is asked for, and why."""
    there = whole.splits()
    testable = [name for name in ("PrivateTest", "PublicTest") if name in there]
    for split in testable:
        if all(split in candidate.config.data["testable"] for candidate in candidates):
            return split, f"{split} took no part in training or in choosing the epoch."
    if testable:
        return testable[0], f"The data have no split but {testable[0]} to test on."
    trained_here = [candidate for candidate in candidates if candidate.config.data["sha256"] == whole.sha256]
    for candidate in trained_here:
        if not candidate.split.holds_out:
            return "Training", f"The data have no test split, and {candidate.name} held nothing out of training."
    if trained_here:
        return VALIDATION, "The data have no test split: this is the part of Training that was not trained on."
    return "Training", "The data have one split only, and no run here was trained on this file."


def _recipe_of_validation(candidates: list[Candidate], whole: Faces) -> SplitRecipe:
    """Return how the images that validated the candidates were chosen: in the same way for all of them."""
    wanted = {candidate.split for candidate in candidates}
    for candidate in candidates:
        if not candidate.split.holds_out:
            raise UserError(
                f"--split {VALIDATION}: {candidate.run.path} held nothing out of training (--keep last). "
                f"Choose one of: {', '.join(whole.splits())}"
            )
    independent = [one for one in candidates if len(one.members) > 1 and not one.split.cross_validates]
    if independent:
        first = independent[0].run.member(0).path
        raise UserError(
            f"--split {VALIDATION}: each member of an ensemble has a validation part of its own, which others may have "
            f"trained on. Evaluate one member, e.g. --run {first}, or another split"
        )
    if len(wanted) > 1:
        raise UserError(
            f"--split {VALIDATION}: expected runs with the same validation part, received {len(wanted)} different "
            f"ones. Evaluate the runs one by one, or another split"
        )
    (recipe,) = wanted
    sha256 = recipe.sha256
    if whole.sha256 != sha256:
        raise UserError(
            f"--split {VALIDATION} is a part of the data that the run was trained on (SHA-256 {sha256[:12]}...), "
            f"received other data: {whole.source} ({whole.sha256[:12]}...). Choose one of: {', '.join(whole.splits())}"
        )
    return recipe


def _cross_validation(
    candidates: list[Candidate], whole: Faces, recipe: SplitRecipe, reason: str, *, limit: int, seed: int
) -> HeldOut:
    """Return all images of Training, each for the network that was not trained on it."""
    if len(candidates) > 1:
        raise UserError(
            f"--split {VALIDATION}: expected one cross-validated run, received {len(candidates)}: each of its networks "
            f"judges another part. Evaluate the runs one by one, or another split"
        )
    fold_of = np.full(len(whole), -1)
    for fold, own in enumerate(recipe.each_fold()):
        fold_of[own.indices(whole)[1]] = fold
    there = np.flatnonzero(fold_of >= 0)
    faces = replace(whole.take(there), ids=there.astype(str))  # by their places
    if limit:
        faces = stratified_limit(faces, limit, seed)
    there = faces.ids.astype(np.int64)
    selected_on = _validation_chose(candidates)
    warnings = _warnings(candidates, whole, faces, VALIDATION, selected_on, np.zeros(len(there), dtype=bool))
    return HeldOut(
        faces=whole.take(there),
        split=VALIDATION,
        reason=("The data have no test split: " if reason else "")
        + "Each image is judged by the one network that was not trained on it.",
        selected_on=selected_on,
        leaked=np.zeros(len(there), dtype=bool),  # identical images are in one part: see `stratified_folds`
        warnings=tuple(warnings),
        fold_of=fold_of[there],
    )


def _validation_chose(candidates: list[Candidate]) -> bool | None:
    """Tell whether the validation images of the candidates chose the epoch of one of them, or of where it comes from.

    None for a network of another epoch than the run has kept: history.csv tells which epochs are good on these images.
    """
    if any(one.config.settings.keep == "best" or selected_ancestors(one.config) for one in candidates):
        return True
    kept = [member.file.name == one.run.model_file.name for one in candidates for member in one.members]
    return False if all(kept) else None


def _selected_on(candidates: list[Candidate], trained_on: list[Faces | None], split: str, faces: Faces) -> bool | None:
    """Tell whether most of the images stand in a split that chose the epoch of a run.

    Most, for data sets repeat images: FER2013's PrivateTest has a few of PublicTest's. By their pixels and not by the
    name of the split, for the same images come in other files too, and other data sets have a split of that name.
    """
    answers = []
    for candidate, own in zip(candidates, trained_on, strict=True):
        ancestors = {ancestor["validation_split"] for ancestor in selected_ancestors(candidate.config)}
        for by in sorted({candidate.config.data["validation_split"], *ancestors}):
            if by in ("Training", ""):  # a part of it: then the images would be leaks; or nothing
                answers.append(False)
            elif own is None:
                answers.append(None if split == by else False)
            else:
                answers.append(bool(leaks(faces.images, _of_split(own, by)).mean() > 0.5))
    return True if True in answers else None if None in answers else False


def _knows_other_data(candidate: Candidate) -> bool:
    """Tell whether a run started or learned from runs that have seen other data than its own, as far as is known."""
    record = candidate.config.data
    lineage = record.get("starts_from")
    if lineage is None:  # from nothing, or trained before this was recorded
        return candidate.config.settings.init_from is not None
    return any(run["split"]["sha256"] != record["sha256"] for run in lineage)


def _warnings(
    candidates: list[Candidate],
    whole: Faces,
    faces: Faces,
    split: str,
    selected_on: bool | None,
    leaked: np.ndarray | None,
) -> list[str]:
    said = []
    these = "this run" if len(candidates) == 1 else "these runs"
    records = [candidate.config.data for candidate in candidates]
    if selected_on:
        chosen = these
        if all(candidate.config.settings.keep == "last" for candidate in candidates):
            chosen = f"what {these} started or learned from"
        said.append(f"{split} chose the epoch of {chosen}: its accuracy is a little too good to be true.")
    if split == VALIDATION and selected_on is None:
        said.append(
            "history.csv tells the accuracy of every epoch on these images: if it chose this one, it is too good."
        )
    if split == VALIDATION and any("disputed" in record for record in records):
        said.append("Networks that had trained on some of these images chose what was left out of training.")
    if leaked is not None and leaked.mean() > 0.5 and split != VALIDATION:
        said.append(
            f"{int(leaked.sum()):,} of these {len(faces):,} images were trained on: the accuracy says how well they "
            f"were learned, and nothing about new faces."
        )
    if leaked is None:
        places = sorted({record["source"] for record in records if record["sha256"] != whole.sha256})
        said.append(
            f"What {these} trained on is not at hand, unchanged, at {', '.join(places)}: "
            f"which of these images it has seen, in training or to choose the epoch, cannot be told."
        )
    for candidate in filter(_knows_other_data, candidates):
        settings = candidate.config.settings
        began = [f"started from the weights of {settings.init_from}"] if settings.init_from else []
        taught = [f"learned from {', '.join(settings.teachers)}"] if settings.teachers else []
        said.append(
            f"{candidate.name} {' and '.join([*began, *taught])}: what was trained and selected there counts too."
        )
    if not whole.synthetic and any(record["synthetic"] for record in records):
        said.append("Trained on drawn, synthetic faces: no network for real ones.")
    return said
