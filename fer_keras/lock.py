"""One process at a time: a file that the system holds for the process that locked it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fer_keras.errors import UserError
from fer_keras.files import remove_unfinished


@contextmanager
def locked(path: Path, taken: str) -> Iterator[None]:
    """Hold a file for this process; the system lets go of it when the process ends, however it ends.

    The file is made, and stays: to remove one that another process is about to lock would part the two.

    Raises:
        UserError: with the text `taken`, where another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if not _lock(file):
            raise UserError(taken)
        yield


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Hold a folder in which the command's files belong together, without what a killed process has left half written.

    UserError where another process writes there.
    """
    taken = f"{folder} is being written by another process. Wait until that ends, or choose another by --output"
    with locked(folder / ".lock", taken):
        remove_unfinished(folder)
        yield


def _lock(file: BinaryIO) -> bool:
    """Return False where another process has locked the file; True where a file system knows no locks."""
    try:
        import fcntl
    except ImportError:
        return _lock_on_windows(file)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # e.g. a network file system without a lock daemon: better unlocked than not at all
        return True
    return True


def _lock_on_windows(file: BinaryIO) -> bool:
    import msvcrt

    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except PermissionError:
        return False
    return True
