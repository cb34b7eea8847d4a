"""What stands where an evaluation, a comparison or predictions are about to be written."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from fer_keras.config import read_json_object
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError
from fer_keras.runs import COMPARE, METRICS

PREDICTED_COLUMNS = ("id", "predicted", *EMOTIONS)  # of predictions.csv
JUDGED_COLUMNS = ("id", "true", "predicted", *EMOTIONS)  # of predictions.csv where labels are known
PHOTO_COLUMNS = ("photo", "face", "x", "y", "width", "height", "predicted", *EMOTIONS, "picture")  # of photos.csv
TABLES = (PREDICTED_COLUMNS, JUDGED_COLUMNS, PHOTO_COLUMNS)
CARD = "card.md"
CARD_HEADING = "## How it was made"  # in every card
PREDICTED = "predictions.json"  # beside predictions.csv: of which file they are, and by which networks
PHOTOS = "photos.json"  # beside photos.csv: by which networks
# What may stand in a folder, by files that tell so.
_KINDS = {
    "an evaluation": (METRICS, COMPARE),
    "the predictions of a file": (PREDICTED,),
    "predictions of photos": (PHOTOS,),
}


def apart(folder: Path, what: str) -> Path:
    """Return a folder to write `what` into, one of _KINDS. UserError where another of them stands there, all of whose
    files belong together."""
    for other, names in _KINDS.items():
        for name in names if other != what else ():
            if (folder / name).is_file():
                raise UserError(
                    f"{folder}: expected a folder without {other}, received one with {name}. Choose another by --output"
                )
    return folder


def refuse_other_files(folder: Path, names: Sequence[str]) -> None:
    """Raise UserError where a file that is about to be written would take the place of somebody's own."""
    for file in (folder / name for name in names):
        if file.is_file() and not _is_ours(file):
            did = "draw" if file.suffix == ".png" else "write"
            raise UserError(
                f"{file} stands there, and this program did not {did} it. Move it, or choose another by --output"
            )


def _is_ours(file: Path) -> bool:
    if file.suffix == ".csv":
        return header_of(file) in TABLES
    if file.suffix == ".md":
        return CARD_HEADING in file.read_text("utf-8", errors="replace").splitlines()
    if file.suffix == ".json":
        try:
            keys = {*read_json_object(file)}
        except UserError:  # damaged
            return False
        return {"runs", "mcnemar" if file.name == COMPARE else "n_members"} <= keys
    from fer_keras.plots.style import drawn_here  # here: mistakes are told without waiting for Matplotlib

    return drawn_here(file)


def header_of(table: Path) -> tuple[str, ...]:
    """Return the names of the columns of a CSV file, none for what is no such file."""
    with opened(table) as file:
        try:
            return tuple(next(csv.reader(file), ()))
        except csv.Error:
            return ()


def opened(table: Path) -> TextIO:
    return table.open(newline="", encoding="utf-8-sig", errors="replace")  # -sig: as spreadsheets save it


def replaced_by(now: Sequence[dict[str, Any]], file: Path) -> str | None:
    """Say of what the numbers in `file` are; None without such a file, or where they are of the same.

    now: of each evaluation that is to be written there, what metrics.json says.
    """
    try:
        content = read_json_object(file)
    except UserError:  # none, or a damaged one
        return None
    runs = content.get("runs")
    compared = isinstance(runs, list) and bool(runs) and all(isinstance(one, dict) for one in runs)
    there = runs if compared else [content]
    if not all(isinstance(one.get("runs"), list) and isinstance(one.get("data"), dict) for one in there):
        return f"another kind, {file.name}"
    if len(there) == len(now) and all(map(_same, there, now)):
        return None
    first, names = there[0], " and ".join(", ".join(_names(one)) for one in there)
    return (
        f"{names}, {first.get('n')} images of {first['data'].get('source')}, {first.get('split')}, "
        f"--tta {first.get('tta')}, --vote {first.get('vote')}, --seed {first.get('seed', 'not recorded')}"
    )


def _same(there: dict[str, Any], now: dict[str, Any]) -> bool:
    alike = all(there.get(key) == now[key] for key in ("epoch", "data", "split", "n", "tta", "vote"))
    # Earlier versions did not record these. The runs' folder may have moved.
    alike &= all(there.get(key, now[key]) == now[key] for key in ("limit", "seed"))
    return alike and _names(there) == _names(now)


def _names(one: dict[str, Any]) -> list[str]:
    """Return the names of the runs, those of members with their ensemble's."""
    paths = [Path(str(run)) for run in one["runs"]]
    return ["/".join(path.parts[-3:]) if path.parent.name == "members" else path.name for path in paths]
