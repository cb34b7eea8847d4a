"""What a network learns from the predictions of others."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.prepare import load_faces
from fer_keras.errors import UserError
from fer_keras.files import read_npz, write_json, write_npz, write_text
from fer_keras.models.files import open_model, save_model
from fer_keras.models.registry import build
from fer_keras.runs import Run, RunConfig, read_config, write_config
from fer_keras.training import job
from fer_keras.training.split import choose_split
from fer_keras.training.teachers import fast_network, find_teachers, mixed_targets, targets_of
from tests.training.tiny_runs import TINY, start

pytestmark = pytest.mark.usefixtures("tiny_network", "undrawn")


def make_run(path: Path, **given) -> Run:
    """Make a finished run on the synthetic faces whose network was never trained."""
    run, settings = Run(path), Settings(**TINY | given)
    faces = load_faces("synthetic", limit=21)
    write_config(run, RunConfig(settings, choose_split(faces, settings, str(path.parent)).record))
    save_model(build(settings.arch, seed=settings.seed), run.model_file)
    write_json(run.result_file, {})
    return run


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    """Two runs, whose networks are their own in seed and size."""
    logdir = tmp_path_factory.mktemp("teachers")
    return make_run(logdir / "one", seed=1), make_run(logdir / "other", seed=2, arch="cnn3")


def names(runs) -> tuple[str, ...]:
    return tuple(str(run.path) for run in runs)


def test_targets_are_shares_of_labels_and_of_what_was_said():
    said = np.array([[0.5, 0.5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 1.0]])
    targets = mixed_targets(np.array([0, 3]), said, 0.25)
    expected = [[0.875, 0.125, 0, 0, 0, 0, 0], [0, 0, 0, 0.75, 0, 0, 0.25]]
    np.testing.assert_allclose(targets, expected, atol=1e-7)
    assert targets.dtype == np.float32


@pytest.mark.parametrize(("precision", "close"), [("float32", 1e-5), ("bfloat16", 2e-3)])
def test_teachers_say_the_mean_over_networks_and_mirror_images(tmp_path, teachers, precision, close):
    faces = load_faces("synthetic", limit=21).split("Training")
    settings = Settings(**TINY, teachers=names(teachers), teacher_weight=0.6)
    targets = targets_of(Run(tmp_path), settings, faces, str(tmp_path), precision)
    pixels = faces.images[..., None].astype(np.float32)
    views = [model([x]) for model in map(open_model, (run.model_file for run in teachers)) for x in mirrored(pixels)]
    expected = 0.6 * np.mean([np.asarray(view) for view in views], axis=0) + 0.4 * np.eye(7)[faces.labels]
    np.testing.assert_allclose(targets, expected, atol=close)


def test_a_teacher_whose_architecture_has_changed_since_is_asked_as_it_was_saved(tmp_path):
    run = make_run(tmp_path / "older", arch="cnn_plain")
    save_model(build("cnn3", seed=3), run.model_file)
    images = load_faces("synthetic", limit=21).split("Training").images[:2]
    said = np.asarray(open_model(run.model_file)([images[..., None].astype(np.float32)]))
    np.testing.assert_allclose(fast_network(run, "bfloat16")([images[..., None].astype(np.float32)]), said, atol=1e-6)


def mirrored(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return pixels, pixels[:, :, ::-1]


def test_teachers_are_asked_once(tmp_path, teachers):
    faces = load_faces("synthetic", limit=21).split("Training")
    settings = Settings(**TINY, teachers=names(teachers))
    kept = np.random.default_rng(0).dirichlet(np.ones(7), len(faces)).astype(np.float32)
    write_npz(Run(tmp_path).targets_file, targets=kept)
    np.testing.assert_array_equal(targets_of(Run(tmp_path), settings, faces, str(tmp_path), "float32"), kept)
    with pytest.raises(UserError, match=r"expected targets of shape \(2, 7\), received \(21, 7\)\. Delete it"):
        targets_of(Run(tmp_path), settings, faces.take(np.arange(2)), str(tmp_path), "float32")


@pytest.mark.parametrize(("given", "asked"), [({"members": 2, "keep": "last"}, 1), ({"folds": 2}, 2)])
def test_members_ask_again_where_their_images_are_others(tmp_path, teachers, capsys, given, asked):
    random, file = np.random.default_rng(0), tmp_path / "faces.csv"
    rows = (f"{i % 7},{' '.join(map(str, random.integers(0, 256, 2304)))},Training" for i in range(28))
    write_text(file, "\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    run = start(tmp_path, data=str(file), teachers=names(teachers), **given)
    assert capsys.readouterr().out.count("asking 2 teachers") == asked
    for index, own in enumerate(read_config(run).settings.each_member()):
        training = choose_split(load_faces(str(file), limit=21), own, str(tmp_path)).training
        anew = targets_of(Run(tmp_path / str(index)), own, training, str(tmp_path), "float32")
        np.testing.assert_array_equal(read_npz(run.member(index).targets_file, ["targets"])["targets"], anew)


def test_a_pupil_goes_on_without_the_runs_that_it_began_from(tmp_path):
    """Killed before its result was written; what it began from and learns from has been removed since."""
    first = make_run(tmp_path / "first")
    pupil = start(tmp_path, init_from=("first",), teachers=("first",))
    before = read_config(pupil)
    shutil.rmtree(first.path)
    pupil.result_file.unlink()
    job.resume(str(pupil.path), logdir=str(tmp_path), data=None, command=["train.py"])
    assert pupil.finished and read_config(pupil) == before


def test_a_pupil_learns_what_its_teachers_say(tmp_path):
    """A teacher that says one emotion of every face, and has the whole say: the pupil says it too."""
    obsessed = make_run(tmp_path / "obsessed")
    model = open_model(obsessed.model_file)
    kernel, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([np.zeros_like(kernel), 20.0 * np.eye(7)[4].astype(bias.dtype)])
    save_model(model, obsessed.model_file)
    recipe = {"epochs": 6, "save_every": 6, "learning_rate": 0.1, "teacher_weight": 1.0}
    taught = start(tmp_path, teachers=(str(obsessed.path),), **recipe)
    faces = load_faces("synthetic", limit=21).split("Training")
    said = open_model(taught.epoch_file(6)).predict(faces.images[..., None].astype(np.float32), verbose=0)
    assert (said.argmax(axis=1) == 4).all()
    config = read_config(taught)
    assert [parent["run"] for parent in config.data["starts_from"]] == ["obsessed"]


def test_config_has_the_whole_names_of_runs_that_were_named_by_a_word(tmp_path):
    first = make_run(tmp_path / "20260102-120005-cnn_plain-first")
    named = {"init_from": ("first",), "teachers": ("first",), "drop_disputed": "first"}
    settings = job.with_names(Settings(**TINY, **named), str(tmp_path))
    assert {*settings.init_from, *settings.teachers, settings.drop_disputed} == {first.path.name}


def test_teachers_that_see_other_pixels_are_refused(tmp_path, teachers):
    settings = Settings(**TINY, teachers=names(teachers), equalize=True)
    with pytest.raises(UserError, match="was trained without --equalize"):
        find_teachers(settings, str(tmp_path))


def test_a_teacher_that_is_named_twice_or_still_learns_is_refused(tmp_path, teachers):
    first = teachers[0]
    twice = (str(first.path), f"{first.path}/")
    with pytest.raises(UserError, match=r"--teachers: .* is there twice and would be heard twice"):
        find_teachers(Settings(**TINY, teachers=twice), str(tmp_path))
    learning = Run(tmp_path / "learning")
    learning.path.mkdir()
    for name in ("config.json", "model.keras"):
        (learning.path / name).write_bytes((first.path / name).read_bytes())
    with pytest.raises(UserError, match="is not trained to its end"):
        find_teachers(Settings(**TINY, teachers=(str(learning.path),)), str(tmp_path))
    with pytest.raises(UserError, match=r"--init-from: .* is not trained to its end: python train\.py --resume"):
        job.start(Settings(**TINY, init_from=(str(learning.path),)), logdir=str(tmp_path), name=None, command=[])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file"])
def test_damaged_targets_are_told_in_one_line(tmp_path, teachers, content):
    faces = load_faces("synthetic", limit=21).split("Training")
    Run(tmp_path).targets_file.write_bytes(content)
    with pytest.raises(UserError, match=r"targets\.npz: expected targets, received a damaged file .* Delete it"):
        targets_of(Run(tmp_path), Settings(**TINY, teachers=names(teachers)), faces, str(tmp_path), "float32")


def test_an_ensemble_is_no_teacher(tmp_path):
    run = Run(tmp_path / "five")
    write_json(run.config_file, {})
    save_model(build("cnn_plain"), run.member(0).model_file)
    with pytest.raises(UserError, match=r"--teachers: .* has several networks\. Expected one of them, e\.g\. .*00$"):
        find_teachers(Settings(**TINY, teachers=(str(run.path),)), str(tmp_path))
