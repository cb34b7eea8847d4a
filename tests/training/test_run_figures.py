"""Which figures a run has: those of the epochs only where there are any."""

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.pipeline import training_batches
from fer_keras.data.prepare import load_faces
from fer_keras.plots.style import drawn_here
from fer_keras.runs import Run
from fer_keras.training import figures as run_figures
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


@pytest.mark.parametrize("best", [0, 2])
def test_the_history_marks_the_epoch_that_was_kept_and_where_coarse_images_end(tmp_path, monkeypatch, best):
    given = {}
    monkeypatch.setattr(run_figures, "history_figure", lambda _, **options: given.update(options))
    monkeypatch.setattr(run_figures, "save_figure", lambda *_, **__: None)
    rows = [EpochRow("train", n, 2.0, 0.3, 1.5, 0.4, 0.001, 9.0) for n in (1, 2, 3)]
    draw_history(Run(tmp_path), Settings(coarse_epochs=2), Progress(rows=rows, best_epoch=best), RECORD)
    assert (given["kept"], given["coarse"]) == (best, 2)


@pytest.fixture
def drawn(monkeypatch):
    """Return what the figures were given by their names, and draw none."""
    given = {}
    for name in ("build", "layer_table", "summary_text"):
        monkeypatch.setattr(run_figures, name, lambda *_, **__: "")
    for name in ("network_figure", "classes_figure", "augmentation_figure"):
        monkeypatch.setattr(run_figures, name, lambda *args, name=name, **_: given.update({name: args}))
    monkeypatch.setattr(run_figures, "save_figure", lambda *_, **__: None)
    return given


def test_the_classes_are_counted_in_training_in_validation_and_in_both(tmp_path, faces, drawn):
    """Three faces of each emotion: of the first two emotions one each is validated on."""
    validated = np.zeros(21, bool)
    validated[[np.flatnonzero(faces.labels == label)[0] for label in (0, 1)]] = True
    settings = Settings(arch="cnn_plain", epochs=0, init_from=("another",))
    draw_before(Run(tmp_path), settings, Split(faces.take(~validated), faces.take(validated), RECORD))
    [counts] = drawn["classes_figure"]
    assert {name: values.tolist() for name, values in counts.items()} == {
        "whole": [3] * 7,
        "training": [2, 2, 3, 3, 3, 3, 3],
        "validation": [1, 1, 0, 0, 0, 0, 0],
    }


@pytest.mark.parametrize(
    ("augment", "shown", "name"),
    [("light", "light", "light"), ("progressive", "strong", "standard in coarse epochs, then strong")],
)
def test_faces_stand_above_their_augmented_selves(tmp_path, faces, drawn, augment, shown, name):
    settings = Settings(arch="cnn_plain", epochs=1, augment=augment, seed=4)
    draw_before(Run(tmp_path), settings, Split(faces, faces.take(np.arange(0)), RECORD))
    before, after, level, labels = drawn["augmentation_figure"]
    stream = training_batches(faces.images, faces.labels, batch_size=21, seed=4, augment=shown)
    expected, theirs = next(stream.as_numpy_iterator())
    np.testing.assert_array_equal(after, expected)
    np.testing.assert_array_equal(labels, theirs)
    assert level == name
    of_label = {image.tobytes(): label for image, label in zip(faces.images, faces.labels, strict=True)}
    assert [of_label[image.astype(np.uint8).tobytes()] for image in before] == labels.argmax(axis=1).tolist()
