"""The protocol of the whole project: what a network is fitted to, what selects it, what it may then be tested on."""

from dataclasses import dataclass, replace

import numpy as np

from fer_keras.config import Settings
from fer_keras.console import counted
from fer_keras.data.faces import Faces
from fer_keras.data.near_copies import near_copies
from fer_keras.data.select import (
    NEARLY_UNIFORM,
    content_groups,
    emotion_name,
    equalize,
    stratified_folds,
    stratified_limit,
    stratified_split,
    uniform_share,
)
from fer_keras.errors import UserError

DEFAULT_VAL_FRACTION = 0.1  # of Training, where the data brings no PublicTest split to select on


def training_and_validation(
    faces: Faces,
    *,
    val_fraction: float | None,
    seed: int,
    folds: int = 0,
    fold: int | None = None,
    holds_out: bool = True,
    keep: str = "best",
    drop_copies: bool = False,
) -> tuple[Faces, Faces, tuple[str, ...], str]:
    """Decide what is trained on and what selects the model. PrivateTest is in neither, ever.

    Without `val_fraction` (None or 0) PublicTest selects; with it, or where there is no PublicTest, a stratified part
    of Training does, which shares no identical image with what is trained on. With `folds` Training is dealt into so
    many parts, and part `fold` (None: the first) selects. Without `holds_out` all of Training trains and
    no image validates. keep: as in training; it changes the words of the rule alone. With `drop_copies` nothing trains
    whose photograph stands in another split, or in the part of Training that is held out, too.

    Returns:
        (training, validation, testable, rule): testable names the splits on which the resulting model may be tested
        honestly, whether or not this source has them; rule is a sentence that says what was done.

    Raises:
        UserError: for data without labels or a Training split, with images of one emotion only or (where Training is
            split) with fewer than two different images of one, for a `val_fraction` outside 0 <= f < 1, or for
            `drop_copies` of drawn faces, which show no photographs, or where it leaves one emotion or none.
    """
    fraction = val_fraction or 0.0
    if not 0 <= fraction < 1:
        raise UserError(f"--val-fraction: expected a number from 0 to below 1, received {val_fraction}")
    whole = _trainable(faces)
    if drop_copies and faces.synthetic:
        raise UserError("--drop-copies: expected photographs, received drawn, synthetic faces. Leave it out")
    if drop_copies:
        tested_on = faces.images[faces.usage != "Training"]
        whole = _without_copies(whole, tested_on)
    if not holds_out:
        rule = f"Trains on Training ({len(whole):,}); nothing of it is held out, the last epoch is kept."
        if not {"PublicTest", "PrivateTest"} & set(faces.splits()):
            rule += " The data have no test split: give --val-fraction too, or nothing tells how good it is."
        return whole, whole.take(np.arange(0)), ("PublicTest", "PrivateTest"), rule
    if folds:
        fold_of = stratified_folds(whole.labels, folds, seed, content_groups(whole.images))
        rest, part = np.flatnonzero(fold_of != (fold or 0)), np.flatnonzero(fold_of == (fold or 0))
        which = f"part {fold} of {folds} (0 to {folds - 1}) for cross-validation"
    elif not fraction and "PublicTest" in faces.splits():
        validation = faces.split("PublicTest")
        rule = f"Trains on Training ({len(whole):,}), selects on PublicTest ({len(validation):,})."
        return whole, validation, ("PrivateTest",), rule
    else:
        why = "" if fraction else " (there is no PublicTest split)"
        fraction = fraction or DEFAULT_VAL_FRACTION
        rest, part = stratified_split(whole.labels, fraction, seed, groups=content_groups(whole.images))
        which = f"a stratified {fraction:.3g} of it{why}"
    training, validation = whole.take(rest), whole.take(part)
    if drop_copies:
        training = _without_copies(training, np.concatenate([tested_on, validation.images]))
    selects, which_selects = "selects on", "which selects its epoch"
    if keep == "last":
        selects, which_selects = "keeps the last epoch, measures it on", "which measures its last epoch"
    rule = (
        f"Trains on {len(training):,} images of Training, {selects} the other {len(part):,}: "
        f"{which}, seed {seed}, identical images kept together."
    )
    if folds and fold is None:
        rule = (
            f"Cross-validates: {folds} networks, each trained on Training ({len(whole):,} images) without another of "
            f"{folds} stratified parts, {which_selects}; seed {seed}, identical images kept together."
        )
    return training, validation, ("PublicTest", "PrivateTest"), rule


def _trainable(faces: Faces) -> Faces:
    """Return the Training split. UserError where there is none to learn from."""
    if faces.labels is None:
        raise UserError(f"{faces.source} has no labels. Training needs a column 'emotion', or one folder an emotion")
    whole = faces.split("Training")
    there = np.unique(whole.labels)
    if len(there) < 2:
        raise UserError(
            f"{faces.source}: expected two emotions or more to tell apart in Training, "
            f"received {counted(len(whole), 'image')}, '{emotion_name(int(there[0]))}' alone. "
            f"Take other data, or a larger --limit"
        )
    return whole


def without_uniform_training(faces: Faces) -> Faces:
    """Leave nearly uniform images out of Training, before a part is held out of it. Splits to test on stay whole."""
    return faces.take((faces.usage != "Training") | (uniform_share(faces.images) <= NEARLY_UNIFORM))


def _without_copies(training: Faces, others: np.ndarray) -> Faces:
    """Leave out of `training` what shows a photograph of `others`, cut or scaled otherwise or not (`near_copies`), and
    what is one of them pixel for pixel, blank images too.

    It searches until nothing more is found, a minute for FER2013 and its PublicTest the first time.
    """
    groups = content_groups(np.concatenate([training.images, others]))
    training = training.take(~np.isin(groups[: len(training)], groups[len(training) :]))
    while True:  # of a photograph with many copies not all are told at once
        found = near_copies(others, training.images)
        if (found < 0).all():
            break
        training = training.take(np.setdiff1d(np.arange(len(training)), found))
    if len(np.unique(training.labels)) < 2:
        raise UserError(
            f"--drop-copies: nearly all photographs of Training stand among the {len(others):,} images that it is to "
            f"be tested on too, which leaves no two emotions to tell apart. Leave it out, or take other data"
        )
    return training


@dataclass(frozen=True)
class SplitRecipe:
    """All that decides which images of a source train a run and which select it; a run's config.json tells it.

    limit_seed: the seed by which `limit` chose among the images: that of the whole ensemble for one of its members.
    """

    sha256: str
    limit: int
    limit_seed: int
    equalize: bool
    drop_uniform: bool
    val_fraction: float
    seed: int
    folds: int = 0
    fold: int | None = None
    holds_out: bool = True
    drop_copies: bool = False

    @classmethod
    def of(cls, settings: Settings, sha256: str, *, limit_seed: int | None = None) -> "SplitRecipe":
        """Return the recipe of a run with these settings on the source of that SHA-256."""
        return cls(
            sha256=sha256,
            limit=settings.limit,
            limit_seed=settings.seed if limit_seed is None else limit_seed,
            equalize=settings.equalize,
            drop_uniform=settings.drop_uniform,
            val_fraction=settings.val_fraction,
            seed=settings.seed,
            folds=settings.folds,
            fold=settings.fold,
            holds_out=settings.holds_out,
            drop_copies=settings.drop_copies,
        )

    @property
    def cross_validates(self) -> bool:
        """Whether it is the recipe of a run that trains a network for each fold, and not of one of them."""
        return bool(self.folds) and self.fold is None

    def each_fold(self) -> list["SplitRecipe"]:
        """Return the recipe of every network of a cross-validated run."""
        return [replace(self, fold=fold) for fold in range(self.folds)]

    def indices(self, whole: Faces) -> tuple[np.ndarray, np.ndarray]:
        """Return where the images that train and those that select stand in `whole`: int64, each sorted.

        whole: the source with that SHA-256, as it is read: unlimited (but for synthetic faces), not equalised.
        """
        assert whole.sha256 == self.sha256, (whole.sha256, self.sha256)
        numbered = replace(whole, ids=np.arange(len(whole)).astype(str))
        if self.limit and not whole.synthetic:
            numbered = stratified_limit(numbered, self.limit, self.limit_seed)
        if self.equalize:  # before the split, as in training: it may make different images equal
            numbered = replace(numbered, images=equalize(numbered.images))
        if self.drop_uniform:
            numbered = without_uniform_training(numbered)
        training, validation, _, _ = training_and_validation(
            numbered,
            val_fraction=self.val_fraction,
            seed=self.seed,
            folds=self.folds,
            fold=self.fold,
            holds_out=self.holds_out,
            drop_copies=self.drop_copies,
        )
        return training.ids.astype(np.int64), validation.ids.astype(np.int64)
