"""Training images whose labels the networks of a cross-validated run dispute (`--drop-disputed`)."""

import csv
import hashlib
from pathlib import Path

import numpy as np

from fer_keras.data.disputed import disputed
from fer_keras.data.faces import Faces
from fer_keras.data.protocol import SplitRecipe
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError
from fer_keras.runs import open_run, read_config

FLAG = "--drop-disputed"


def without_disputed(training: Faces, judges: str, logdir: str) -> tuple[Faces, dict]:
    """Return the training images whose labels are not disputed, and a record: run, sha256, left_out.

    Only what is trained on is ever left out: validation and test images keep their labels, right or wrong. judges: the
    cross-validated run, whose evaluation/validation/predictions.csv has for every image of Training the probabilities
    by the network that was not trained on it. sha256: of that file.

    Raises:
        UserError: for a run that is not cross-validated, or on other data, or not evaluated on all of its images.
    """
    run = open_run(judges, logdir)
    config = read_config(run)
    if not SplitRecipe.of(config.settings, config.data["sha256"]).cross_validates:
        raise UserError(
            f"{FLAG}: expected a cross-validated run (python train.py --folds 5), whose networks have judged images "
            f"that they were not trained on; {run.path} is none"
        )
    if config.data["sha256"] != training.sha256:
        raise UserError(
            f"{FLAG}: {run.path} was trained on other data ({config.data['source']}, SHA-256 "
            f"{config.data['sha256'][:12]}...) than {training.source} ({training.sha256[:12]}...). "
            f"Cross-validate on these"
        )
    file = run.evaluation("validation") / "predictions.csv"
    evaluate = f"python evaluate.py --run {run.path} --split validation"
    if not file.is_file():
        raise UserError(f"{FLAG}: no predictions at {file}. Make them: {evaluate}")
    found = _read(file, evaluate)
    missing = [name for name in training.ids.tolist() if name not in found]
    if missing:
        raise UserError(
            f"{FLAG}: {file} says nothing of {len(missing):,} of the {len(training):,} training images (the first is "
            f"{missing[0]}). Make it for all of them, without --limit: {evaluate}"
        )
    labels = np.array([label for label, _ in found.values()])
    judged = disputed(labels, np.array([probabilities for _, probabilities in found.values()]))
    against = {name for name, is_disputed in zip(found, judged, strict=True) if is_disputed}
    keep = np.array([name not in against for name in training.ids.tolist()])
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    return training.take(keep), {"run": run.path.name, "sha256": sha256, "left_out": int(np.sum(~keep))}


def _read(file: Path, evaluate: str) -> dict[str, tuple[int, list[float]]]:
    """Return the label and the probabilities of each image by its id."""
    found = {}
    with file.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            try:
                found[row["id"]] = EMOTIONS.index(row["true"]), [float(row[emotion]) for emotion in EMOTIONS]
            except (KeyError, TypeError, ValueError) as error:
                raise UserError(f"{FLAG}: {file} is damaged ({error!r}). Make it again: {evaluate}") from None
    return found
