"""Training images whose labels the networks of a cross-validated run dispute (`--drop-disputed`)."""

import csv
import hashlib
from pathlib import Path

import numpy as np

from fer_keras.config import flag
from fer_keras.console import listed
from fer_keras.data.disputed import disputed
from fer_keras.data.faces import Faces
from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS
from fer_keras.errors import UserError
from fer_keras.provenance import SplitRecipe
from fer_keras.runs import PREDICTIONS, VALIDATION, Run, RunConfig, open_run, read_config

FLAG = "--drop-disputed"
LEAST_KEPT = 0.5  # of the training images: human readers agree with FER2013's labels on about 65% (Goodfellow 2013)


def without_disputed(training: Faces, judges: str, logdir: str) -> tuple[Faces, dict]:
    """Return the training images whose labels are not disputed, and a record: run, sha256, left_out.

    Only what is trained on is ever left out: validation and test images keep their labels, right or wrong. judges: the
    cross-validated run, whose evaluation/validation/predictions.csv has for every image of Training the probabilities
    by the network that was not trained on it. sha256: of that file.

    Raises:
        UserError: for a run that is not cross-validated, or on other data, or not from scratch, or not evaluated on all
            of the images, or whose networks are too weak to judge.
    """
    run = open_run(judges, logdir)
    config = read_config(run)
    _refuse_unfit(run, config, training)
    file = run.evaluation(VALIDATION) / PREDICTIONS
    evaluate = f"python evaluate.py --run {run.quoted} --split {VALIDATION}"
    if not file.is_file():
        raise UserError(f"{FLAG}: no predictions at {file}. Make them: {evaluate}")
    found = _read(file, evaluate)
    missing = [name for name in training.ids.tolist() if name not in found]
    if missing:
        names = ("limit", "drop_uniform", "drop_copies")
        chosen = [flag(name) for name in names if getattr(config.settings, name)]
        chosen += ["--seed"] if config.settings.limit else []  # which chooses among the images
        cure = f"Give the same {listed(chosen)}, or cross-validate without" if chosen else f"Make it: {evaluate}"
        raise UserError(
            f"{FLAG}: {file} says nothing of {len(missing):,} of the {len(training):,} training images (the first is "
            f"{missing[0]}). {cure}"
        )
    labels = np.array([label for label, _ in found.values()])
    judged = disputed(labels, np.array([probabilities for _, probabilities in found.values()]))
    against = {name for name, is_disputed in zip(found, judged, strict=True) if is_disputed}
    keep = np.array([name not in against for name in training.ids.tolist()])
    _refuse_weak(run, training, keep)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return training.take(keep), {"run": run.path.name, "sha256": sha256, "left_out": int(np.sum(~keep))}


def refuse_other_judgements(began: dict, now: dict) -> None:
    """Raise UserError if the predictions have changed since the run began: records of its data, then and now."""
    before, after = (record.get("disputed", {}) for record in (began, now))
    if before.get("sha256") != after.get("sha256"):
        raise UserError(
            f"{FLAG}: the predictions of {after.get('run')} are others than when this run began. "
            f"Put the old ones back, or train anew"
        )


def _refuse_unfit(run: Run, config: RunConfig, training: Faces) -> None:
    """Refuse a run whose predictions may be memories, or are of other images."""
    sha256 = config.data["sha256"]
    if not SplitRecipe.of(config.settings, sha256).cross_validates:
        raise UserError(
            f"{FLAG}: expected a cross-validated run (python train.py --folds 5), whose networks have judged images "
            f"that they were not trained on; {run.path} is none"
        )
    if sha256 != training.sha256:
        raise UserError(
            f"{FLAG}: {run.path} was trained on other data ({config.data['source']}, SHA-256 {sha256[:12]}...) than "
            f"{training.source} ({training.sha256[:12]}...). Cross-validate on these"
        )
    if before := [*config.settings.init_from, *config.settings.teachers]:
        raise UserError(
            f"{FLAG}: {run.path} started or learned from {', '.join(before)}, which may have seen the images that it "
            f"judges. Cross-validate from scratch"
        )


def _refuse_weak(run: Run, training: Faces, keep: np.ndarray) -> None:
    """Refuse judges that dispute most labels, or all of an emotion: that says more of them than of the labels."""
    left, there = (np.bincount(labels, minlength=NUM_EMOTIONS) for labels in (training.labels[keep], training.labels))
    gone = [EMOTIONS[i] for i in np.flatnonzero((left == 0) & (there > 0))]
    if gone or keep.mean() < LEAST_KEPT:
        what = f"all of {', '.join(gone)}" if gone else f"{1 - keep.mean():.0%} of the labels"
        raise UserError(
            f"{FLAG}: the networks of {run.path} dispute {what}: too weak to judge. Train them for longer, or take "
            f"stronger ones"
        )


def _read(file: Path, evaluate: str) -> dict[str, tuple[int, list[float]]]:
    """Return the label and the probabilities of each image by its id."""
    found = {}
    try:
        with file.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                label, probabilities = EMOTIONS.index(row["true"]), [float(row[emotion]) for emotion in EMOTIONS]
                if row["id"] in found:
                    raise UserError(f"{FLAG}: {file} has two images named '{row['id']}'. Give each its own id")
                found[row["id"]] = label, probabilities
    except (KeyError, TypeError, ValueError, csv.Error) as error:  # ValueError: UnicodeDecodeError too
        raise UserError(f"{FLAG}: {file} is damaged ({error!r}). Make it again: {evaluate}") from None
    return found
