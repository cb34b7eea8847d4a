"""Decoded faces kept on disk, so that a second read of the same content takes a fraction of a second.

    <cache folder>/index/<hash of a path>.json     what lay at that path when it was last hashed, and its SHA-256
    <cache folder>/faces-<version>-<sha256>.npz    the decoded arrays, keyed by content alone
    <cache folder>/<name>.npz                      what was found out about arrays: the name tells of which

A copy of a file, under any name, finds the same arrays. Everything here can be deleted at any time: it is made again.

The index spares a warm read the hashing of 270 MB. It trusts that content is unchanged where path, size, modification
time, change time and inode all are, for every file of the source, in nanoseconds where the file system keeps them.
An edit that keeps the size and puts the modification time back (cp -p, rsync -t, touch -r) still moves the change
time, which no ordinary program can set. Two writes within one tick of the file system's clock could share a change
time: so nothing is entered while a file is younger than `SETTLED_NS`; it is hashed again at the next read.
"""

import hashlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError
from fer_keras.files import DamagedFile, expanded, read_npz, write_json, write_npz

FORMAT = 5  # raise it when the readers decode the same bytes to something else, or the arrays get another layout
SETTLED_NS = 2_000_000_000  # the coarsest clock of a file system in use, FAT's, ticks every 2 s

_FIELDS = ("images", "labels", "usage", "ids")  # of Faces; `labels` may be missing

_log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Return $FER_KERAS_CACHE, else `fer_keras` in the platform's folder for caches ($XDG_CACHE_HOME, ~/.cache)."""
    if chosen := os.environ.get("FER_KERAS_CACHE"):
        return expanded(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "fer_keras"
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    else:
        base = "~/Library/Caches" if sys.platform == "darwin" else "~/.cache"
    return Path(os.path.expanduser(base)) / "fer_keras"  # noqa: PTH111 - Path's own raises where there is no home


def through_cache(
    path: Path, names: Sequence[str] | None, decode: Callable[[], dict[str, np.ndarray]]
) -> tuple[dict[str, np.ndarray], str]:
    """Return what `decode()` returns, from the cache where the same content was decoded before, and its SHA-256.

    Args:
        path: the CSV file or the image folder, for the index.
        names: of all files below the folder `path` whose content `decode` reads; None where `path` is itself the file.
        decode: returns the fields of `Faces` by name: images, labels (left out where there are none), usage, ids.

    Raises:
        OSError: where the files cannot be read. A cache that cannot be read or written is no error: it is passed over.
        UserError: for files that change while they are read: what was decoded may be other bytes than were hashed.
    """
    folder = cache_folder()
    sha256, stamp = _content(path, names, folder)
    kept = folder / f"faces-{FORMAT}-{sha256}.npz"
    arrays = _load(kept)
    if arrays is None:
        arrays = decode()
        if _stamp(path, names)[0] != stamp:
            raise UserError(f"{path} was changed while it was read. Run this again when it is whole")
        _write_or_pass(lambda: write_npz(kept, **arrays), kept)
    return arrays, sha256


def remembered(name: str, compute: Callable[[], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Return what `compute()` returns, int64 of that shape, from the cache where that was done before under this name.

    A cache that cannot be read or written is no error: it is passed over.
    """
    kept = cache_folder() / f"{name}.npz"
    values = (_read(kept) or {}).get("values")
    if values is None or values.dtype != np.int64 or values.shape != shape:
        values = compute()
        _write_or_pass(lambda: write_npz(kept, compressed=True, values=values), kept)
    return values


def content_sha256(path: Path, names: Sequence[str] | None = None) -> str:
    """Return the SHA-256 of a file's bytes, or of the sorted names and the bytes of these files below a folder."""
    if names is None:
        return _file_digest(path).hex()
    whole = hashlib.sha256()
    for name in sorted(names):
        encoded = os.fsencode(name)
        whole.update(len(encoded).to_bytes(8, "little") + encoded + _file_digest(path / name))
    return whole.hexdigest()


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


# --- the index ------------------------------------------------------------------------------------------------------


def _content(path: Path, names: Sequence[str] | None, folder: Path) -> tuple[str, str]:
    """Return the content's SHA-256: the one in the index where nothing has changed, else hashed and entered.

    And the stamp that the files had before they were hashed.
    """
    absolute = str(path.resolve())
    entry = folder / "index" / f"{hashlib.sha256(os.fsencode(absolute)).hexdigest()[:32]}.json"
    stamp, newest = _stamp(path, names)
    known = _read_entry(entry)
    if known.get("stamp") == stamp and re.fullmatch("[0-9a-f]{64}", str(known.get("sha256"))):
        return known["sha256"], stamp
    sha256 = content_sha256(path, names)
    if _stamp(path, names)[0] == stamp and time.time_ns() - newest > SETTLED_NS:
        _write_or_pass(lambda: write_json(entry, {"path": absolute, "stamp": stamp, "sha256": sha256}), entry)
    return sha256, stamp


def _stamp(path: Path, names: Sequence[str] | None) -> tuple[str, int]:
    """Return a hash of the names and the state of all files, and the newest of their times (nanoseconds)."""
    states = hashlib.sha256()
    newest = 0
    root = str(path)
    for name in [""] if names is None else sorted(names):
        stat = os.stat(f"{root}/{name}" if name else root)  # noqa: PTH116 - 30,000 Path objects would be the slowest step
        newest = max(newest, stat.st_mtime_ns, stat.st_ctime_ns)
        state = (name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
        states.update(os.fsencode(f"{state}\n"))
    return states.hexdigest(), newest


def _read_entry(entry: Path) -> dict:
    try:
        known = json.loads(entry.read_bytes())
    except (OSError, ValueError, RecursionError):  # none yet, or damaged: it is written anew
        return {}
    return known if isinstance(known, dict) else {}


# --- the arrays -----------------------------------------------------------------------------------------------------


def _load(kept: Path) -> dict[str, np.ndarray] | None:
    arrays = _read(kept)
    if arrays is not None and not _fits(arrays):
        _log.warning("The cache file %s does not hold faces; the data is read anew", kept)
        return None
    return arrays


def _read(kept: Path) -> dict[str, np.ndarray] | None:
    try:
        return read_npz(kept)
    except FileNotFoundError:
        return None
    except (DamagedFile, OSError) as error:
        _log.warning("The cache file %s cannot be used (%s); it is made again", kept, type(error).__name__)
        return None


def _fits(arrays: dict[str, np.ndarray]) -> bool:
    if not {"images", "usage", "ids"} <= set(arrays) <= set(_FIELDS):
        return False
    n = len(arrays["ids"]) if arrays["ids"].ndim else 0
    labels = arrays.get("labels", np.zeros(n, dtype=np.int64))
    return (
        arrays["images"].dtype == np.uint8
        and arrays["images"].shape == (n, IMAGE_SIZE, IMAGE_SIZE)
        and labels.dtype == np.int64
        and arrays["usage"].dtype.kind == arrays["ids"].dtype.kind == "U"
        and labels.shape == arrays["usage"].shape == arrays["ids"].shape == (n,)
    )


def _write_or_pass(write: Callable[[], None], path: Path) -> None:
    """Write to the cache; where that fails (no room, no permission) say so, for the data itself was read."""
    try:
        write()
    except OSError as error:
        _log.warning("Nothing kept in the cache: %s (%s)", error.strerror or error, path)
