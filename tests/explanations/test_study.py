"""What a network says about the faces of a split: batch by batch, and beside each of them in figures."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_keras.errors import UserError
from fer_keras.explain.model_access import ModelAccess
from fer_keras.explanations import study
from fer_keras.explanations.options import Options
from fer_keras.explanations.study import Network, Study
from fer_keras.models import registry


def study_of(labels):
    """Return a study of two faces that are called happy (0.61) and sad (0.52)."""
    faces = SimpleNamespace(labels=labels, ids=["a.png", "b.png"])
    probabilities = np.array([[0.1, 0, 0, 0.61, 0.29, 0, 0], [0.48, 0, 0, 0, 0.52, 0, 0]], np.float32)
    return Study(SimpleNamespace(faces=faces), network=None, probabilities=probabilities, selection=None, options=None)


@pytest.mark.parametrize(
    ("labels", "captions"),
    [
        ([3, 0], ["#0  happy 0.61", "#1  sad 0.52 (true angry)"]),
        (None, ["a.png  happy 0.61", "b.png  sad 0.52"]),
    ],
)
def test_the_truth_stands_beside_what_is_wrong_alone(labels, captions):
    one = study_of(None if labels is None else np.array(labels))
    assert [one.caption(index) for index in range(2)] == captions


def test_every_face_is_classified_in_whatever_batch_it_stands(monkeypatch):
    monkeypatch.setattr(study, "_BATCH", 5)
    model, told = registry.build("cnn3", seed=1), []
    images = np.random.default_rng(0).integers(0, 256, (12, 48, 48), dtype=np.uint8)
    found = study.classify(Network(model, ModelAccess(model), "logits"), images, lambda *done: told.append(done))
    np.testing.assert_allclose(found, np.asarray(model([images[..., None].astype(np.float32)])), atol=1e-5)
    assert told == [(5, 12), (10, 12), (12, 12)]


def rounding(folder):
    """Save a network whose pixels become integers first; return it as a target."""
    inputs = keras.Input((48, 48, 1))
    x = keras.ops.cast(keras.ops.cast(inputs, "int32"), "float32")
    x = keras.layers.Conv2D(3, 5, strides=4, activation="relu", name="conv2d")(x)
    x = keras.layers.Dense(7, activation="softmax", name="logits")(keras.layers.Flatten()(x))
    keras.Model(inputs, x).save(folder / "rounds.keras")
    return SimpleNamespace(own=False, network_file=folder / "rounds.keras")


def test_where_the_pixels_have_no_gradient_what_needs_it_is_refused_before_any_work(tmp_path):
    target = rounding(tmp_path)
    for method in ("saliency", "comparison", "activation", "filters"):
        said = f"^--method {method}: .* has no gradient with respect to the pixels"
        with pytest.raises(UserError, match=said) as error:
            study.open_network(target, Options(method=("grad-cam", method)))
        assert "\n" not in str(error.value)
    others = ("grad-cam", "layer-cam", "score-cam", "occlusion", "rise", "lime", "outputs")
    assert study.open_network(target, Options(method=others)).layer == "conv2d"


def test_of_methods_that_nobody_has_named_those_that_a_network_does_not_fit_are_left_out(tmp_path):
    target = rounding(tmp_path)
    assert {*study.open_network(target, Options()).unfit} == {"saliency", "activation"}
    of_all = study.open_network(target, Options(method=("all", "lime"))).unfit
    assert {"saliency", "comparison", "filters"} <= {*of_all} and not {"grad-cam", "lime", "outputs"} & {*of_all}
    assert of_all["filters"].endswith("Of the methods occlusion, rise, lime and outputs need none")


def test_a_class_activation_map_whose_gradient_cannot_be_taken_is_refused_before_any_work(tmp_path):
    inputs = keras.Input((48, 48, 1))
    x = keras.ops.cast(keras.layers.Conv2D(3, 5, strides=4, name="conv2d")(inputs), "int32")
    x = keras.layers.Dense(7, activation="softmax", name="logits")(keras.layers.Flatten()(keras.ops.cast(x, "float32")))
    keras.Model(inputs, x).save(tmp_path / "rounds.keras")
    target = SimpleNamespace(own=False, network_file=tmp_path / "rounds.keras")
    with pytest.raises(UserError, match=r"^--method grad-cam: .*gradient can be taken at"):
        study.open_network(target, Options(method=("occlusion", "grad-cam")))
    assert study.open_network(target, Options(method=("occlusion", "score-cam"))).unfit == {}
