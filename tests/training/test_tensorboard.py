"""What TensorBoard reads: event files written by a short training, read back record by record."""

import csv

import numpy as np
import pytest
import tensorflow as tf

from fer_keras.config import Settings
from fer_keras.training import job
from fer_keras.training.tensorboard import SAMPLES, _spread_over_emotions


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    settings = Settings(data="synthetic", limit=21, arch="cnn_plain", epochs=2, batch_size=16, precision="float32")
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


def test_the_rate_is_that_of_the_history(events):
    """The one of an epoch's last step; Keras's own callback would tell the rate of the step after it."""
    told = [tf.make_ndarray(events["train", "epoch_learning_rate"][epoch].tensor) for epoch in (0, 1)]
    assert told == pytest.approx([float(row["learning_rate"]) for row in events["history"]], rel=1e-6)


def test_confidence_of_right_and_of_wrong_predictions_is_there(events):
    assert any(("validation", f"epoch_confidence_{kind}") in events for kind in ("right", "wrong"))


def test_the_images_are_png_files(events):
    for tag in ("confusion_matrix", "sample_predictions"):
        png = events["validation", tag][0].tensor.string_val[-1]
        assert png.startswith(b"\x89PNG")


def test_the_graph_has_the_operations_of_the_layers(events):
    names = {node.name for node in events["train", "graph"].node}
    assert any("conv2d_4" in name for name in names) and any("logits" in name for name in names)


def test_samples_show_every_emotion_before_a_second_of_any():
    class Faces:
        labels = np.array([3] * 50 + [0, 1, 2, 4, 5, 6, 0])

        def __len__(self):
            return len(self.labels)

    chosen = _spread_over_emotions(Faces())
    assert len(chosen) == SAMPLES and sorted(Faces.labels[chosen[:7]]) == list(range(7))
