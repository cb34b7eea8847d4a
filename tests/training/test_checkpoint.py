"""A checkpoint that has been damaged is told in one line, wherever the damage is."""

import keras
import numpy as np
import pytest

from fer_keras.errors import UserError
from fer_keras.files import write_npz
from fer_keras.training.checkpoint import load_checkpoint, read_progress, save_checkpoint
from fer_keras.training.progress import Progress


def scaled_model():
    """A model whose loss is scaled for float16, built alike every time."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="ones")])
    model.compile(
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1, momentum=0.9), initial_scale=8.0), "mse"
    )
    return model


def test_a_checkpoint_leaves_and_brings_back_the_scale_of_float16(tmp_path):
    x, y = np.ones((4, 3), np.float32), np.zeros((4, 2), np.float32)
    model, path = scaled_model(), tmp_path / "last.npz"
    model.fit(x, y, epochs=3, verbose=0)
    model.optimizer.dynamic_scale.assign(4.0)
    for _ in range(2):  # an epoch each: the second finds what the first has left
        save_checkpoint(path, model, Progress())
    assert (int(model.optimizer.step_counter), float(model.optimizer.dynamic_scale)) == (3, 4.0)
    again = scaled_model()
    load_checkpoint(path, again)
    assert (int(again.optimizer.step_counter), float(again.optimizer.dynamic_scale)) == (3, 4.0)
    for one in (model, again):
        one.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])


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


@pytest.mark.parametrize(
    "progress",
    ["{", "[]", '{"rows": 3}', '{"rows": [], "of a later version": 1}', '{"rows": [], "phase": "of a later version"}'],
)
def test_progress_of_another_version_is_told(tmp_path, progress):
    path = tmp_path / "last.npz"
    write_npz(path, progress=np.array(progress))
    with pytest.raises(UserError, match=r"last\.npz: expected how far training is, received"):
        read_progress(path)


def test_no_single_changed_byte_is_a_defect_of_ours(tmp_path):
    path = tmp_path / "last.npz"
    large = np.arange(2000.0)  # of which NumPy would read the header before any checksum
    write_npz(path, progress=np.array(Progress().to_json()), large=large)
    whole = path.read_bytes()
    body = whole.index(large.tobytes()[:64]), whole.index(large.tobytes()[-64:])
    refused = 0
    for place in [*range(body[0] + 64), *range(body[1], len(whole))]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x5D]) + whole[place + 1 :])  # a } becomes a space
        try:
            assert read_progress(path) == Progress()  # the byte is of no account
        except UserError:
            refused += 1
    assert refused > 600
