"""The protocol of the whole project: what a network is fitted to, what selects it, what it may then be tested on."""

from dataclasses import replace

import numpy as np

from fer_keras.console import counted
from fer_keras.data.faces import Faces
from fer_keras.data.near_copies import near_copies
from fer_keras.data.select import (
    NEARLY_UNIFORM,
    content_groups,
    emotion_name,
    equalize,
    stand_among,
    stratified_folds,
    stratified_limit,
    stratified_split,
    uniform_share,
)
from fer_keras.errors import UserError
from fer_keras.provenance import SplitRecipe

DEFAULT_VAL_FRACTION = 0.1  # of Training, where the data brings no PublicTest split to select on


def training_and_validation(faces: Faces, recipe: SplitRecipe) -> tuple[Faces, Faces]:
    """Return what is trained on and what validates the model. PrivateTest is in neither, ever.

    Without `val_fraction` PublicTest validates; with it, or where there is no PublicTest, a stratified part of Training
    does, which shares no identical image with what is trained on. With `folds` Training is dealt into so many parts,
    and part `fold` (None: the first) validates. Where nothing `holds_out`, all of Training trains and no image
    validates. With `drop_copies` nothing trains whose photograph stands in another split, or in the part of Training
    that is held out, too; and nothing is held out of Training whose photograph stands in another split.

    faces: as a network sees them, and as far as it may: `recipe.limit`, `equalize` and `drop_uniform` are done.

    Raises:
        UserError: for data without labels or a Training split, with images of one emotion only or (where Training is
            split) with fewer than two different images of one, or for `drop_copies` of drawn faces, which show no
            photographs, or where it leaves one emotion or none, or nothing that is held out.
    """
    whole = _trainable(faces)
    tested_on = faces.images[faces.usage != "Training"]
    if recipe.drop_copies and faces.synthetic:
        raise UserError("--drop-copies: expected photographs, received drawn, synthetic faces. Leave it out")
    # Dealt before copies are left out: a run with them and one without hold the same images out, but for these.
    by_publictest = validates_on_publictest(faces, recipe)
    part = _held_out(whole, recipe) if recipe.holds_out and not by_publictest else np.zeros(len(whole), dtype=bool)
    if recipe.drop_copies:
        new = _new_photographs(whole, tested_on)
        whole, part = whole.take(new), part[new]
    if by_publictest:
        return whole, faces.split("PublicTest")
    training, validation = whole.take(~part), whole.take(part)
    if not recipe.holds_out:
        return training, validation
    if not len(validation):
        raise UserError(
            "--drop-copies: all photographs that are held out of Training stand in another split too. Hold out more of "
            "it (a larger --val-fraction, fewer --folds), or leave --drop-copies out"
        )
    if len(np.unique(training.labels)) < 2:  # identical images, which stay together, may carry different labels
        raise UserError(
            f"{faces.source}: the part that is held out leaves {counted(len(training), 'image')} of Training, of one "
            f"emotion alone. Hold out less of it, or take other data"
        )
    if recipe.drop_copies:
        training = training.take(_new_photographs(training, np.concatenate([tested_on, validation.images])))
    return training, validation


def validates_on_publictest(faces: Faces, recipe: SplitRecipe) -> bool:
    """Tell whether it is the data's own split that validates, and not a part of Training."""
    return recipe.holds_out and not recipe.folds and not recipe.val_fraction and "PublicTest" in faces.splits()


def splits_to_test(faces: Faces, recipe: SplitRecipe) -> tuple[str, ...]:
    """Return the splits on which the model may be tested honestly, whether or not this source has them."""
    return ("PrivateTest",) if validates_on_publictest(faces, recipe) else ("PublicTest", "PrivateTest")


def _held_out(whole: Faces, recipe: SplitRecipe) -> np.ndarray:
    """Return which images of Training validate: bool (N,)."""
    groups = content_groups(whole.images)
    if recipe.folds:
        return stratified_folds(whole.labels, recipe.folds, recipe.seed, groups) == (recipe.fold or 0)
    fraction = recipe.val_fraction or DEFAULT_VAL_FRACTION
    _, part = stratified_split(whole.labels, fraction, recipe.seed, groups=groups)
    return np.isin(np.arange(len(whole)), part)


def indices(recipe: SplitRecipe, whole: Faces) -> tuple[np.ndarray, np.ndarray]:
    """Return where the images that train and those that validate stand in `whole`: int64, each sorted.

    whole: the source with the recipe's SHA-256, as it is read: unlimited (but for synthetic faces), not equalised.
    What `drop_copies` left out by another rule than this version's cannot be told: it counts as trained on, and so
    does all of Training where a part of Training validated.
    """
    assert whole.sha256 == recipe.sha256, (whole.sha256, recipe.sha256)
    numbered = whole.numbered()
    if recipe.limit and not whole.synthetic:
        numbered = stratified_limit(numbered, recipe.limit, recipe.limit_seed)
    if recipe.equalize:  # before the split, as in training: it may make different images equal
        numbered = replace(numbered, images=equalize(numbered.images))
    if recipe.drop_uniform:
        numbered = without_uniform_training(numbered)
    if recipe.by_another_rule:
        told = recipe.holds_out and validates_on_publictest(numbered, recipe)
        recipe = replace(recipe, drop_copies=False, holds_out=told)
    training, validation = training_and_validation(numbered, recipe)
    return training.ids.astype(np.int64), validation.ids.astype(np.int64)


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
    """Leave nearly uniform images out of Training, before a part is held out of it. Splits to test on stay whole.

    UserError where nothing is left of it.
    """
    uniform = uniform_share(faces.images) > NEARLY_UNIFORM
    if "Training" in faces.splits() and uniform[faces.usage == "Training"].all():
        raise UserError("--drop-uniform: all images of Training are nearly uniform. Leave it out, or take other data")
    return faces.take((faces.usage != "Training") | ~uniform)


def _new_photographs(training: Faces, others: np.ndarray) -> np.ndarray:
    """Return the places in `training`, int64 (N,), sorted, of what shows no photograph of `others` in whatever form
    (`near_copies`), and is none of them pixel for pixel either, blank images too.

    It searches until nothing more is found, minutes for FER2013 the first time.
    """
    new = np.flatnonzero(~stand_among(training.images, others))
    asked = others
    while True:  # of a photograph with many copies not all are told at once: those that have some are asked for again
        found = near_copies(asked, training.images[new])
        new = np.delete(new, found[found >= 0])
        has_some = found[:, 0] >= 0
        if has_some.any():
            asked = asked[has_some]
        elif len(asked) < len(others):  # others are like what is left now
            asked = others
        else:
            break
    if len(np.unique(training.labels[new])) < 2:
        raise UserError(
            f"--drop-copies: nearly all photographs of Training stand among the {len(others):,} images that it is to "
            f"be tested on too, which leaves no two emotions to tell apart. Leave it out, or take other data"
        )
    return new
