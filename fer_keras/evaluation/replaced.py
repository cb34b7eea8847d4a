"""What stands where an evaluation, a comparison or predictions are about to be written."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fer_keras.config import read_json_object
from fer_keras.errors import UserError
from fer_keras.runs import COMPARE, METRICS

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


def refuse_other_pictures(folder: Path, names: list[str]) -> None:
    """Raise UserError where a picture that is about to be drawn would take the place of somebody's own."""
    from fer_keras.plots.style import drawn_here  # here: mistakes are told without waiting for Matplotlib

    for name in names:
        if (folder / name).is_file() and not drawn_here(folder / name):
            raise UserError(
                f"{folder / name} stands there, and this program did not draw it. Choose another by --output"
            )


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
