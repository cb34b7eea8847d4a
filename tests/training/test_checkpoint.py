"""A checkpoint that has been damaged is told in one line, wherever the damage is."""

import numpy as np
import pytest

from fer_keras.errors import UserError
from fer_keras.files import write_npz
from fer_keras.training.checkpoint import read_progress
from fer_keras.training.progress import Progress


@pytest.mark.parametrize("place", ["begin", "inside"])
def test_damage_is_told(tmp_path, place):
    path = tmp_path / "last.npz"
    write_npz(path, progress=np.array(Progress().to_json()))
    assert read_progress(path) == Progress()
    content = bytearray(path.read_bytes())
    where = 0 if place == "begin" else len(content) // 3  # of the text itself, which its checksum guards
    content[where] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"last\.npz: expected a checkpoint, received a damaged file"):
        read_progress(path)
