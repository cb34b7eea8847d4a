"""`python visualize.py` in this process, and a run whose network is right and wrong about known faces."""

import sys

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import load_faces
from fer_keras.emotions import EMOTIONS
from fer_keras.files import write_json
from fer_keras.runs import RunConfig, create_run, write_config

LIMIT = 49  # images of each split: seven of each emotion


def _solved_network(images, answers, size=(48, 48, 1)):
    import keras  # here: the process that hands the tests out needs no TensorFlow
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = layers.Input(size, name="image")
    x = layers.Rescaling(1 / 255, name="rescaling")(inputs)
    x = layers.Conv2D(3, 3, strides=2, padding="same", name="conv2d")(x)
    x = layers.Activation("relu", name="activation")(x)
    x = layers.MaxPooling2D(name="max_pooling2d")(x)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv2d_1")(x)
    x = layers.Flatten(name="flatten")(x)
    features = keras.Model(inputs, x)
    logits = layers.Dense(7, name="logits")
    outputs = layers.Softmax(name="predictions")(logits(x))
    pixels = tf.image.resize(images[..., None].astype(np.float32), size[:2], antialias=True)
    pixels = tf.repeat(pixels, size[2], axis=-1)
    known = np.c_[features(pixels).numpy(), np.ones(len(images))]
    wanted = 6 * np.eye(7)[answers]
    solved = np.linalg.lstsq(known, wanted, rcond=None)[0]
    logits.set_weights([solved[:-1], solved[-1]])
    return keras.Model(inputs, outputs)


@pytest.fixture(scope="session")
def solved_network():
    """Return a function that makes a network with two convolutions which answers as told on N images: its last layer
    is solved for."""
    return _solved_network


@pytest.fixture(scope="session")
def faces() -> Faces:
    """The 49 faces of PublicTest that the run is asked about."""
    return load_faces("synthetic", limit=LIMIT).split("PublicTest")


@pytest.fixture(scope="session")
def make_run(faces):
    """Return a function that makes a run whose network knows all faces but those of disgust: they are angry to it."""

    def make(logdir, *, finished=True):
        from fer_keras.models.files import save_model

        answers = faces.labels.copy()
        answers[answers == EMOTIONS.index("disgust")] = EMOTIONS.index("angry")
        run = create_run(logdir, "cnn4", "tiny")
        data = {
            "source": faces.source,
            "sha256": faces.sha256,
            "synthetic": True,
            "rule": "Trains on Training, selects on PublicTest.",
            "validation_split": "PublicTest",
            "training": LIMIT,
            "validation": LIMIT,
            "testable": ["PrivateTest"],
        }
        write_config(run, RunConfig(Settings(data="synthetic", arch="cnn4", limit=LIMIT), data))
        save_model(_solved_network(faces.images, answers), run.model_file)
        if finished:
            write_json(run.result_file, {"best_epoch": 1})
        return run

    return make


@pytest.fixture(scope="module")
def run(make_run, tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("logs"))


@pytest.fixture(scope="session")
def call():
    """Return a function that runs visualize.py in this process."""

    def call(*arguments):
        import visualize

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["visualize.py", *map(str, arguments)])
            patch.setattr("fer_keras.plots.style.PRINT_DPI", 40)  # a quarter of the time
            visualize.main()

    return call


@pytest.fixture(scope="session")
def arrays_of():
    """Return a function that reads the maps.npz of a method's folder."""

    def read(folder):
        with np.load(folder / "maps.npz", allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    return read
