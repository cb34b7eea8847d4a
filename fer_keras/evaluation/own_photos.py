"""Photos of people: a table of their faces and what the networks say about each."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from fer_keras.console import columns
from fer_keras.emotions import EMOTIONS
from fer_keras.files import written_aside
from fer_keras.photos.predict import PhotoResult
from fer_keras.plots.style import drawn_here

_COLUMNS = ("photo", "face", "x", "y", "width", "height", "predicted", *EMOTIONS)


def write_table(path: Path, results: Sequence[PhotoResult]) -> None:
    """Write a row for each face: its photo, its number in it from 1, its box in pixels, and what was predicted."""
    with written_aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for result in results:
            for number, (box, probabilities) in enumerate(zip(result.boxes, result.probabilities, strict=True), 1):
                said = EMOTIONS[probabilities.argmax()]
                shown = [f"{probability:.6f}" for probability in probabilities]
                rows.writerow([result.path, number, box.x, box.y, box.width, box.height, said, *shown])


def remove_earlier_pictures(table: Path, results: Sequence[PhotoResult]) -> None:
    """Remove the pictures beside `table` that an earlier call drew of the photos in it, and that `results` lack.

    Else they would stand beside a table that does not know them. What this program did not draw stays.
    """
    stems = {photo.stem.lower() for photo in _photos_in(table)}
    kept = {result.picture for result in results}
    for picture in table.parent.glob("*.png"):
        stem = picture.stem.lower()
        named = stem in stems or re.sub(r"-[0-9]+$", "", stem) in stems  # see `picture_names`
        if named and picture not in kept and drawn_here(picture):
            picture.unlink()


def _photos_in(table: Path) -> list[Path]:
    """Return the photos that a table tells of; none where there is no table of ours."""
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8", errors="replace") as file:
        if file.readline().rstrip("\n") != ",".join(_COLUMNS):
            return []
        return [Path(row[0]) for row in csv.reader(file) if row]


def summary_text(results: Sequence[PhotoResult]) -> str:
    """Return a line for each face, and one for each photo without."""
    rows = [("photo", "face", "predicted", "")]
    for result in results:
        if result.problem:
            rows.append((result.path.name, "-", "-", result.problem))
        for number, probabilities in enumerate(result.probabilities, 1):
            first, second = probabilities.argsort()[::-1][:2]
            said = f"{EMOTIONS[first]} {probabilities[first]:.2f}"
            rows.append((result.path.name, str(number), said, f"then {EMOTIONS[second]} {probabilities[second]:.2f}"))
    return columns(rows, right=(1,))
