"""Files that are either whole or not there: every file is written aside and renamed."""

import csv
import errno
import json
import os
import re
import struct
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from fer_keras.errors import UserError

_ASIDE = ".fer_keras-"  # nobody else's files begin so: what a killed process leaves is known by it, and removed

# What zipfile and numpy.load are known to raise on a damaged .npz, besides an OSError for a place before its beginning.
_DAMAGE = (
    *(ValueError, EOFError, KeyError, RuntimeError, SyntaxError),
    *(tokenize.TokenError, zipfile.BadZipFile, zlib.error, struct.error),
)


class DamagedFile(Exception):
    """A file that does not hold what was written. Its text says why."""


def is_there(path: Path | str) -> bool:
    """Tell whether a file or a folder is there; False too where nobody may look, or no name can be so long."""
    try:
        return Path(path).exists()
    except OSError:
        return False


def expanded(path: Path | str) -> Path:
    """Return a path with ~ as the home it means. UserError for one that means nobody's."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UserError(f"'{path}': expected ~/ or ~user/ at its beginning, received no user's name") from None


def writable(folder: Path | str, flag: str = "--output") -> Path:
    """Return `folder` if files can be written in it, or it can be made. UserError if not, before the long work."""
    folder = expanded(folder)
    try:
        place = folder
        while not place.exists():
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(f"{folder}: expected a folder that can be written ({why}). Choose another by {flag}") from None
    return folder


@contextmanager
def written_aside(path: Path | str) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it takes the place of `path`, on failure it is removed.

    Of a symbolic link it takes the place of what the link leads to.
    The temporary name is short, and keeps the suffix, because writers such as Keras's choose their format by it.
    """
    path = Path(path)
    path = path.resolve() if path.is_symlink() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_ASIDE, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        with aside.open("rb+") as file:
            os.fsync(file.fileno())  # the name must never point at bytes that a power cut can lose
        aside.chmod(0o666 & ~_umask())  # mkstemp makes 0600
        aside.replace(path)
    except OSError as error:  # a full disk says no name when it refuses a write
        error.filename = error.filename or str(path)
        raise
    finally:
        aside.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what `written_aside` left in a folder where its process was killed. Nobody may be writing there."""
    for file in folder.glob(f"{_ASIDE}????????*"):
        if re.fullmatch(re.escape(_ASIDE) + r"[a-z0-9_]{8}(\.[^.]+)?", file.name) and file.is_file():
            file.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path | str, text: str) -> None:
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: object) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path | str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with one line a row, in UTF-8; what has commas, quotes or line breaks is quoted."""
    with written_aside(path) as aside, aside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_npz(path: Path | str, *, compressed: bool = False, **arrays: np.ndarray) -> None:
    """Write arrays as .npz; read them back with `read_npz`, elsewhere with `numpy.load(path, allow_pickle=False)`."""
    with written_aside(path) as aside, aside.open("wb") as file:
        (np.savez_compressed if compressed else np.savez)(file, **arrays)


def read_npz(path: Path | str, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file, these or all, by name.

    Raises:
        DamagedFile: it is none, a byte of it has changed, or an array is missing.
        OSError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            with zipfile.ZipFile(file) as archive:
                if broken := archive.testzip():  # all checksums first: NumPy would believe a broken header
                    raise zipfile.BadZipFile(f"the checksum of {broken} differs")
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in (arrays.files if names is None else names)}
    except (OSError, *_DAMAGE) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise DamagedFile(" ".join(str(error).split()) or type(error).__name__) from None
