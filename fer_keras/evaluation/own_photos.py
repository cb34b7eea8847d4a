"""Photos of people: a table of their faces and what the networks say about each."""

import csv
from collections.abc import Sequence
from pathlib import Path

from fer_keras.console import columns
from fer_keras.emotions import EMOTIONS
from fer_keras.files import written_aside
from fer_keras.photos.predict import PhotoResult


def write_table(path: Path, results: Sequence[PhotoResult]) -> None:
    """Write a row for each face: its photo, its number in it from 1, its box in pixels, and what was predicted."""
    with written_aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["photo", "face", "x", "y", "width", "height", "predicted", *EMOTIONS])
        for result in results:
            for number, (box, probabilities) in enumerate(zip(result.boxes, result.probabilities, strict=True), 1):
                said = EMOTIONS[probabilities.argmax()]
                shown = [f"{probability:.6f}" for probability in probabilities]
                rows.writerow([result.path, number, box.x, box.y, box.width, box.height, said, *shown])


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
