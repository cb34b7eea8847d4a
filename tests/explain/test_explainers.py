"""What every registered method keeps to, whatever it computes."""

import inspect

import keras
import numpy as np
import pytest
from keras import layers

from fer_keras.errors import UserError
from fer_keras.explain.activation import maximise
from fer_keras.explain.filters import pixel_weights
from fer_keras.explain.registry import EXPLAINERS, explainer_class

OPTIONS = {
    "smoothgrad": {"samples": 3},
    "integrated-gradients": {"steps": 3},
    "occlusion": {"patch": 24, "stride": 12},
    "rise": {"masks": 8, "grid": 4},
    "lime": {"num_samples": 12},
}


def functional_network():
    """The form of this project's networks: a rescaling first, `logits` and `predictions` last."""
    inputs = layers.Input((48, 48, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = layers.Conv2D(4, 5, strides=4, use_bias=False, name="conv2d")(x)
    x = layers.BatchNormalization(name="batch_normalization")(x)
    x = layers.Activation("relu", name="activation")(x)
    x = layers.Dropout(0.5)(x)
    x = layers.MaxPooling2D(name="max_pooling2d")(x)
    x = layers.Dense(7, name="logits")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Activation("softmax", name="predictions")(x))


def sequential_network():
    """A model of somebody else's: colour, another size, everything fused."""
    return keras.Sequential(
        [
            layers.Input((32, 40, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(3, 5, strides=4, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module", params=[functional_network, sequential_network])
def model(request):
    keras.utils.set_random_seed(3)
    model = request.param()
    if model.layers[-1].name == "predictions":
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.get_layer("conv2d").trainable = False
    return model


@pytest.fixture(scope="module", params=EXPLAINERS)
def explainer(request, model):
    name = request.param
    return explainer_class(name)(model, batch_size=2, **OPTIONS.get(name, {}))


IMAGES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)


def assert_same(maps, expected):
    # Another batch size may take another path through the convolution, which rounds differently.
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_maps_have_the_promised_form(explainer):
    maps = explainer.explain(IMAGES)
    assert maps.shape == (3, 48, 48)
    assert maps.dtype == np.float32
    assert np.isfinite(maps).all()
    assert np.abs(maps).max() > 0
    if not explainer.signed:
        assert maps.min() >= 0


def test_an_image_is_explained_alike_alone_and_among_others(explainer):
    together = explainer.explain(IMAGES)
    assert_same(explainer.explain(IMAGES[2:]), together[2:])
    assert_same(explainer.explain(IMAGES[::-1]), together[::-1])


def test_images_may_be_float_and_have_a_channel(explainer):
    assert_same(explainer.explain(IMAGES[:1, ..., None].astype(np.float32)), explainer.explain(IMAGES[:1]))


def test_the_default_target_is_the_predicted_class(explainer, model):
    predicted = explainer.network.logits(IMAGES.astype(np.float32)).numpy().argmax(axis=1)
    assert_same(explainer.explain(IMAGES, predicted), explainer.explain(IMAGES))


def test_another_target_has_another_map(explainer):
    zeros, ones = (explainer.explain(IMAGES, np.full(3, target)) for target in (0, 1))
    assert not np.allclose(zeros, ones, rtol=1e-3, atol=0)


def test_no_images_have_no_maps(explainer):
    assert explainer.explain(IMAGES[:0]).shape == (0, 48, 48)


def test_another_explainer_gives_the_same_maps_and_the_model_is_left_as_it_was(explainer, model):
    def state():
        return (
            [weight.tobytes() for weight in model.get_weights()],
            model(np.ones((2, *model.input_shape[1:]), np.float32), training=False).numpy().tobytes(),
            model.to_json(),
            [layer.trainable for layer in model.layers],
            [len(layer._inbound_nodes) for layer in model.layers],
            [len(layer._outbound_nodes) for layer in model.layers],
            model.compiled,
            model.outputs[0].name,
        )

    before = state()
    again = type(explainer)(model, batch_size=2, **OPTIONS.get(explainer.name, {}))
    assert_same(again.explain(IMAGES), explainer.explain(IMAGES))
    assert state() == before


def test_methods_say_what_they_are(explainer):
    cls = type(explainer)
    assert explainer_class(cls.name) is cls
    assert isinstance(cls.signed, bool)
    assert isinstance(cls.needs_layer, bool)
    assert cls.reference


@pytest.mark.parametrize(
    ("images", "targets", "message"),
    [
        (np.zeros((2, 32, 32)), None, r"gray faces of \(N, 48, 48\), 0..255. Received an array of shape \(2, 32, 32\)"),
        (np.zeros((48, 48)), None, r"shape \(48, 48\)"),
        (np.zeros((2, 48, 48, 3)), None, r"shape \(2, 48, 48, 3\)"),
        (IMAGES, [0, 1], r"one integer target for each of the 3 images"),
        (IMAGES, [0.0, 1.0, 2.0], r"float64"),
        (IMAGES, [0, 1, 7], r"targets of 0..6. Received 0..7"),
        (IMAGES, [0, -1, 2], r"Received -1..2"),
    ],
)
def test_wrong_images_and_targets_are_refused(images, targets, message):
    explainer = explainer_class("saliency")(functional_network())
    with pytest.raises(UserError, match=message):
        explainer.explain(images, targets)


def rounding_network():
    inputs = layers.Input((48, 48, 1))
    x = keras.ops.cast(keras.ops.cast(inputs, "int32"), "float32")
    x = layers.Conv2D(3, 5, strides=4, activation="relu", name="conv2d")(x)
    return keras.Model(inputs, layers.Dense(7, activation="softmax", name="logits")(layers.Flatten()(x)))


@pytest.mark.parametrize("name", EXPLAINERS)
def test_where_the_pixels_have_no_gradient_a_method_that_needs_it_says_so_and_others_do_without(name):
    method = explainer_class(name)
    if method.needs_gradient:
        with pytest.raises(UserError, match="has no gradient with respect to the pixels") as error:
            method(rounding_network())
        assert "\n" not in str(error.value)
    else:
        maps = method(rounding_network(), **OPTIONS.get(name, {})).explain(IMAGES[:1])
        assert np.abs(maps).max() > 0


@pytest.mark.parametrize("style", ["robust", "plain"])
def test_where_the_pixels_have_no_gradient_no_picture_can_climb_and_no_pixel_weighs(style):
    with pytest.raises(UserError, match="has no gradient with respect to the pixels") as error:
        maximise(rounding_network(), "conv2d", [0], style=style)
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="has no gradient with respect to the pixels") as error:
        pixel_weights(rounding_network(), "conv2d", IMAGES, np.zeros(3, int))
    assert "\n" not in str(error.value)


def test_an_unknown_method_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"no method 'gradcam'\. Did you mean 'grad-cam'\?"):
        explainer_class("gradcam")


@pytest.mark.parametrize("name", EXPLAINERS)
def test_what_is_drawn_at_random_takes_a_seed_and_nothing_else_does(name):
    method = explainer_class(name)
    assert method.seeded == ("seed" in inspect.signature(method).parameters)
