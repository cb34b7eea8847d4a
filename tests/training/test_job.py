"""A whole training job on a few synthetic faces: what it leaves behind, and what it refuses."""

import csv
import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras import cli
from fer_keras.config import Settings
from fer_keras.data.prepare import load_faces
from fer_keras.errors import UserError
from fer_keras.files import write_json
from fer_keras.inference import predict_probabilities
from fer_keras.models.files import open_model
from fer_keras.provenance import Ancestor, SplitRecipe
from fer_keras.runs import RunConfig, read_config
from fer_keras.training import callbacks, defaults, job
from fer_keras.training.progress import COLUMNS, EpochRow, Progress
from fer_keras.training.summary import validation_rows
from tests.training.tiny_runs import TINY, start

pytestmark = pytest.mark.usefixtures("tiny_network", "undrawn")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return start(tmp_path_factory.mktemp("logs"), epochs=2, save_every=1, seed=3)


def history(run):
    with run.history_file.open() as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_all_that_the_contract_names(finished):
    for file in ("config.json", "environment.json", "history.csv", "model.keras", "result.json", "summary.txt"):
        assert (finished.path / file).stat().st_size > 0, file
    for name in ("history", "classes", "model", "augmentation"):
        assert finished.figure(name).read_bytes().startswith(b"\x89PNG"), name
    for split in ("train", "validation"):
        assert list((finished.tensorboard() / split).glob("events*")), split
    assert finished.finished and not list(finished.path.rglob(".*"))


def test_history_has_a_row_for_each_epoch(finished):
    rows = history(finished)
    assert tuple(rows[0]) == COLUMNS and [row["epoch"] for row in rows] == ["1", "2"]


def test_config_says_what_was_trained_on(finished):
    config = read_config(finished)
    assert config.settings.seed == 3 and config.settings.epochs == 2
    assert config.data["synthetic"] is True and config.data["validation_split"] == "PublicTest"
    assert (config.data["training"], config.data["validation"]) == (21, 21)
    assert config.data["testable"] == ["PrivateTest"]


def test_the_environment_tells_the_seed_and_the_command(finished):
    environment = json.loads(finished.environment_file.read_text())
    assert (environment["seed"], environment["command"]) == (3, ["train.py"])
    assert environment["precision"] == "float32" and environment["backend"] == keras.backend.backend()


def test_the_summary_names_the_layers(finished):
    summary = finished.summary_file.read_text()
    for layer in open_model(finished.model_file).layers:
        assert layer.name in summary


def test_the_saved_model_is_stock_keras_in_float32(finished):
    model = keras.saving.load_model(finished.model_file, safe_mode=True)
    assert all(type(layer).__module__.startswith("keras.src.") for layer in model.layers)
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert model.output.shape == (None, 7)


def test_the_recorded_accuracy_is_what_the_saved_model_reaches(finished):
    faces = load_faces("synthetic", limit=21).split("PublicTest")
    predicted = predict_probabilities(open_model(finished.model_file), faces.images).argmax(axis=1)
    result = json.loads(finished.result_file.read_text())
    assert result["val_accuracy"] == pytest.approx((predicted == faces.labels).mean())
    best = max(float(row["val_accuracy"]) for row in history(finished))
    assert result["val_accuracy"] == pytest.approx(best)


@pytest.mark.parametrize(
    ("settings", "speed", "accuracy", "loss"),
    [({"val_fraction": 1 / 3}, 4.0, 0.75, 1.25), ({"keep": "last"}, 6.0, None, None)],
    ids=["a third held out", "nothing held out"],
)
def test_a_result_counts_the_images_of_training_and_the_seconds_of_all_epochs(
    tmp_path, monkeypatch, settings, speed, accuracy, loss
):
    """Two epochs, in 2 and 5 s, of 14 or of all 21 images: 28 or 42 images in 7 s."""
    rows = [EpochRow("train", n, 1.0, 0.5, 1.25, 0.75, 0.001, seconds) for n, seconds in ((1, 2.0), (2, 5.0))]
    progress = Progress(rows=rows, best_epoch=1, best_accuracy=0.75, best_loss=1.25)
    monkeypatch.setattr(job, "train", lambda *_, **__: progress)
    monkeypatch.setattr(job, "conclude", lambda *_: None)
    assert job.read_result(start(tmp_path, **settings)) == {
        "best_epoch": 1,
        "val_accuracy": accuracy,
        "val_loss": loss,
        "epochs": 2,
        "seconds": 7.0,
        "images_per_second": speed,
    }


def test_the_result_of_an_ensemble_has_the_seconds_of_all_and_their_mean_accuracy(tmp_path, monkeypatch):
    results = [{"val_accuracy": accuracy, "seconds": seconds} for accuracy, seconds in ((0.5, 10.0), (0.75, 20.5))]
    told = iter(results)
    monkeypatch.setattr(job, "_train_one", lambda one, *_, **__: write_json(one.run.result_file, next(told)))
    monkeypatch.setattr(job, "conclude", lambda *_: None)
    run = start(tmp_path, members=2, limit=42)
    assert job.read_result(run) == {"members": results, "val_accuracy": 0.625, "seconds": 30.5}


def test_every_nth_epoch_is_kept(finished):
    assert finished.epoch_file(1).is_file() and finished.epoch_file(2).is_file()


def test_members_have_their_own_seeds_and_validation_sets(tmp_path):
    run = start(tmp_path, members=2, limit=42)
    configs = [read_config(run.member(index)) for index in range(2)]
    assert [config.settings.seed for config in configs] == [0, 1]
    assert all(config.settings.val_fraction == 0.1 for config in configs)
    assert "seed 0" in configs[0].data["rule"] and "seed 1" in configs[1].data["rule"]
    whole = read_config(run).data["rule"]
    assert whole.startswith("2 networks, by seeds 0 to 1, a part for each. The first: Trains on ")
    assert all("PublicTest" in config.data["testable"] for config in configs)
    results = json.loads(run.result_file.read_text())["members"]
    assert len(results) == 2 and all(run.member(index).model_file.is_file() for index in range(2))


def test_a_run_that_holds_nothing_out_measures_batch_statistics_once_at_its_end(tmp_path, monkeypatch):
    measured = []
    calibrate = callbacks.calibrate_batch_norm
    monkeypatch.setattr(callbacks, "calibrate_batch_norm", lambda *given: (measured.append(1), calibrate(*given)))
    run = start(tmp_path, epochs=3, keep="last")
    assert len(measured) == 1
    assert run.model_file.is_file()


def test_members_that_hold_nothing_out_train_on_all_and_keep_their_last_epochs(tmp_path, capsys):
    whole = start(tmp_path, epochs=2, keep="last", save_every=1, members=2)
    assert json.loads(whole.result_file.read_text())["val_accuracy"] is None
    told = capsys.readouterr().out
    assert "validation accuracy" not in told and ["member", "1", "epoch", "2"] in map(str.split, told.splitlines())
    members = [whole.member(index) for index in range(2)]
    for seed, run in enumerate(members):
        config, result = read_config(run), json.loads(run.result_file.read_text())
        assert (config.settings.seed, config.settings.early_stop) == (seed, 0)
        assert (config.data["training"], config.data["validation"], config.data["validation_split"]) == (21, 0, "")
        assert config.data["testable"] == ["PublicTest", "PrivateTest"]
        assert (result["best_epoch"], result["val_accuracy"], result["val_loss"]) == (2, None, None)
        assert [(row["val_loss"], row["val_accuracy"]) for row in history(run)] == [("", ""), ("", "")]
        kept, first, last = map(first_kernel, (run.model_file, run.epoch_file(1), run.epoch_file(2)))
        assert np.any(first != last) and np.array_equal(kept, last)
    one, other = (first_kernel(run.model_file) for run in members)
    assert np.any(one != other)


def first_kernel(file):
    return keras.ops.convert_to_numpy(open_model(file).trainable_weights[0])


def ancestor(name, sha256="ab", **given):
    values = Ancestor(name, SplitRecipe.of(Settings(), sha256), "PublicTest", ("PrivateTest",)).to_json()
    return {key: value for key, value in (values | given).items() if value is not None}


FIRST = ancestor("first")


@pytest.mark.parametrize(
    ("keep", "starts_from", "said"),
    [
        ("best", [], "(it chose the epoch: a little too good to be true)"),
        ("last", [], "(it chose nothing)"),
        ("last", [FIRST | {"keep": "last"}], "(it chose nothing)"),
        ("last", [FIRST], "(it chose the epoch of first, where this run comes from: a little too good to be true)"),
        (
            "last",
            [ancestor("old", keep=None)],  # recorded before there was --keep: its best epoch
            "(it chose the epoch of old, where this run comes from: a little too good to be true)",
        ),
        ("last", [ancestor("first", "c")], "(it chose nothing; what first saw of other data counts too)"),
    ],
)
def test_what_validation_images_chose_is_told_at_the_end(keep, starts_from, said):
    config = RunConfig(Settings(keep=keep), {"sha256": "ab", "starts_from": starts_from})
    rows = validation_rows({"val_accuracy": 0.5, "val_loss": 1.25}, config)
    assert rows == [("validation accuracy", f"0.5000 {said}"), ("validation loss", "1.2500")]


def test_the_network_is_that_of_the_starting_weights_unless_another_was_asked_for(finished):
    asked = Settings(init_from=(str(finished.path),))
    assert job.with_starting_network(asked, {"init_from"}, "logs").arch == "cnn_plain"
    assert job.with_starting_network(asked, {"init_from", "arch"}, "logs").arch == "vgg25"
    assert job.with_starting_network(Settings(), {}, "logs").arch == "vgg25"


def test_a_run_can_start_from_the_weights_of_another(tmp_path, finished):
    # a rate too small to change a float32 weight: what comes out are the weights that went in
    frozen = {"optimizer": "sgd", "learning_rate": 1e-30, "schedule": "constant", "warmup_epochs": 0}
    run = start(tmp_path, init_from=(str(finished.path),), **frozen)
    ours, theirs = open_model(run.model_file), open_model(finished.model_file)
    for a, b in zip(ours.trainable_weights, theirs.trainable_weights, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b))


def test_weights_of_another_network_are_refused(tmp_path, finished):
    with pytest.raises(UserError, match=r"expected a run of cnn4, received .*, one of cnn_plain\. Leave"):
        start(tmp_path, arch="cnn4", init_from=(str(finished.path),))
    assert not list(tmp_path.iterdir())


def test_a_loss_that_is_not_finite_ends_the_run_and_names_step_and_rate(tmp_path):
    explosive = {"optimizer": "sgd", "learning_rate": 1e30, "schedule": "constant", "warmup_epochs": 0}
    with pytest.raises(UserError, match=r"the loss became (nan|inf) at step \d of epoch 1, learning rate 1e\+30"):
        start(tmp_path, **explosive)
    (run,) = tmp_path.iterdir()
    assert not (run / "model.keras").exists() and not (run / "result.json").exists()


def test_history_has_the_rate_of_the_last_step_of_each_epoch(tmp_path):
    run = start(tmp_path, epochs=2, batch_size=7, optimizer="sgd", learning_rate=0.2, warmup_epochs=0, limit=21)
    recorded = [float(row["learning_rate"]) for row in history(run)]
    steps = 3  # an epoch; the last of 6 is the end of the cosine, the third 2/5 of the way there
    cosine = [0.001 + 0.999 * (1 + np.cos(np.pi * step / (2 * steps - 1))) / 2 for step in (steps - 1, 2 * steps - 1)]
    np.testing.assert_allclose(recorded, 0.2 * np.array(cosine), rtol=1e-4)


def test_a_log_folder_that_cannot_be_made_is_told_in_one_line(tmp_path, capsys):
    (tmp_path / "logs").write_text("a file")
    assert cli.guarded(lambda: start(tmp_path / "logs"), "train.py") == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "logs") in said and said.count("\n") == 1


def test_bad_data_leaves_no_run_behind(tmp_path):
    data = tmp_path / "faces.csv"
    data.write_text("emotion,pixels,Usage\n" + f"7,{' '.join(['0'] * 2304)},Training\n")
    with pytest.raises(UserError, match="row 2"):
        start(tmp_path / "logs", data=str(data))
    assert not (tmp_path / "logs").exists()


def test_cross_validation_trains_a_network_for_each_part(tmp_path):
    run = start(tmp_path, folds=3, limit=42)
    training = load_faces("synthetic", limit=42).split("Training")
    configs = [read_config(run.member(index)) for index in range(3)]
    assert [config.settings.fold for config in configs] == [0, 1, 2]
    assert sum(config.data["validation"] for config in configs) == len(training)
    assert all(config.data["training"] + config.data["validation"] == len(training) for config in configs)
    assert all(config.data["testable"] == ["PublicTest", "PrivateTest"] for config in configs)
    assert len(json.loads(run.result_file.read_text())["members"]) == 3
    with pytest.raises(UserError, match=r"has several networks. Expected one of them, e\.g\. .*members/00$"):
        start(tmp_path, init_from=(str(run.path),))


def test_one_part_of_a_cross_validation_is_trained_alone(tmp_path):
    run = start(tmp_path, folds=3, fold=1, limit=42)
    assert run.model_file.is_file() and "part 1 of 3" in read_config(run).data["rule"]


def test_where_there_are_many_images_the_recipe_for_many_is_in_force(tmp_path, monkeypatch):
    monkeypatch.setattr(defaults, "MANY", 21)
    settings = Settings(**TINY)
    run = job.start(settings, logdir=str(tmp_path), name=None, command=[], given={*TINY})
    in_force = read_config(run).settings
    assert (in_force.optimizer, in_force.learning_rate, in_force.label_smoothing) == ("muon", 0.1, 0.1)
    assert in_force.batch_size == TINY["batch_size"] and in_force.dropout == 0


def test_images_that_trained_the_starting_weights_may_not_select(tmp_path, finished):
    with pytest.raises(UserError, match="that would validate it have trained"):
        start(tmp_path, init_from=(str(finished.path),), val_fraction=0.4)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("given", "fraction"), [(set(), 0.1), ({"val_fraction"}, 0.0)])
def test_members_hold_out_a_tenth_of_their_own_unless_none_was_asked_for(given, fraction):
    settings = job.before_the_data(Settings(members=3), {"members", *given}, "logs")
    assert settings.val_fraction == fraction


def test_a_batch_that_the_memory_cannot_hold_is_told_and_other_errors_are_ours(tmp_path, monkeypatch):
    tensorflow = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[16384,48,48,64]")
    jax = RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9663676416 bytes.")
    disk = tf.errors.ResourceExhaustedError(None, None, "logs/tensorboard/events; No space left on device")
    for i, error in enumerate((tensorflow, jax, disk, RuntimeError("shapes differ"))):
        monkeypatch.setattr(job, "train", lambda *_, **__: raise_(error))  # noqa: B023
        with pytest.raises(UserError if i < 2 else type(error)) as raised:
            start(tmp_path / str(i), batch_size=16)
        said = str(raised.value)
        assert said.startswith("--batch-size: 16 images at a time are more than") if i < 2 else raised.value is error


def raise_(error):
    raise error
