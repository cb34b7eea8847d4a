"""The folder of one method: what was written, with its captions, and whether it is finished.

done.json is the last file to be written. It holds all that decides the content, so that a method is done again when
anything of that changes, and the captions, which index.html is made of.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_keras.config import read_json_object
from fer_keras.errors import UserError
from fer_keras.files import write_json, write_npz, written_aside
from fer_keras.plots.style import save_figure

FORMAT = 2  # another one where a later program draws something else for the same options
DONE = "done.json"
MAPS = "maps.npz"


class MethodFolder:
    """Writes the files of one method.

    path: the folder. note: below every figure, e.g. that the faces are synthetic. reading: how the figures are to be
    read, a sentence or two for the page. notes: what else its reader should know.
    """

    def __init__(self, path: Path, *, note: str | None = None):
        self.path, self.note = path, note
        self.files: list[dict[str, str]] = []
        self.notes: list[str] = []
        self.reading = ""
        self._began = time.monotonic()

    def figure(self, name: str, figure: Figure, caption: str, *, heading: str = "") -> None:
        """Save a figure as `name`, e.g. "correct/Happy.png". Figures of one heading stand together on the page."""
        save_figure(figure, self.path / name, note=self.note)
        self._add(name, "figure", caption, heading)

    def arrays(self, caption: str, /, **arrays: np.ndarray) -> None:
        """Save arrays as maps.npz."""
        write_npz(self.path / MAPS, compressed=True, **arrays)
        self._add(MAPS, "arrays", caption, "")

    def table(self, name: str, frame: pd.DataFrame, caption: str) -> None:
        """Save a table as CSV."""
        with written_aside(self.path / name) as aside:
            frame.to_csv(aside, index=False)
        self._add(name, "table", caption, "")

    def say(self, note: str) -> None:
        """Keep a sentence for the reader of the page."""
        self.notes.append(note)

    def begin(self) -> None:
        """Take away what an earlier time left, by its own list, so that nothing of other options stays behind."""
        earlier = self.record()
        (self.path / DONE).unlink(missing_ok=True)
        for file in earlier["files"] if earlier else ():
            (self.path / file["file"]).unlink(missing_ok=True)

    def finish(self, options: Mapping[str, Any]) -> None:
        """Write done.json. options: JSON values; all that decides the content."""
        record = {
            "format": FORMAT,
            "options": dict(options),
            "files": self.files,
            "reading": self.reading,
            "notes": self.notes,
            "seconds": round(time.monotonic() - self._began, 1),
        }
        write_json(self.path / DONE, record)

    def is_done(self, options: Mapping[str, Any]) -> bool:
        """Tell whether the method is finished with these options, and its files are still there."""
        record = self.record()
        return (
            record is not None
            and record["options"] == dict(options)
            and all((self.path / file["file"]).is_file() for file in record["files"])
        )

    def record(self) -> dict[str, Any] | None:
        """Return what done.json holds; None where the method is not finished, or by another version."""
        if not (self.path / DONE).is_file():
            return None
        try:
            record = read_json_object(self.path / DONE)
        except UserError:  # damaged: then it is done again
            return None
        files = record.get("files")
        good = (
            record.get("format") == FORMAT
            and isinstance(record.get("options"), dict)
            and isinstance(record.get("reading"), str)
            and isinstance(record.get("notes"), list)
            and isinstance(files, list)
            and all(isinstance(file, dict) and _inside(file.get("file")) for file in files)
        )
        return record if good else None

    def _add(self, name: str, kind: str, caption: str, heading: str) -> None:
        self.files.append({"file": name, "kind": kind, "caption": caption, "heading": heading})


def _inside(name: Any) -> bool:
    """Tell whether a file's name stays inside the folder: what is listed here is deleted one day."""
    return isinstance(name, str) and bool(name) and not Path(name).is_absolute() and ".." not in Path(name).parts
