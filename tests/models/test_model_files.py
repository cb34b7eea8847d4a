import zipfile

import keras
import numpy as np
import pytest

from fer_keras.errors import UserError
from fer_keras.models.files import open_model, save_model
from fer_keras.models.registry import build


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.keras"
    save_model(build("cnn3"), path)
    return path


def test_a_network_comes_back_as_it_was(saved):
    image = np.random.default_rng(0).integers(0, 256, (2, 48, 48, 1)).astype(np.float32)
    again = open_model(saved)
    assert not again.compiled
    np.testing.assert_array_equal(np.asarray(again([image])), np.asarray(build("cnn3")([image])))


def refusal(path):
    with pytest.raises(UserError) as refused:
        open_model(path)
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: b"no archive at all",
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw[:5000] + bytes(1000) + raw[6000:],
    ],
    ids=["empty", "text", "half", "hole"],
)
def test_a_damaged_file_is_refused(saved, tmp_path, damage):
    path = tmp_path / "model.keras"
    path.write_bytes(damage(saved.read_bytes()))
    assert "received a damaged or unsafe file" in refusal(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", None),
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", b'{"module": "os", "class_name": "system", "config": {"command": "true"}}'),
        ("model.weights.h5", None),
        ("model.weights.h5", b"junk"),
    ],
)
def test_an_archive_with_damaged_parts_is_refused(saved, tmp_path, name, content):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(saved) as whole, zipfile.ZipFile(path, "w") as damaged:
        for part in whole.namelist():
            if part != name:
                damaged.writestr(part, whole.read(part))
        if content is not None:
            damaged.writestr(name, content)
    assert "received a damaged or unsafe file" in refusal(path)


def test_code_in_a_file_is_not_run(tmp_path):
    image = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(keras.layers.Lambda(lambda x: x * 2)(image))
    keras.Model(image, keras.layers.Dense(7)(x)).save(tmp_path / "model.keras")
    assert "Lambda" in refusal(tmp_path / "model.keras")


def test_a_network_for_something_else_is_refused(tmp_path):
    image = keras.Input((48, 48, 1))
    keras.Model(image, keras.layers.Dense(8)(keras.layers.Flatten()(image))).save(tmp_path / "model.keras")
    assert "received one of (None, 48, 48, 1) to (None, 8)" in refusal(tmp_path / "model.keras")


def test_a_network_that_diverged_is_refused_whatever_it_is_for(tmp_path):
    model = build("cnn_plain")
    model.set_weights([*model.get_weights()[:-1], np.full(7, np.nan)])
    save_model(model, tmp_path / "model.keras")
    with pytest.raises(UserError, match=r"model\.keras: .* one whose weights are no numbers"):
        open_model(tmp_path / "model.keras")


def test_a_missing_file_says_how_to_get_one(tmp_path):
    assert "python train.py" in refusal(tmp_path / "model.keras")


def test_a_model_that_cannot_be_saved_leaves_the_old_file(saved, tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    path.write_bytes(b"old")
    model = build("cnn3")
    monkeypatch.setattr(model, "save", lambda aside: (aside.write_bytes(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        save_model(model, path)
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_sound_file_of_another_format_is_not_called_damaged(saved, tmp_path):
    model = keras.Sequential([keras.layers.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    path = tmp_path / "model.h5"
    model.save(path)
    said = refusal(path)
    assert "received one in HDF5" in said and "damaged" not in said
