"""Which figures a run has: those of the epochs only where there are any."""

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.prepare import load_faces
from fer_keras.plots.style import drawn_here
from fer_keras.runs import Run
from fer_keras.training.figures import draw_before, draw_history
from fer_keras.training.progress import EpochRow, Progress
from fer_keras.training.split import Split

RECORD = {"synthetic": True}


@pytest.fixture(scope="module")
def faces():
    return load_faces("synthetic", limit=21).split("Training")


def figures(run):
    return {path.stem for path in run.figure("model").parent.glob("*.png") if drawn_here(path)}


@pytest.mark.parametrize(("epochs", "more"), [(1, {"augmentation"}), (0, set())])
def test_before_the_first_step_layers_classes_and_augmentation_are_drawn(tmp_path, faces, epochs, more):
    nobody = faces.take(np.arange(0))
    run = Run(tmp_path)
    settings = Settings(arch="cnn_plain", epochs=epochs, init_from=() if epochs else ("another",))
    draw_before(run, settings, Split(faces, nobody, RECORD))
    assert figures(run) == {"model", "classes"} | more
    assert "conv2d_4" in run.summary_file.read_text()


@pytest.mark.parametrize(("epochs", "drawn"), [(2, {"history"}), (0, set())])
def test_a_history_is_drawn_where_there_is_one(tmp_path, epochs, drawn):
    rows = [EpochRow("train", n, 2.0 / n, 0.3, 1.5 / n, 0.4, 0.001, 9.0) for n in range(1, epochs + 1)]
    draw_history(Run(tmp_path), Settings(), Progress(rows=rows), RECORD)
    assert figures(Run(tmp_path)) == drawn
