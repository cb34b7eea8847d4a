"""Networks that are the same are told by their weights, not by their names or the time when they were written."""

import zipfile

import keras
import pytest

from fer_keras.errors import UserError
from fer_keras.models.files import save_model
from fer_keras.same_network import refuse_same_network


def saved(path, *, seed):
    kernel = keras.initializers.GlorotUniform(seed)
    dense = keras.layers.Dense(2, kernel_initializer=kernel, name="logits")  # named, as all layers are here
    save_model(keras.Sequential([keras.Input((3,)), dense], name="tiny"), path)
    return path


def written_on_another_day(file, path):
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(path, "w") as other:
        for name in archive.namelist():
            other.writestr(zipfile.ZipInfo(name, (1999, 1, 1, 0, 0, 0)), archive.read(name))
    return path


def test_copies_and_networks_trained_alike_are_refused(tmp_path):
    one, other = saved(tmp_path / "one.keras", seed=1), saved(tmp_path / "other.keras", seed=2)
    again = written_on_another_day(saved(tmp_path / "same.keras", seed=1), tmp_path / "again.keras")
    assert one.read_bytes() != again.read_bytes()
    refuse_same_network("--run", [("one", one), ("other", other)], "would vote twice")
    said = "^--run: again is the same network as one, weight by weight, and would vote twice\\. Leave one out$"
    with pytest.raises(UserError, match=said):
        refuse_same_network("--run", [("one", one), ("other", other), ("again", again)], "would vote twice")


def test_files_that_hold_no_network_are_left_to_whoever_opens_them(tmp_path):
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04 half a file")
    (tmp_path / "cut.keras").write_bytes(b"PK")
    places = [tmp_path / "broken.keras", tmp_path / "cut.keras", tmp_path / "missing.keras", tmp_path]
    refuse_same_network("--run", [(str(place), place) for place in places], "would vote twice")
    with pytest.raises(UserError, match="missing is there twice and would vote twice"):
        refuse_same_network("--run", [("missing", tmp_path / "missing.keras")] * 2, "would vote twice")
