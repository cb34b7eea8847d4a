"""Which network and which faces a run means: never ones that it was trained on, and one network of an ensemble."""

import dataclasses

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.prepare import load_faces
from fer_keras.data.select import equalize
from fer_keras.errors import UserError
from fer_keras.explanations.options import Options
from fer_keras.explanations.target import find_target
from fer_keras.files import write_json
from fer_keras.runs import Run, RunConfig, create_run, write_config

LIMIT = 70


def write_run(run, settings, *, validation_split="PublicTest", network=b"a network"):
    whole = load_faces("synthetic", limit=LIMIT)
    data = {
        "source": whole.source,
        "sha256": whole.sha256,
        "synthetic": True,
        "rule": "",
        "validation_split": validation_split,
        "training": 1,
        "validation": 1,
        "testable": ["PrivateTest"] if validation_split == "PublicTest" else ["PublicTest", "PrivateTest"],
    }
    run.path.mkdir(parents=True, exist_ok=True)
    write_config(run, RunConfig(settings, data))
    write_json(run.result_file, {"best_epoch": 1})
    if network is not None:
        run.model_file.write_bytes(network)
    return run


def new_run(tmp_path, **settings):
    return write_run(create_run(tmp_path, "cnn4"), Settings(data="synthetic", arch="cnn4", limit=LIMIT, **settings))


def test_the_default_is_the_split_that_chose_the_epoch(tmp_path):
    run = new_run(tmp_path)
    target = find_target(Options(logdir=str(tmp_path)))
    assert target.split == "PublicTest" and set(target.faces.usage) == {"PublicTest"} and len(target.faces) == LIMIT
    assert target.folder == run.path / "explanations"
    assert target.synthetic and "says nothing about people" in target.note


def test_with_a_validation_part_no_trained_face_is_shown(tmp_path):
    settings = Settings(data="synthetic", arch="cnn4", limit=LIMIT, val_fraction=0.2)
    write_run(create_run(tmp_path, "cnn4"), settings, validation_split="Training")
    target = find_target(Options(logdir=str(tmp_path)))
    assert target.split == "validation" and len(target.faces) == 14 and set(target.faces.usage) == {"Training"}


def test_faces_are_equalised_as_the_network_was_trained(tmp_path):
    new_run(tmp_path, equalize=True)
    target = find_target(Options(logdir=str(tmp_path)))
    plain = load_faces("synthetic", limit=LIMIT).split("PublicTest").images
    np.testing.assert_array_equal(target.faces.images, equalize(plain))
    assert target.identity["equalized"]


def test_an_ensemble_is_explained_by_its_first_member(tmp_path):
    settings = Settings(data="synthetic", arch="cnn4", limit=LIMIT, members=2)
    whole = write_run(create_run(tmp_path, "cnn4"), settings, network=None)
    for index in range(2):
        write_run(Run(whole.member(index).path), dataclasses.replace(settings, members=1, seed=index))
    target = find_target(Options(logdir=str(tmp_path)))
    assert target.network_file == whole.member(0).model_file
    assert target.folder == whole.member(0).path / "explanations"
    assert "has 2 networks" in target.warnings[0]


def test_another_network_or_other_images_are_another_identity(tmp_path):
    run = new_run(tmp_path)
    options = Options(logdir=str(tmp_path))
    first = find_target(options).identity
    assert find_target(options).identity == first
    assert find_target(dataclasses.replace(options, limit=21)).identity != first
    assert find_target(dataclasses.replace(options, split="PrivateTest")).identity != first
    run.model_file.write_bytes(b"another network")
    assert find_target(options).identity != first


def test_another_epoch_than_the_kept_one_is_explained_in_a_folder_of_its_own(tmp_path):
    run = new_run(tmp_path)
    run.epoch_file(4).parent.mkdir()
    run.epoch_file(4).write_bytes(b"as it was then")
    target = find_target(Options(logdir=str(tmp_path), epoch=4))
    assert target.network_file == run.epoch_file(4) and target.name == f"{run.path.name}, epoch 4"
    assert target.folder == run.path / "explanations" / "epoch-4"


def test_a_missing_network_is_said(tmp_path):
    new_run(tmp_path).model_file.unlink()
    with pytest.raises(UserError, match=r"no network at .*model.keras"):
        find_target(Options(logdir=str(tmp_path)))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(UserError, match=r"no file .*other.keras"):
        find_target(Options(model=tmp_path / "other.keras"))


def test_where_nothing_was_held_out_publictest_is_explained_and_privatetest_left_alone(tmp_path):
    settings = Settings(data="synthetic", arch="cnn4", limit=LIMIT, keep="last")
    write_run(create_run(tmp_path, "cnn4"), settings, validation_split="")
    assert set(find_target(Options(logdir=str(tmp_path))).faces.usage) == {"PublicTest"}
