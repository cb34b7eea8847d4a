"""One process a run: two that train the same one would mix their histories and checkpoints."""

from collections.abc import Iterator
from contextlib import contextmanager

from fer_keras.lock import locked
from fer_keras.runs import Run


@contextmanager
def only_here(run: Run) -> Iterator[None]:
    """Hold the run for this process. UserError where another process holds it."""
    taken = (
        f"{run.path} is being trained by another process. Wait until that ends, or stop it first: "
        f"it is kept as of its last whole epoch"
    )
    with locked(run.lock_file, taken):
        yield
