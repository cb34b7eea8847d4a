"""A run that is killed, at any moment, and resumed ends as the one that never was: same history, same bits."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fer_keras.runs import open_run

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "data": "synthetic",
    "limit": 35,
    "arch": "cnn3",
    "epochs": 3,
    "optimizer": "muon",  # its momenta, of both kinds, must come back
    "coarse_epochs": 2,  # the resumed run must find its place in both sizes
    "mixup": 0.4,
    "fine_tune_epochs": 2,
    "fine_tune_optimizer": "adam",  # and so must the state of the second phase's optimizer
    "batch_size": 16,
    "augment": "progressive",  # and in both strengths
    "dropout": 0.3,  # so that the random state counts
    "save_every": 2,
    "rollback": True,
}

# Trains as train.py does, but kills itself, or fails, at a given step (counted from 1) of a given epoch.
TRAIN = """
import os, signal, sys
from fer_keras import cli
cli.import_quietly()
from fer_keras.training import callbacks, job

what, epoch, step, *arguments = sys.argv[1:]
epoch, step = int(epoch), int(step)

class Bar(job.EpochBar):
    def on_epoch_begin(self, index, logs=None):
        super().on_epoch_begin(index, logs)
        self.index = index + 1
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        if what == "in-epoch" and (self.index, batch + 1) == (epoch, step):
            os.kill(os.getpid(), signal.SIGKILL)

job.EpochBar = Bar
save = callbacks.save_checkpoint
def save_checkpoint(path, model, progress):
    if what == "before-checkpoint" and progress.epoch == epoch:
        os.kill(os.getpid(), signal.SIGKILL)
    save(path, model, progress)
    if what == "after-checkpoint" and progress.epoch == epoch:
        os.kill(os.getpid(), signal.SIGKILL)
callbacks.save_checkpoint = save_checkpoint
job.draw_before = job.draw_history = lambda *_: None  # a fifth of the time, and not what is tested

sys.argv = ["train.py", *arguments]
import train
sys.exit(cli.guarded(train.main, "train.py"))
"""


def train(logdir, *arguments, kill=("never", 0, 0)):
    command = [sys.executable, "-c", TRAIN, *map(str, kill), "--logdir", str(logdir), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)


def only_run(logdir):
    (path,) = [entry for entry in logdir.iterdir() if entry.is_dir()]
    return open_run(path)


def history_but_seconds(run):
    return [line.rsplit(",", 1)[0] for line in run.history_file.read_text().splitlines()]


def weights(path):
    import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return [np.asarray(weight).tobytes() for weight in model.weights]


@pytest.fixture(scope="module")
def config_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "settings.json"
    path.write_text(json.dumps(SETTINGS))
    return path


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, config_file):
    logdir = tmp_path_factory.mktemp("whole")
    done = train(logdir, "--config", config_file)
    assert done.returncode == 0, done.stderr
    return only_run(logdir)


KILLS = [
    ("in-epoch", 1, 2),  # before there is any checkpoint
    ("before-checkpoint", 3, 0),  # what the epoch has already written is undone
    ("after-checkpoint", 3, 0),  # between the phases
    ("in-epoch", 5, 2),  # within the second phase, whose optimizer has state
]


def test_killed_again_and_again_it_ends_bit_for_bit_as_the_run_that_never_was(tmp_path, config_file, uninterrupted):
    for index, kill in enumerate(KILLS):
        arguments = ["--resume", only_run(tmp_path).path] if index else ["--config", config_file]
        killed = train(tmp_path, *arguments, kill=kill)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert not only_run(tmp_path).finished
    run = only_run(tmp_path)
    resumed = train(tmp_path, "--resume", run.path)
    assert resumed.returncode == 0, resumed.stderr
    assert history_but_seconds(run) == history_but_seconds(uninterrupted)
    assert len(history_but_seconds(run)) == 1 + 5
    assert weights(run.model_file) == weights(uninterrupted.model_file)
    for epoch in (2, 4):
        assert weights(run.epoch_file(epoch)) == weights(uninterrupted.epoch_file(epoch))
