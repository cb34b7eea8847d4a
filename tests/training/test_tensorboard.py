"""What TensorBoard reads: event files written by a short training, read back record by record."""

import csv
import errno
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.config import Settings
from fer_keras.data.prepare import load_faces
from fer_keras.models.files import open_model
from fer_keras.training import job, tensorboard
from fer_keras.training.tensorboard import SAMPLES, TensorBoard, _spread_over_emotions


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    tiny = {"data": "synthetic", "limit": 21, "arch": "cnn_plain", "epochs": 2, "batch_size": 16}
    settings = Settings(**tiny, precision="float32", save_every=1)
    run = job.start(settings, logdir=str(tmp_path_factory.mktemp("logs")), name=None, command=[])
    found = {}
    for part in ("train", "validation"):
        (file,) = (run.tensorboard() / part).glob("events*")
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            if event.graph_def:
                found[part, "graph"] = tf.compat.v1.GraphDef.FromString(event.graph_def)
            for value in event.summary.value:
                found.setdefault((part, value.tag), {})[event.step] = value
    found["run"] = run
    found["history"] = list(csv.DictReader(run.history_file.read_text().splitlines()))
    return found


@pytest.mark.parametrize(
    "key",
    [
        ("train", "epoch_loss"),
        ("train", "epoch_accuracy"),
        ("train", "epoch_learning_rate"),
        ("validation", "epoch_loss"),
        ("validation", "epoch_accuracy"),
        ("train", "conv2d/kernel/histogram"),
        ("validation", "confusion_matrix"),
        ("validation", "sample_predictions"),
    ],
    ids="/".join,
)
def test_every_epoch_writes(events, key):
    assert sorted(events[key]) == [0, 1]


@pytest.mark.parametrize(
    ("error", "number"),
    [(tf.errors.ResourceExhaustedError, errno.ENOSPC), (tf.errors.FailedPreconditionError, errno.EACCES)],
)
@pytest.mark.parametrize("when", ["on_train_begin", "on_epoch_end", "on_train_end"])
def test_a_full_disk_is_told_as_any_others_is(tmp_path, monkeypatch, when, error, number):
    def refusing(*_):
        raise error(None, None, "Could not flush events file")

    monkeypatch.setattr(keras.callbacks.TensorBoard, when, refusing)
    callback = TensorBoard(tmp_path, SimpleNamespace(faces=load_faces("synthetic", limit=7)))
    with pytest.raises(OSError, match=str(tmp_path)) as told:
        getattr(callback, when)(*([0] if when == "on_epoch_end" else []))
    assert told.value.errno == number


def test_the_rate_is_that_of_the_history(events):
    """The one of an epoch's last step; Keras's own callback would tell the rate of the step after it."""
    told = [tf.make_ndarray(events["train", "epoch_learning_rate"][epoch].tensor) for epoch in (0, 1)]
    assert told == pytest.approx([float(row["learning_rate"]) for row in events["history"]], rel=1e-6)


@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_confidence_is_that_of_the_networks_of_the_epochs(events, kind):
    faces = load_faces("synthetic", limit=21).split("PublicTest")
    told, expected = events.get(("validation", f"epoch_confidence_{kind}"), {}), {}
    for epoch in (0, 1):
        network = open_model(events["run"].epoch_file(epoch + 1))
        probabilities = np.asarray(network([faces.images[..., None].astype(np.float32)]))
        chosen = (probabilities.argmax(axis=1) == faces.labels) == (kind == "right")
        if chosen.any():
            expected[epoch] = probabilities.max(axis=1)[chosen].mean()
    assert expected, "these faces show nothing"
    assert {epoch: tf.make_ndarray(value.tensor) for epoch, value in told.items()} == pytest.approx(expected, rel=1e-4)


def test_the_images_are_png_files(events):
    for tag in ("confusion_matrix", "sample_predictions"):
        png = events["validation", tag][0].tensor.string_val[-1]
        assert png.startswith(b"\x89PNG")


def test_the_graph_has_the_operations_of_the_layers(events):
    names = {node.name for node in events["train", "graph"].node}
    assert any("conv2d_4" in name for name in names) and any("logits" in name for name in names)


class Faces:
    def __init__(self, labels):
        self.labels = np.array(labels)
        shape = (len(labels), 48, 48)
        self.images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    def __len__(self):
        return len(self.labels)


def test_samples_show_every_emotion_before_a_second_of_any():
    faces = Faces([3] * 50 + [0, 1, 2, 4, 5, 6, 0])
    chosen = _spread_over_emotions(faces)
    assert len(chosen) == SAMPLES and sorted(faces.labels[chosen[:7]]) == list(range(7))


def test_samples_and_matrix_are_those_of_the_epoch(tmp_path, monkeypatch):
    """Nine happy faces and then two of each emotion: those shown are not the first ones."""
    faces = Faces([3] * 9 + 2 * [*range(7)])
    shown = [9, 10, 11, 0, 13, 14, 15, 16, 17, 18, 1, 20, 21, 22, 2, 3]  # emotion by emotion; then happy ones are left
    stock = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    stock.compile("sgd", "mse")
    check = SimpleNamespace(faces=faces, stock=stock)
    drawn, pixels = [], np.zeros((4, 4, 3), np.uint8)
    for name in ("predictions_figure", "confusion_image"):
        monkeypatch.setattr(tensorboard, name, lambda *given, **_: drawn.append(given) or pixels)
    monkeypatch.setattr(tensorboard, "figure_to_array", lambda figure: figure)
    callback = TensorBoard(tmp_path, check)
    callback.set_model(stock)
    check.probabilities = np.random.default_rng(1).dirichlet(np.ones(7), len(faces))
    check.matrix = np.triu(np.arange(49).reshape(7, 7))  # a transposed one is another
    callback.on_epoch_end(0, {"loss": 1.0})
    (images, probabilities, labels), (matrix,) = drawn
    for found, all_of_them in ((images, faces.images), (probabilities, check.probabilities), (labels, faces.labels)):
        np.testing.assert_array_equal(found, all_of_them[shown])
    np.testing.assert_array_equal(matrix, np.triu(np.arange(49).reshape(7, 7)))
