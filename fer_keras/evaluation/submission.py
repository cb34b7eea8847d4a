"""An unlabelled file, predicted: a submission to a contest, or a table of probabilities."""

import csv
import re
from pathlib import Path

import numpy as np

from fer_keras.console import columns
from fer_keras.data.faces import Faces
from fer_keras.data.source import read_unlabelled
from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS
from fer_keras.errors import UserError
from fer_keras.files import write_csv

DEFAULT_COLUMNS = ("id", "label")


def is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def read_rows(path: Path, limit: int) -> Faces:
    """Return the faces of a CSV file in its order, all splits of it; the first `limit` of them, 0 for all.

    Labels and splits that it may have are not looked at. UserError for whatever is wrong with the rest of the file.
    """
    if not path.is_file():
        raise UserError(f"--predict: no file {path}. Expected a CSV of faces, image files, or folders of images")
    faces = read_unlabelled(path)
    return faces.take(np.arange(min(limit or len(faces), len(faces))))


def refuse_other_file(file: Path) -> None:
    """Raise UserError where --submission would write over something that is no submission: data, or a network."""
    if not file.is_file():
        return
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = csv.reader(lines)
            header, first = next(rows, []), next(rows, ["", "0"])
    except (OSError, ValueError, csv.Error):  # ValueError: UnicodeDecodeError too
        header, first = [], []
    labels = {str(label) for label in range(NUM_EMOTIONS)}
    if len(header) != 2 or len(first) != 2 or first[1] not in labels:
        raise UserError(f"--submission: {file} stands there, and is no submission. Choose another name")


def submission_ids(faces: Faces) -> list[str]:
    """Return what stands in the id column: the file's own ids, else the number of the row, counted from 0.

    From 0, as the challenges on FER2013's course copies count (`id,label`, the first test image being 0).
    """
    lines = [re.fullmatch(r"row (\d+)", name) for name in faces.ids]
    rows_alone = all(line and int(line[1]) > 1 for line in lines)  # the reader's own: row 1 is the header
    return [str(i) for i in range(len(faces))] if rows_alone else faces.ids.tolist()


def write_submission(path: Path, ids: list[str], predicted: np.ndarray, names: tuple[str, ...]) -> None:
    """Write one row for each image, in order: its id and its label 0..6, under the two column `names`."""
    write_csv(path, names, zip(ids, predicted.tolist(), strict=True))


def counts_text(predicted: np.ndarray) -> str:
    """Return a table of how many images were predicted to be of each emotion."""
    counts = np.bincount(predicted, minlength=NUM_EMOTIONS)
    rows = [("label", "emotion", "predicted", "share")]
    rows += [
        (str(i), emotion, f"{counts[i]:,}", f"{counts[i] / max(len(predicted), 1):.1%}")
        for i, emotion in enumerate(EMOTIONS)
    ]
    return columns(rows, right=(0, 2, 3))
