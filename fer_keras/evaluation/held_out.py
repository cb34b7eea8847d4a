"""On which images a run is evaluated, and how honest that is."""

import shlex
from dataclasses import dataclass, replace
from functools import reduce

import numpy as np

from fer_keras.data.faces import SPLITS, Faces
from fer_keras.data.near_copies import near_copies
from fer_keras.data.prepare import load_faces
from fer_keras.data.protocol import indices
from fer_keras.data.select import stratified_limit
from fer_keras.errors import UserError, unknown_name
from fer_keras.evaluation.caveats import FEW, caveats, mostly_trained_on, of_photographs, says_learned, selected_on
from fer_keras.evaluation.runs_to_evaluate import Candidate, on_data
from fer_keras.evaluation.seen import Library, Seen, chose_for, data_of, seen_by, trained_on
from fer_keras.provenance import SplitRecipe
from fer_keras.runs import VALIDATION

SHARED = 0.5  # of the largest validation part: at least so much must runs with others have in common


@dataclass(frozen=True)
class HeldOut:
    """N labelled images to evaluate on.

    faces: as they stand in their source, not equalised. split: one of SPLITS, or VALIDATION.
    reason: why this split, and how its images are judged, a sentence; "" where there is nothing to say of either.
    selected_each: of each run, in order, whether these images chose its epoch; None where that cannot be told.
    trained_each: of each run, whether most of them trained it or were held out of Training; None where not known.
    leaked: bool (N,), images that stand pixel for pixel in what one of the runs, or a run that it comes from, was
    trained on, or among those that chose its epoch; None: not known.
    all_chose: whether as good as all images of the split chose the epoch of some run: `leaked` then tells of training
    alone, for without the others nothing would be left.
    copied: bool (N,), those that `leaked` tells and others whose photograph, in another form, trained one of the runs,
    or a run that it comes from, or (unless `all_chose`) chose its epoch; None: not known, or not looked for.
    fold_of: int64 (N,), of a cross-validated run the network that did not train on the image, the only one that may
    judge it; None: every network judges all images.
    warnings: sentences that a reader of the numbers must not miss. limit: of how many images at most they are a
    stratified sample; 0: all of the split.
    """

    faces: Faces
    split: str
    reason: str
    selected_each: tuple[bool | None, ...]
    trained_each: tuple[bool | None, ...]
    leaked: np.ndarray | None
    all_chose: bool
    warnings: tuple[str, ...]
    copied: np.ndarray | None = None
    fold_of: np.ndarray | None = None
    limit: int = 0

    @property
    def synthetic(self) -> bool:
        return self.faces.synthetic

    @property
    def seen_before(self) -> str:
        """Of the images that `leaked` tells, what saw them."""
        return "seen in training" if self.all_chose else "seen in training or to choose the epoch"

    @property
    def copied_before(self) -> str:
        """Of the images that `copied` tells, the same."""
        where = " in training" if self.all_chose else ""
        return f"that were seen{where}, or whose photograph was, cut otherwise or mirrored"

    @property
    def selected_on(self) -> bool | None:
        """Whether these images chose the epoch of one of the runs; None where that cannot be told."""
        return True if True in self.selected_each else None if None in self.selected_each else False


def hold_out(
    candidates: list[Candidate],
    *,
    data: str | None = None,
    split: str | None = None,
    limit: int = 0,
    seed: int = 0,
    find_copies: bool = False,
) -> HeldOut:
    """Choose the images to evaluate `candidates` on: labelled ones, the same for all of them.

    data: as `--data`; None is what the first run was trained on. split: one of SPLITS or VALIDATION; None is the
    first of PrivateTest and PublicTest that is a test for all of them, the first that there is if none is; without
    these VALIDATION where all have held something out, else Training. limit: at most so many images, stratified by
    `seed`; 0 is all. find_copies: whether to look for photographs that were seen in another form, minutes the
    first time.

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
            f"To predict it: python evaluate.py --predict {shlex.quote(whole.source)} --submission out.csv"
        )
    candidates = [on_data(candidate, whole) for candidate in candidates]
    asked_for = split is not None
    split = split if asked_for else _default_split(candidates, whole)
    faces, fold_of, how = _validation(candidates, whole) if split == VALIDATION else (whole.split(split), None, "")
    library, crossed = Library(whole, candidates), fold_of is not None
    seen = [
        seen_by(candidate, faces, library, validation=split == VALIDATION, crossed=crossed) for candidate in candidates
    ]
    # All that is said is said of all images: what a split has done does not depend on a sample of it.
    selected_each = tuple(selected_on(by, split) for by in seen)
    all_chose = bool(np.any([by.chose for by in seen], axis=0).mean() > 1 - FEW)
    leaked = _leaked(seen, all_chose)
    left_out = leaked is not None and not all_chose
    held = HeldOut(
        faces=faces,
        split=split,
        reason="",
        selected_each=selected_each,
        trained_each=tuple(by.trained_on() for by in seen),
        leaked=leaked,
        all_chose=all_chose,
        warnings=tuple(caveats(seen, whole, split, left_out=left_out)),
        fold_of=fold_of,
    )
    held = _limited(held, seen, limit, seed) if limit else held
    held = _with_copies(held, candidates, library) if find_copies else held
    why = "" if asked_for else _reason(seen, whole, held)
    return replace(held, reason=f"{why} {how}".strip())


def _with_copies(held: HeldOut, candidates: list[Candidate], library: Library) -> HeldOut:
    """Return the images with what is known of their photographs, which may have been seen in another form: cut, scaled,
    mirrored, or saved anew.

    Nothing of drawn faces, which are of no photographs; nor in cross-validation, where most images have trained some
    network, if not their judge.
    """
    if held.leaked is None or held.synthetic or held.fold_of is not None:
        return held
    if held.leaked.all():
        return replace(held, copied=held.leaked)
    # Of all images, those of `leaked` too: the audit has asked the same, and the answer is kept.
    trained = _shown_by(trained_on(candidates, library), held)
    # What as good as all images have chosen is known, and leaves none of them out: it need not be looked for.
    nothing = np.zeros(len(held.faces), dtype=bool)
    chose = [
        nothing if held.all_chose and was else _shown_by(chose_for(candidate, library), held)
        for candidate, was in zip(candidates, held.selected_each, strict=True)
    ]
    learned, selected = trained.mean() > 0.5, [own.mean() > 0.5 for own in chose]
    trained_each = held.trained_each
    if learned:  # by which of several is not looked for
        trained_each = (True,) if len(candidates) == 1 else tuple(was or None for was in trained_each)
    told = zip(candidates, selected, held.selected_each, strict=True)
    names = [one.name for one, by, was in told if by and not was]
    unknown = learned and held.leaked.mean() <= 0.5
    return replace(
        held,
        selected_each=tuple(True if by else was for by, was in zip(selected, held.selected_each, strict=True)),
        trained_each=trained_each,
        copied=held.leaked | trained | (False if held.all_chose else np.any(chose, axis=0)),
        warnings=(*held.warnings, *of_photographs(len(held.faces), learned=unknown, chosen_for=names)),
    )


def _shown_by(references: np.ndarray, held: HeldOut) -> np.ndarray:
    """Return which of the images show a photograph of the references, uint8 (M, 48, 48): bool (N,)."""
    if not len(references):
        return np.zeros(len(held.faces), dtype=bool)
    return near_copies(held.faces.images, references)[:, 0] >= 0


def _limited(held: HeldOut, seen: list[Seen], limit: int, seed: int) -> HeldOut:
    """Return at most `limit` of the images, stratified.

    A run of the same limit and seed may have learned most of these, and few of all.
    """
    places = stratified_limit(held.faces.numbered(), limit, seed).ids.astype(np.int64)
    taken, warnings = [by.take(places) for by in seen], held.warnings
    if mostly_trained_on(taken) and not mostly_trained_on(seen):
        warnings = (*warnings, says_learned(taken, f"images taken of {held.split}"))
    return replace(
        held,
        faces=held.faces.take(places),
        trained_each=tuple(by.trained_on() for by in taken),
        warnings=warnings,
        leaked=None if held.leaked is None else held.leaked[places],
        fold_of=None if held.fold_of is None else held.fold_of[places],
        limit=limit,
    )


def _leaked(seen: list[Seen], all_chose: bool) -> np.ndarray | None:
    if not all(by.known for by in seen):
        return None
    return np.any([by.trained if all_chose else by.trained | by.chose for by in seen], axis=0)


def _default_split(candidates: list[Candidate], whole: Faces) -> str:
    """Return the split to evaluate on when none is asked for."""
    there = whole.splits()
    tests = [name for name in ("PrivateTest", "PublicTest") if name in there]
    for split in tests:
        if all(split in candidate.config.data["testable"] for candidate in candidates):
            return split
    if tests:
        return tests[0]
    trained_here = [candidate for candidate in candidates if candidate.config.data["sha256"] == whole.sha256]
    return VALIDATION if trained_here and all(one.split.holds_out for one in trained_here) else "Training"


def _reason(seen: list[Seen], whole: Faces, held: HeldOut) -> str:
    """Return why the split was taken, and what is known of the part that it took: no more than that."""
    candidates, split = [by.candidate for by in seen], held.split
    if split in ("PrivateTest", "PublicTest"):
        theirs = all(one.config.data["sha256"] == whole.sha256 for one in candidates)
        if theirs:  # it may repeat a few of their images: those are told as leaks
            untouched = all(split in one.config.data["testable"] for one in candidates)
            untouched &= not any(by.elsewhere.any() or by.only_chose.mean() > FEW for by in seen)
        else:  # the same photographs may stand there, saved anew: nothing is promised unless they have been looked for
            untouched = not any((by.trained | by.chose).any() for by in seen)
            untouched &= held.synthetic or (held.copied is not None and not held.copied.any())
        untouched &= all(was is False for was in held.trained_each)  # not for a split that repeats Training, either
        if untouched and all(by.known and not by.strangers and not selected_on(by, split) for by in seen):
            known = "" if theirs or held.synthetic else ", as far as its photographs are known again"
            repeats = int(np.any([by.trained | by.chose for by in seen], axis=0).sum())
            but = f", except {repeats:,} of its images" if repeats else ""
            return f"{split} took no part in training or in choosing the epoch{but}{known}."
        return f"It is the data's split to test on: {split}."
    if split == VALIDATION:
        return "The data have no test split: these are images of Training that were held out of it."
    for candidate in candidates:
        if candidate.config.data["sha256"] == whole.sha256 and not candidate.split.holds_out:
            return f"The data have no test split, and {candidate.name} held nothing out of training."
    return "The data have no split but Training."


def _validation(candidates: list[Candidate], whole: Faces) -> tuple[Faces, np.ndarray | None, str]:
    """Return the images that validated the candidates, of a cross-validated one its network that judges each, int64
    (N,), and how images and judges were chosen, a sentence."""
    recipes = _recipes_of_validation(candidates, whole)
    if any(recipe.cross_validates for recipe in recipes):
        faces, fold_of = _cross_validation(candidates, whole)
        return faces, fold_of, "Each image is judged by the one network that was not trained on it."
    parts = [indices(recipe, whole)[1] for recipe in recipes]
    common, largest = reduce(np.intersect1d, parts), max(map(len, parts))
    if len(common) < largest * SHARED:
        different = len({part.tobytes() for part in parts})
        raise UserError(
            f"--split {VALIDATION}: expected runs with the same validation part, received {different} different ones, "
            f"with {len(common):,} images in common. Evaluate the runs one by one, or another split"
        )
    shared = f"Of these images all runs held out {len(common):,}, one {largest:,}: those that all did are judged."
    return whole.take(common), None, shared if len(common) < largest else ""


def _recipes_of_validation(candidates: list[Candidate], whole: Faces) -> list[SplitRecipe]:
    """Return how the images that validated the candidates were chosen, each way once, of one source."""
    for candidate in candidates:
        if not candidate.split.holds_out:
            raise UserError(
                f"--split {VALIDATION}: {candidate.run.path} held nothing out of training (--keep last). "
                f"Choose one of: {', '.join(whole.splits())}"
            )
    parted = [one for one in candidates if one.config.data["validation_split"] == "Training"]
    for candidate in parted:
        if candidate.split.by_another_rule:
            raise UserError(
                f"--split {VALIDATION}: {candidate.run.path} held out a part of Training that this version cannot tell "
                f"(--drop-copies by an earlier one). Evaluate another split"
            )
    independent = [one for one in parted if len(one.members) > 1 and not one.split.cross_validates]
    if independent:
        first = independent[0].run.member(0)
        raise UserError(
            f"--split {VALIDATION}: each member of an ensemble has a validation part of its own, which others may have "
            f"trained on. Evaluate one member, e.g. --run {first.quoted}, or another split"
        )
    recipes = list({candidate.split: None for candidate in candidates})
    sha256s = {recipe.sha256 for recipe in recipes}
    if len(sha256s) == 1 and whole.sha256 not in sha256s:
        (sha256,) = sha256s
        raise UserError(
            f"--split {VALIDATION} is a part of the data that the run was trained on (SHA-256 {sha256[:12]}...), "
            f"received other data: {whole.source} ({whole.sha256[:12]}...). Choose one of: {', '.join(whole.splits())}"
        )
    if len(sha256s) > 1:
        raise UserError(
            f"--split {VALIDATION}: expected runs of the same data, received {len(sha256s)} different ones. Evaluate "
            f"the runs one by one, or another split"
        )
    return recipes


def _cross_validation(candidates: list[Candidate], whole: Faces) -> tuple[Faces, np.ndarray]:
    """Return all images of Training, and of each the network that was not trained on it: int64 (N,)."""
    if len(candidates) > 1:
        raise UserError(
            f"--split {VALIDATION}: expected one cross-validated run, received {len(candidates)}: each of its networks "
            f"judges another part. Evaluate the runs one by one, or another split"
        )
    fold_of = np.full(len(whole), -1)
    for fold, own in enumerate(candidates[0].split.each_fold()):
        fold_of[indices(own, whole)[1]] = fold
    there = np.flatnonzero(fold_of >= 0)
    return whole.take(there), fold_of[there]
