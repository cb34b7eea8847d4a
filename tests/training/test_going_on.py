"""A run that was stopped: how it is gone on with, and what `--resume` refuses."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fer_keras import cli
from fer_keras.config import Settings
from fer_keras.errors import UserError
from fer_keras.files import read_npz, write_json, write_npz, written_aside
from fer_keras.runs import Run, RunConfig, read_config, write_config
from fer_keras.training import job, loop
from fer_keras.training.checkpoint import read_progress
from fer_keras.training.device import Device
from fer_keras.training.going_on import home_of, refuse_without_files, remove_half_written
from fer_keras.training.lock import only_here
from fer_keras.training.summary import introduce
from tests.training.tiny_runs import TINY, start

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("tiny_network", "undrawn")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return start(tmp_path_factory.mktemp("logs"), epochs=2)


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


def test_a_run_whose_network_is_damaged_is_not_trained_in_vain(finished, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    run.model_file.write_bytes(run.model_file.read_bytes()[:500])
    with pytest.raises(UserError, match=r"model\.keras: expected a network"):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])
    assert not run.finished


def test_a_run_that_is_moved_while_it_trains_says_how_to_go_on(tmp_path, monkeypatch):
    def moved(run, *_, **__):
        run.path.rename(tmp_path / "elsewhere")
        raise FileNotFoundError(2, "No such file or directory", str(run.history_file))

    monkeypatch.setattr(job, "train", moved)
    with pytest.raises(UserError, match=r"is gone: was it moved\? .* python train\.py --resume PLACE"):
        start(tmp_path)


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
    half = run.checkpoint_file.with_name(".fer_keras-abcd1234.npz")
    half.touch()
    job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])
    again = run.history_file.read_text().splitlines(keepends=True)
    assert [row.rsplit(",", 1)[0] for row in again] == [row.rsplit(",", 1)[0] for row in history]
    assert run.finished and not half.exists()


def test_a_resumed_run_tells_the_time_of_all_its_epochs(finished, tmp_path, capsys):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    arrays, progress = read_npz(run.checkpoint_file), read_progress(run.checkpoint_file)
    progress.rows = [dataclasses.replace(row, seconds=0.5) for row in progress.rows]
    write_npz(run.checkpoint_file, **arrays | {"progress": np.array(progress.to_json())})
    job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])
    assert "; all its epochs took 1 s\n" in capsys.readouterr().out
    start(tmp_path)
    assert "all its epochs" not in capsys.readouterr().out


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


@pytest.mark.parametrize(
    ("seconds", "said"), [(2.5, "No FER2013 here, so this run trains"), (None, "This run goes on with the built-in")]
)
def test_a_run_that_goes_on_is_not_told_to_put_data_in_place(capsys, seconds, said):
    record = {"synthetic": True, "source": "synthetic faces", "rule": "", "sha256": "", "training": 7, "validation": 7}
    split, device = SimpleNamespace(record=record), Device("CPU", "one", 1, "float32")
    introduce(Run(Path("logs/first")), Settings(), split, device, seconds)
    assert capsys.readouterr().out.startswith(said)


def test_runs_that_a_run_names_are_found_beside_it_though_one_of_them_is_elsewhere(finished, tmp_path):
    named = {"init_from": ("first",), "teachers": (str(finished.path),)}
    for name, settings in (("first", {}), ("second", named)):
        run = Run(tmp_path / name)
        run.path.mkdir()
        write_config(run, RunConfig(Settings(**settings), read_config(finished).data))
    assert home_of(Run(tmp_path / "second"), "logs") == str(tmp_path)
    assert home_of(Run(tmp_path / "first"), "logs") == "logs"


def test_a_run_that_has_only_its_result_to_write_does_not_end_without_its_network(finished, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    config = read_config(run)
    write_config(run, RunConfig(dataclasses.replace(config.settings, keep="last", val_fraction=0.2), config.data))
    run.model_file.unlink()
    with pytest.raises(UserError, match=r"model\.keras is gone, which the run needs to go on"):
        refuse_without_files(run, read_config(run).settings)


def test_a_run_whose_copies_another_search_left_out_is_not_resumed(finished, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    run.result_file.unlink()
    config = read_config(run)
    write_config(run, RunConfig(config.settings, config.data | {"copies_by": 3}))  # this version has left none out
    with pytest.raises(UserError, match="left images out by another rule than this version's"):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])


def test_half_a_picture_of_a_killed_process_is_removed(finished, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(finished.path, run.path)
    with pytest.raises(ZeroDivisionError), written_aside(run.figure("history")) as half:
        moved = half.rename(tmp_path / "moved")  # out of reach of what tidies up, as in a killed process
        raise ZeroDivisionError
    moved.rename(half)
    remove_half_written(run, read_config(run).settings)
    assert not half.exists()
    assert run.figure("history").is_file()
