"""One process a run: two that train the same one would mix their histories and checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from fer_keras.errors import UserError
from fer_keras.runs import Run


@contextmanager
def only_here(run: Run) -> Iterator[None]:
    """Hold the run for this process; the system lets go of it when the process ends, however it ends.

    Raises:
        UserError: another process holds it.
    """
    run.lock_file.parent.mkdir(parents=True, exist_ok=True)
    with run.lock_file.open("ab") as file:
        if not _lock(file):
            raise UserError(
                f"{run.path} is being trained by another process. Wait until that ends, or stop it first: "
                f"it is kept as of its last whole epoch"
            )
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
