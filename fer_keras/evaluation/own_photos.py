"""Photos of people: a table of their faces and what the networks say about each."""

import csv
from collections.abc import Sequence
from pathlib import Path

from fer_keras.console import columns
from fer_keras.emotions import EMOTIONS
from fer_keras.evaluation.replaced import PHOTO_COLUMNS, header_of, opened
from fer_keras.files import write_csv
from fer_keras.photos.predict import PhotoResult
from fer_keras.plots.style import drawn_here


def write_table(path: Path, results: Sequence[PhotoResult]) -> None:
    """Write a row for each face: its photo, its number in it from 1, its box in pixels, what was predicted, and the
    name of the annotated picture beside the table, "" where there is none."""
    rows = []
    for result in results:
        for number, (box, probabilities) in enumerate(zip(result.boxes, result.probabilities, strict=True), 1):
            said = EMOTIONS[probabilities.argmax()]
            shown = [f"{probability:.6f}" for probability in probabilities]
            picture = "" if result.picture is None else result.picture.name
            rows.append([result.path, number, box.x, box.y, box.width, box.height, said, *shown, picture])
    write_csv(path, PHOTO_COLUMNS, rows)


def remove_earlier_pictures(table: Path, asked: Sequence[Path]) -> list[Path]:
    """Remove the pictures that an earlier call drew and `table` tells of; return them.

    Else those that are not drawn again would stand beside a table that does not know them. asked: photos of this call,
    which stay, as does what this program did not draw.
    """
    kept = {path.resolve() for path in asked}
    gone = [path for path in _pictures_in(table) if path.is_file() and path.resolve() not in kept and drawn_here(path)]
    for path in gone:
        path.unlink()
    return gone


def _pictures_in(table: Path) -> set[Path]:
    """Return the pictures that a table tells of, beside it; none where there is no table of ours."""
    if not table.is_file() or header_of(table) != PHOTO_COLUMNS:
        return set()
    with opened(table) as file:
        try:
            return {table.parent / Path(row["picture"]).name for row in csv.DictReader(file) if row["picture"]}
        except csv.Error:  # damaged since
            return set()


def summary_text(results: Sequence[PhotoResult]) -> str:
    """Return a line for each face, and one for each photo without."""
    rows = [("photo", "face", "predicted", "")]
    for result in results:
        if result.problem:
            rows.append((result.path.name, "-", "-", result.problem))
        for number, probabilities in enumerate(result.probabilities, 1):
            first, second = (-probabilities).argsort(kind="stable")[:2]
            said = f"{EMOTIONS[first]} {probabilities[first]:.2f}"
            rows.append((result.path.name, str(number), said, f"then {EMOTIONS[second]} {probabilities[second]:.2f}"))
    return columns(rows, right=(1,))
