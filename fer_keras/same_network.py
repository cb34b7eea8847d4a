"""Networks that are one and the same by their weights: copies of a run, and members of ensembles with seeds in common.

Member i of an ensemble has its seed + i, so `--members 5 --seed 0` and `--seed 1` train four networks twice over, to
the last bit. Counted as different ones they would have two votes, and the spread over seeds would be too small.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from fer_keras.errors import UserError

WEIGHTS = "model.weights.h5"  # in a .keras archive; it tells neither the day nor the place where it was written


def refuse_same_network(flag: str, networks: Sequence[tuple[str, Path]], consequence: str) -> None:
    """Raise UserError, naming the flag, if two of the networks are one file, or have the same weights.

    networks: (name, .keras file) of each. consequence: what such a network would do: "would vote twice".
    """
    known: dict[tuple[int, int] | Path, str] = {}
    for name, file in networks:
        network = _weights(file) or file.resolve()  # what cannot be read is left to whoever opens it
        if network in known:
            other = known[network]
            told = "is there twice" if name == other else f"is the same network as {other}, weight by weight,"
            raise UserError(f"{flag}: {name} {told} and {consequence}. Leave one out")
        known[network] = name


def _weights(file: Path) -> tuple[int, int] | None:
    """Return (CRC-32, bytes) of a network's weights; None where the file holds none."""
    try:
        with zipfile.ZipFile(file) as archive:
            entry = archive.getinfo(WEIGHTS)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None
    return entry.CRC, entry.file_size
