"""history.csv: one row an epoch, both phases."""

import csv
import dataclasses
import io
import math
import os
from pathlib import Path

from fer_keras.files import write_text
from fer_keras.training.progress import COLUMNS, EpochRow


def write_history(path: Path, rows: list[EpochRow]) -> None:
    """Write the whole file: a new run's header, or the rows that a resumed run's checkpoint vouches for."""
    write_text(path, _lines(rows, header=True))


def append_history(path: Path, row: EpochRow) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(_lines([row], header=False))
        file.flush()
        os.fsync(file.fileno())


def written_rows(path: Path) -> int:
    """Return how many epochs a history tells of; 0 for one that is not there."""
    return max(0, len(path.read_bytes().splitlines()) - 1) if path.is_file() else 0


def _lines(rows: list[EpochRow], *, header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    if header:
        writer.writeheader()
    for row in rows:
        # repr of a float: every digit, so that histories of two runs can be compared exactly; what was not measured: ""
        unknown = {name: "" for name in ("val_loss", "val_accuracy") if math.isnan(getattr(row, name))}
        writer.writerow(dataclasses.asdict(row) | {"seconds": f"{row.seconds:.2f}"} | unknown)
    return text.getvalue()
