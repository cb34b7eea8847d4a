"""The folder of one method: what was written, with its captions, and whether it is finished.

done.json holds all that decides the content, so that a method is done again when anything of that changes, and the
captions, which index.html is made of. A method's files are written aside, in the folder .unfinished, and take the place
of an earlier time's when all of them are there: one that is stopped takes nothing away.
"""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fer_keras.config import read_json_object
from fer_keras.errors import UserError
from fer_keras.files import DamagedFile, read_npz, write_json, write_npz, written_aside
from fer_keras.plots.style import drawn_here, save_figure

FORMAT = 9  # another one where a later program draws something else for the same options
DONE = "done.json"
UNFINISHED = ".unfinished"  # a done.json in it: all is written, and only has to be moved
MAPS = "maps.npz"


_TOLD = ("file", "kind", "caption", "heading")  # of each file, in done.json


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
        self._aside = path / UNFINISHED

    def figure(self, name: str, figure: Figure, caption: str, *, heading: str = "") -> None:
        """Save a figure as `name`, e.g. "correct/Happy.png". Figures of one heading stand together on the page."""
        self._add(name, "figure", caption, heading)
        save_figure(figure, self._aside / name, note=self.note)

    def arrays(self, caption: str, /, **arrays: np.ndarray) -> None:
        """Save arrays as maps.npz."""
        self._add(MAPS, "arrays", caption, "")
        write_npz(self._aside / MAPS, compressed=True, **arrays)

    def table(self, name: str, frame: pd.DataFrame, caption: str) -> None:
        """Save a table as CSV."""
        self._add(name, "table", caption, "")
        with written_aside(self._aside / name) as aside:
            frame.to_csv(aside, index=False)

    def say(self, note: str) -> None:
        """Keep a sentence for the reader of the page."""
        self.notes.append(note)

    @contextmanager
    def written(self, options: Mapping[str, Any]) -> Iterator[None]:
        """Write the files inside: on success they take the place of an earlier time's, on failure they are removed.

        options: JSON values; all that decides what is written.
        """
        self.recover()
        self._discard()  # of a time that was killed
        began = time.monotonic()
        try:
            yield
            record = {
                "format": FORMAT,
                "options": dict(options),
                "files": self.files,
                "reading": self.reading,
                "notes": self.notes,
                "seconds": round(time.monotonic() - began, 1),
            }
            write_json(self._aside / DONE, record)
        except BaseException:
            self._discard()
            raise
        self.recover()

    def recover(self) -> None:
        """Move the files aside to their places, where all are written: now, or before their process was killed.

        What the earlier time's record lists goes, so that nothing of other options stays behind, and nothing else: a
        picture that somebody has put in the place of one stays.

        Raises:
            UserError: something else stands in a file's place, or it may not be written.
        """
        new = _listed(_read(self._aside / DONE))
        if new is None:
            return
        self._refuse_foreign_pictures(new)
        old = set(_listed(_read(self.path / DONE)) or ()) - set(new)
        place = self.path
        try:
            for name in new:
                place = self.path / name
                self._move(name)
            for place in (self.path / name for name in old):
                if not _is_foreign_picture(place):
                    place.unlink(missing_ok=True)
            self._move(DONE)  # at the end: until then the earlier record tells what is to go
        except OSError as error:
            raise UserError(
                f"{place}: expected to write a file there, received: {error.strerror}. Move away what is in its place, "
                f"and call again"
            ) from None
        self._discard()

    def is_done(self, options: Mapping[str, Any]) -> bool:
        """Tell whether the method is finished with these options, and its files are still there."""
        record = self.record()
        return record is not None and record["options"] == dict(options)

    def holds_others(self, options: Mapping[str, Any]) -> bool:
        """Tell whether files stand there that were made with other options, by whatever version."""
        record = _read(self.path / DONE)
        return bool(_listed(record)) and record.get("options") != dict(options)

    def record(self) -> dict[str, Any] | None:
        """Return what done.json holds; None where the method is not finished, of another version, or lacks files."""
        record = _read(self.path / DONE)
        good = (
            record.get("format") == FORMAT
            and isinstance(record.get("options"), dict)
            and isinstance(record.get("reading"), str)
            and isinstance(record.get("notes"), list)
            and all(isinstance(note, str) for note in record["notes"])
            and _listed(record) is not None
            and all(isinstance(file.get(key), str) for file in record["files"] for key in _TOLD)
            and all((self.path / file["file"]).is_file() for file in record["files"])
        )
        return record if good else None

    def _refuse_foreign_pictures(self, names: list[str]) -> None:
        """Raise UserError where one of these files would take the place of somebody's own picture."""
        for name in sorted(names):
            place = self.path / name
            if (self._aside / name).is_file() and _is_foreign_picture(place):
                raise UserError(
                    f"{place}: expected no picture there but one that this program drew, received another. Move it "
                    f"away and call again, or choose another folder by --output"
                )

    def _move(self, name: str) -> None:
        if (self._aside / name).is_file():  # else it was moved before a kill
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self._aside / name).replace(self.path / name)

    def _discard(self) -> None:
        if self._aside.is_dir():
            shutil.rmtree(self._aside)

    def _add(self, name: str, kind: str, caption: str, heading: str) -> None:
        self.files.append({"file": name, "kind": kind, "caption": caption, "heading": heading})


def kept_maps(folder: Path) -> dict[str, np.ndarray]:
    """Return the arrays that a finished attribution has left in its folder. UserError where they are damaged."""
    try:
        return read_npz(folder / MAPS)
    except (DamagedFile, OSError) as error:
        raise UserError(
            f"{folder / MAPS}: expected the maps of {folder.name}, received a damaged file ({error}). Make them again: "
            f"--force"
        ) from None


def _read(file: Path) -> dict[str, Any]:
    """Return what a record holds; nothing where it is missing or damaged: then the method is done again."""
    try:
        return read_json_object(file)
    except UserError:
        return {}


def _is_foreign_picture(place: Path) -> bool:
    return place.suffix == ".png" and place.is_file() and not drawn_here(place)


def _listed(record: dict[str, Any]) -> list[str] | None:
    """Return the names of the files that a record lists; None where it is none that this program wrote."""
    files = record.get("files")
    if isinstance(files, list) and all(isinstance(file, dict) and _inside(file.get("file")) for file in files):
        return [file["file"] for file in files]
    return None


def _inside(name: Any) -> bool:
    """Tell whether a file's name stays inside the folder: what is listed here is deleted one day."""
    return isinstance(name, str) and bool(name) and not Path(name).is_absolute() and ".." not in Path(name).parts
