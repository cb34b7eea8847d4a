"""A whole training job on a few synthetic faces: what it leaves behind, and what it refuses."""

import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_keras import cli
from fer_keras.config import Settings
from fer_keras.data.prepare import load_faces
from fer_keras.errors import UserError
from fer_keras.files import write_json
from fer_keras.inference import predict_probabilities
from fer_keras.models.files import open_model
from fer_keras.runs import Run, RunConfig, read_config, write_config
from fer_keras.training import callbacks, defaults, job, loop
from fer_keras.training.device import Device
from fer_keras.training.lock import only_here
from fer_keras.training.progress import COLUMNS, EpochRow, Progress
from fer_keras.training.summary import introduce, validation_rows

pytestmark = pytest.mark.usefixtures("tiny_network", "undrawn")

ROOT = Path(__file__).parents[2]
TINY = {"data": "synthetic", "limit": 21, "arch": "cnn_plain", "epochs": 1, "batch_size": 16, "precision": "float32"}


def start(logdir, **settings):
    return job.start(Settings(**TINY | settings), logdir=str(logdir), name=None, command=["train.py"])


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


def test_a_resumed_run_keeps_the_precision_that_it_began_with(finished, tmp_path, monkeypatch):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    config = read_config(run)
    write_config(run, RunConfig(dataclasses.replace(config.settings, precision="auto"), config.data))
    environment = json.loads(run.environment_file.read_text())
    run.environment_file.write_text(json.dumps(environment | {"precision": "float16"}))
    asked = []
    monkeypatch.setattr(job, "find_device", lambda precision: asked.append(precision) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])
    assert asked == ["float16"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("backend", "jax", "began with KERAS_BACKEND=jax: expected the same, received tensorflow"),
        ("precision", "bf16", "expected precision to be one of auto, .*Received: 'bf16'"),
    ],
)
def test_a_run_is_not_resumed_by_other_arithmetic(finished, tmp_path, key, value, said):
    run = Run(tmp_path / "stopped")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    write_json(run.environment_file, json.loads(run.environment_file.read_text()) | {key: value})
    with pytest.raises(UserError, match=said):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=["train.py"])


def test_a_run_on_data_that_are_others_now_is_not_resumed(finished, tmp_path):
    run = Run(tmp_path / "stopped")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    config = read_config(run)
    write_config(run, RunConfig(config.settings, config.data | {"sha256": "0" * 64}))
    with pytest.raises(UserError, match=r"expected the data that the run began with \(SHA-256 000000000000\.\.\.\), "):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=["train.py"])


@pytest.mark.parametrize("part", ["training", "validation"])
def test_a_run_whose_images_another_version_chose_is_not_resumed(finished, tmp_path, part):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    config = read_config(run)
    write_config(run, RunConfig(config.settings, config.data | {part: config.data[part] + 1}))
    with pytest.raises(UserError, match=f"expected the {config.data[part] + 1} {part} images that it began with"):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])


@pytest.mark.parametrize("name", ["model.keras", "environment.json"])
def test_a_run_that_has_lost_what_it_ends_with_is_not_trained_in_vain(finished, tmp_path, name):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    (run.path / name).unlink()
    with pytest.raises(UserError, match=f"{name} is gone, which the run needs to go on"):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])


@pytest.mark.parametrize("fine_tuning", [False, True])
def test_a_run_whose_checkpoint_is_lost_does_not_begin_anew_over_its_history(finished, tmp_path, fine_tuning):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    run.checkpoint_file.unlink()
    header, first, *_ = history = run.history_file.read_text().splitlines(keepends=True)
    if fine_tuning:
        run.history_file.write_text(header + first)
        run.fine_tune_start_file.touch()
    kept = run.history_file.read_text()
    assert len(history) == 3
    with pytest.raises(UserError, match=r"last\.npz is gone, which the run needs to go on"):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])
    assert run.history_file.read_text() == kept


def test_a_run_killed_before_its_first_checkpoint_begins_anew(finished, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    run.checkpoint_file.unlink()
    history = run.history_file.read_text().splitlines(keepends=True)
    run.history_file.write_text("".join(history[:2]))
    half = run.checkpoint_file.with_name(".last-abcd1234.npz")
    half.touch()
    job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])
    again = run.history_file.read_text().splitlines(keepends=True)
    assert [row.rsplit(",", 1)[0] for row in again] == [row.rsplit(",", 1)[0] for row in history]
    assert run.finished and not half.exists()


def test_fine_tuning_does_not_begin_without_the_network_that_it_begins_with(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(loop, "begin_fine_tuning", interrupted)
        start(tmp_path, keep="last", fine_tune_epochs=1)
    (path,) = tmp_path.iterdir()
    Run(path).model_file.unlink()
    with pytest.raises(UserError, match=r"model\.keras is gone, which the run needs to go on"):
        job.resume(str(path), logdir=str(tmp_path), data=None, command=[])


def test_a_finished_run_is_not_resumed(finished, tmp_path):
    with pytest.raises(UserError, match="is finished, nothing to resume"):
        job.resume(str(finished.path), logdir=str(tmp_path), data=None, command=["train.py"])


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
    monkeypatch.setattr(job, "_train_one", lambda run, *_, **__: write_json(run.result_file, next(told)))
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


FIRST = {"run": "first", "split": {"sha256": "ab"}, "keep": "best"}


@pytest.mark.parametrize(
    ("keep", "starts_from", "said"),
    [
        ("best", [], "(it chose the epoch: a little too good to be true)"),
        ("last", [], "(it chose nothing)"),
        ("last", [FIRST | {"keep": "last"}], "(it chose nothing)"),
        ("last", [FIRST], "(it chose the epoch of first, where this run comes from: a little too good to be true)"),
        (
            "last",
            [{"run": "old", "split": {"sha256": "ab"}}],  # recorded before there was --keep: its best epoch
            "(it chose the epoch of old, where this run comes from: a little too good to be true)",
        ),
        ("last", [FIRST | {"split": {"sha256": "c"}}], "(it chose nothing; what first saw of other data counts too)"),
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


def test_ctrl_c_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupted(self, batch, logs=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(job.EpochBar, "on_train_batch_end", interrupted)
    code = cli.guarded(lambda: start(tmp_path, drop_uniform=True), "train.py")
    (run,) = tmp_path.iterdir()
    told = capsys.readouterr().out
    assert code == 130 and f"kept before its first epoch. To go on:\n  python train.py --resume {run}" in told
    assert told.count("left out 0 nearly uniform training images") == 1
    again = {"logdir": str(tmp_path), "data": None, "command": [], "go_on": "python train.py --config x.json"}
    assert cli.guarded(lambda: job.resume(str(run), **again), "train.py") == 130
    assert "To go on:\n  python train.py --config x.json\n" in capsys.readouterr().out


@pytest.fixture
def interruptible():
    """Let Ctrl-C interrupt, though the tests may run in the background, where a shell has it ignored."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


def test_a_run_is_gone_on_with_wherever_it_and_its_start_stand(tmp_path, monkeypatch, interruptible):
    first = start(tmp_path)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(job.EpochBar, "on_train_batch_end", lambda *_, **__: signal.raise_signal(signal.SIGINT))
        job.start(
            Settings(**TINY | {"init_from": (first.path.name,), "keep": "last", "members": 2}),
            logdir=str(tmp_path),
            name="second",
            command=["train.py"],
        )
    (stopped,) = tmp_path.glob("*-second")
    environment = (stopped / "members" / "00" / "environment.json").read_text()
    with only_here(Run(stopped)), pytest.raises(UserError, match="is being trained by another process"):
        job.resume(str(stopped / "members" / "00"), logdir="logs", data=None, command=["train.py"])
    run = job.resume(str(stopped), logdir="logs", data=None, command=["train.py", "--resume"])
    assert run.finished and run.member(1).finished
    assert (stopped / "members" / "00" / "environment.json").read_text() == environment


def test_a_run_that_another_process_trains_is_left_alone(tmp_path, finished):
    held = "import sys; from fer_keras.runs import Run; from fer_keras.training.lock import only_here\n"
    held += "from pathlib import Path\nwith only_here(Run(Path(sys.argv[1]))): print(); sys.stdin.read()"
    command = [sys.executable, "-c", held, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(UserError, match="is being trained by another process"), only_here(Run(tmp_path)):
            pass
        other.kill()
    with only_here(Run(tmp_path)):  # the system has let go of it
        pass


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


@pytest.mark.parametrize(
    ("seconds", "said"), [(2.5, "No FER2013 here, so this run trains"), (None, "This run goes on with the built-in")]
)
def test_a_run_that_goes_on_is_not_told_to_put_data_in_place(capsys, seconds, said):
    record = {"synthetic": True, "source": "synthetic faces", "rule": "", "training": 7, "validation": 7}
    split, device = SimpleNamespace(record=record), Device("CPU", "one", 1, "float32")
    introduce(Run(Path("logs/first")), Settings(), split, device, seconds)
    assert capsys.readouterr().out.startswith(said)


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_the_jax_backend_trains_and_tensorflow_opens_its_model(tmp_path):
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    command = [
        sys.executable,
        "train.py",
        "--logdir",
        str(tmp_path),
        "--optimizer=muon",
        "--rollback",
        "--fine-tune-epochs=1",
        *flags,
    ]
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.iterdir()
    assert len((path / "history.csv").read_text().splitlines()) == 3
    assert open_model(path / "model.keras").output.shape == (None, 7)


TWO_DEVICES = """
import keras, sys
from fer_keras.config import Settings
from fer_keras.errors import UserError
from fer_keras.training import job
from fer_keras.training.device import Device

job.find_device = lambda precision: Device("GPU", "half a CPU", 2, "float32")
settings = {"data": "synthetic", "limit": 49, "arch": "cnn_plain", "epochs": 1}
job.start(Settings(**settings, batch_size=16), logdir=sys.argv[1], name=None, command=[])
assert keras.distribution.distribution() is None
try:
    job.start(Settings(**settings, batch_size=15), logdir=sys.argv[1], name=None, command=[])
except UserError as error:
    assert "--batch-size: expected a multiple of 2" in str(error)
else:
    raise AssertionError
"""


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_jax_trains_on_two_devices_whatever_the_number_of_images(tmp_path):
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    command = [sys.executable, "-c", TWO_DEVICES, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.iterdir()
    assert (path / "result.json").is_file()


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
