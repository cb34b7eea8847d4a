"""How far a method is, and how long it still takes."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from fer_keras.console import duration, say

Tell = Callable[[int, int], None]
_EVERY = 15.0  # seconds between two lines where the output is no terminal


@contextmanager
def progress(title: str, unit: str) -> Iterator[Tell]:
    """Yield a function to call with what is done and what there is in all, e.g. (64, 3589).

    On a terminal it moves a bar that says the time left; elsewhere it prints a line now and then.
    """
    if sys.stderr.isatty():
        bar = tqdm(desc=f"  {title}", unit=f" {unit}", leave=False, dynamic_ncols=True)

        def tell(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            yield tell
        finally:
            bar.close()
        return
    began = None  # when and at what the first call came: what went before is compilation
    told = time.monotonic()

    def line(done: int, total: int) -> None:
        nonlocal began, told
        now = time.monotonic()
        began = began or (now, done)
        if now - told >= _EVERY and began[1] < done < total:
            told = now
            left = (now - began[0]) * (total - done) / (done - began[1])
            say(f"  {title}: {done:,} of {total:,} {unit}, {duration(left)} left")

    yield line
