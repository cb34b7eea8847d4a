"""Runs made by hand, and the data that they were trained on."""

import shutil
import sys

import numpy as np
import pytest
from matplotlib.text import Text

import evaluate
from fer_keras import cli
from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import load_faces
from fer_keras.data.source import read_faces
from fer_keras.data.synthetic import synthetic_faces
from fer_keras.evaluation.runs_to_evaluate import Candidate, find_candidates
from fer_keras.files import write_json, write_text
from fer_keras.runs import Run, RunConfig, write_config
from tests.data.made_faces import write_faces

LIMIT = 28  # synthetic faces of each split


@pytest.fixture(scope="session")
def drawn() -> Faces:
    """70 Training, 21 PublicTest and 14 PrivateTest faces, all different."""
    return synthetic_faces(training=70, public=21, private=14)


@pytest.fixture
def csv_of(tmp_path, drawn):
    """Return a function that writes splits of `drawn` into a CSV file and returns its path."""

    def write(*splits, name="faces.csv", usage=True):
        faces = drawn.take(np.isin(drawn.usage, splits))
        return write_faces(tmp_path / name, faces.images, faces.labels, faces.usage if usage else None)

    return write


@pytest.fixture
def with_copies(csv_of, drawn):
    """A CSV whose last two faces, of PrivateTest, are a Training face moved by two pixels, and one as it is."""
    data = csv_of("Training", "PublicTest", "PrivateTest")
    moved, same = np.roll(drawn.split("Training").images[3], (2, -1), (0, 1)), drawn.split("Training").images[5]
    lines = data.read_text().splitlines()
    for place, image in ((-2, moved), (-1, same)):
        label, _, usage = lines[place].split(",")
        lines[place] = ",".join([label, " ".join(map(str, image.ravel())), usage])
    data.write_text("\n".join([*lines, ""]))
    return data


@pytest.fixture
def make_run(tmp_path):
    """Return a function that makes the folder of a finished run, without a model, trained on a file of faces."""

    def make(data, name="run", *, validation_split="PublicTest", finished=True, **settings) -> Run:
        run = Run(tmp_path / "logs" / name)
        record = {
            "source": str(data),
            "sha256": read_faces(data).sha256,
            "development_sha256": read_faces(data).development_sha256,
            "synthetic": False,
            "rule": "by hand",
            "validation_split": validation_split,
            "training": 70,
            "validation": 21,
            "testable": ["PrivateTest"] if validation_split == "PublicTest" else ["PublicTest", "PrivateTest"],
        }
        run.path.mkdir(parents=True)
        write_config(run, RunConfig(Settings(arch="cnn4", **settings), record))
        if finished:
            write_json(run.result_file, {"best_epoch": 3})
        return run

    return make


@pytest.fixture
def candidate_of(make_run):
    """Return a function like `make_run`'s that returns the run as a candidate for evaluation."""

    def make(data, name="run", **options) -> Candidate:
        run = make_run(data, name, **options)
        (candidate,) = find_candidates((str(run.path),), logdir="logs", epoch=None)
        return candidate

    return make


def _save_run(run, *, seed=0, **settings):
    from fer_keras.models.files import save_model  # here: the process that hands the tests out needs no TensorFlow
    from fer_keras.models.registry import build

    faces = load_faces("synthetic", limit=LIMIT)
    record = {
        "source": faces.source,
        "sha256": faces.sha256,
        "synthetic": True,
        "rule": "by hand",
        "validation_split": "PublicTest",
        "training": LIMIT,
        "validation": LIMIT,
        "testable": ["PrivateTest"],
    }
    write_config(run, RunConfig(Settings(arch="cnn3", limit=LIMIT, seed=seed, **settings), record))
    if "members" not in settings:
        save_model(build("cnn3", seed=seed), run.model_file)
    write_json(run.result_file, {"best_epoch": 2})


@pytest.fixture
def save_run():
    """Return the function that saves a finished run with an untrained network, on synthetic faces."""
    return _save_run


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Two runs of one network, and a third with two members: four networks."""
    logs = tmp_path_factory.mktemp("made") / "logs"
    for i in range(2):
        _save_run(Run(logs / f"2026010{i + 1}-000000-cnn3"), seed=i)
    ensemble = Run(logs / "20260105-000000-cnn3-pair")
    _save_run(ensemble, members=2)
    for i in range(2):
        _save_run(ensemble.member(i), seed=2 + i)
    return logs


@pytest.fixture
def logs(made, tmp_path):
    return shutil.copytree(made, tmp_path / "logs")


@pytest.fixture
def command(logs, monkeypatch, capsys):
    """Return a function that calls evaluate.py and returns its exit code, output and errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["evaluate.py", "--logdir", str(logs), *map(str, arguments)])
        code = cli.guarded(evaluate.main)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


class _LeftHalf:
    def predict(self, x, **options):
        angry = x[:, :, :24].mean(axis=(1, 2, 3)) / 255
        return np.stack([angry, 1 - angry, *np.zeros((5, len(x)))], axis=1)


@pytest.fixture
def left_half(monkeypatch):
    """Put in the place of every network one to which a face is as angry as its left half is bright (0..1), and
    disgusted for the rest. With its mirror image it is as angry as the whole is bright."""
    monkeypatch.setattr("fer_keras.evaluation.ensembles.open_model", lambda file: _LeftHalf())


@pytest.fixture
def undrawn(monkeypatch):
    """Leave the figures empty: to draw them takes longer than all the rest. They count as drawn by this program."""
    monkeypatch.setattr("fer_keras.plots.style.drawn_here", lambda path: True)
    _save_figures_by(monkeypatch, lambda figure, path, note=None: write_text(path, note or ""))


@pytest.fixture
def titles(monkeypatch):
    """Return the words of each figure by its name, and draw none."""
    found = {}
    _save_figures_by(monkeypatch, lambda figure, path, note=None: found.update({path.stem: _words(figure)}))
    return found


def _save_figures_by(monkeypatch, save_figure):
    for module in ("report", "compare"):
        monkeypatch.setattr(f"fer_keras.evaluation.{module}.save_figure", save_figure)


def _words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text)).replace("\n", " ")
