"""Logits and layers of models of every form that is taken, and one line for those that are not."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from fer_keras.errors import UserError
from fer_keras.explain.model_access import ModelAccess

FACES = np.random.default_rng(6).uniform(0, 255, (3, 48, 48)).astype(np.float32)


def body(shape=(48, 48, 1)):
    inputs = layers.Input(shape)
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(3, 5, strides=4, activation="relu", name="conv2d")(x)
    x = layers.MaxPooling2D(name="max_pooling2d")(x)
    return inputs, layers.Flatten(name="flatten")(x)


def dense_then_activation():
    inputs, x = body()
    return keras.Model(inputs, layers.Activation("softmax")(layers.Dense(7, name="logits")(x)))


def dense_then_softmax_layer():
    inputs, x = body()
    return keras.Model(inputs, layers.Softmax()(layers.Dense(7, name="logits")(x)))


def fused_softmax():
    inputs, x = body()
    return keras.Model(inputs, layers.Dense(7, activation="softmax", name="logits")(x))


def softmax_then_float32():
    inputs, x = body()
    x = layers.Dense(7, activation="softmax", name="logits")(x)
    return keras.Model(inputs, layers.Activation("linear", dtype="float32")(layers.Dropout(0.5)(x)))


def around_another():
    return keras.Sequential([layers.Input((48, 48, 1)), layers.Rescaling(2.0), fused_softmax()])


def softmax_around_another():
    inputs, x = body()
    inner = keras.Model(inputs, layers.Dense(7, name="logits")(x))
    outer = layers.Input((48, 48, 1))
    return keras.Model(outer, layers.Softmax()(inner(outer)))


@pytest.mark.parametrize(
    "network",
    [
        dense_then_activation,
        dense_then_softmax_layer,
        fused_softmax,
        softmax_then_float32,
        around_another,
        softmax_around_another,
    ],
)
def test_the_logits_are_those_before_the_softmax(network):
    model = network()
    access = ModelAccess(model)
    logits = access.logits(FACES).numpy()
    assert logits.shape == (3, access.num_classes) == (3, 7)
    assert logits.min() < 0
    probabilities = model(FACES[..., None], training=False).numpy()
    np.testing.assert_allclose(keras.activations.softmax(logits), probabilities, rtol=1e-4)
    # A softmax forgets a constant; the last layer does not: with its weights doubled the logits are doubled.
    holder = (
        model
        if "logits" in [layer.name for layer in model.layers]
        else next(layer for layer in model.layers if isinstance(layer, keras.Model))
    )
    dense = holder.get_layer("logits")
    dense.set_weights([2 * weight for weight in dense.get_weights()])
    np.testing.assert_allclose(ModelAccess(model).logits(FACES), 2 * logits, rtol=1e-4, atol=1e-5)


def test_a_model_that_ends_in_logits_is_taken_as_it_is():
    inputs, x = body()
    model = keras.Model(inputs, layers.Dense(7)(x))
    np.testing.assert_allclose(ModelAccess(model).logits(FACES), model(FACES[..., None]), rtol=1e-5)


@pytest.mark.parametrize("ends", [("sigmoid",), ("softmax", "softmax"), ("softmax",), ()])
def test_probabilities_are_the_models_own(ends):
    inputs, x = body()
    logits = x = layers.Dense(7, name="logits")(x)
    for activation in ends:
        x = layers.Activation(activation)(x)
    model, access = keras.Model(inputs, x), ModelAccess(keras.Model(inputs, x))
    own = model(FACES[..., None], training=False)
    expected = own if ends else keras.activations.softmax(own)
    np.testing.assert_allclose(access.probabilities(FACES), expected, rtol=1e-5)
    np.testing.assert_allclose(
        access.logits(FACES), keras.Model(inputs, logits)(FACES[..., None]), rtol=1e-4, atol=1e-5
    )
    assert access.gives_classes("logits") and not access.gives_classes(access.layers[0])


def test_the_layer_before_one_with_a_fused_softmax_gives_no_classes():
    inputs, x = body()
    x = layers.Dense(7, activation="relu", name="hidden")(x)
    access = ModelAccess(keras.Model(inputs, layers.Dense(7, activation="softmax", name="logits")(x)))
    assert access.gives_classes("logits") and not access.gives_classes("hidden")


def test_all_layers_from_the_logits_to_the_output_give_classes():
    access = ModelAccess(softmax_then_float32())
    *others, logits, dropout, last = access.layers
    assert logits == "logits" and all(map(access.gives_classes, (logits, dropout, last)))
    assert not any(map(access.gives_classes, others))


def test_input_and_output_may_have_names():
    inputs = layers.Input((48, 48, 1), name="face")
    outputs = layers.Dense(7, activation="softmax")(layers.Flatten()(layers.Conv2D(3, 5, strides=4)(inputs)))
    named, plain = keras.Model({"face": inputs}, {"emotion": outputs}), keras.Model(inputs, outputs)
    expected = plain(FACES[..., None], training=False)
    np.testing.assert_allclose(ModelAccess(named).probabilities(FACES), expected, rtol=1e-5)
    np.testing.assert_allclose(ModelAccess(named).logits(FACES), ModelAccess(plain).logits(FACES), rtol=1e-5)


def test_a_softmax_of_another_is_undone_where_the_first_is_part_of_a_layer():
    inputs, x = body()
    dense = layers.Dense(7, activation="softmax")
    model = keras.Model(inputs, layers.Activation("softmax")(dense(x)))
    before = keras.Model(inputs, x)(FACES[..., None]) @ dense.kernel + dense.bias
    np.testing.assert_allclose(ModelAccess(model).logits(FACES), before, rtol=1e-4, atol=1e-5)


def test_probabilities_that_cannot_be_undone_are_refused():
    inputs, x = body()
    softmax = layers.Rescaling(1.0)(layers.Activation("softmax")(layers.Dense(7)(x)))
    sigmoids = layers.Average()([layers.Dense(7, activation="sigmoid")(x) for _ in range(2)])
    for outputs in (softmax, sigmoids, layers.Dense(7, activation="hard_sigmoid")(x)):
        with pytest.raises(UserError, match="outputs stay within 0 to 1 without such a layer") as error:
            ModelAccess(keras.Model(inputs, outputs))
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("scale", [0.0, 1e-4])
def test_logits_that_happen_to_lie_within_0_and_1_are_logits(scale):
    """Mean gray values of 0 to 255, times 1/10,000; and those of a last layer of zeros."""
    inputs = layers.Input((48, 48, 1))
    dense = layers.Dense(3, kernel_initializer=keras.initializers.Constant(scale))
    model = keras.Model(inputs, dense(layers.GlobalAveragePooling2D()(inputs)))
    expected = scale * FACES.mean(axis=(1, 2))[:, None] * np.ones(3)
    np.testing.assert_allclose(ModelAccess(model).logits(FACES), expected, rtol=1e-5)


def test_a_model_of_any_size_that_is_too_deep_for_a_face_is_refused():
    inputs = x = layers.Input((None, None, 3))
    for _ in range(6):
        x = layers.Conv2D(2, 3, strides=2)(x)
    with pytest.raises(UserError, match="input of any size with layers that fail on 48x48: build") as error:
        ModelAccess(keras.Model(inputs, layers.Dense(7)(layers.GlobalAveragePooling2D()(x))))
    assert "\n" not in str(error.value)


def test_faces_are_made_to_fit_the_input():
    inputs, x = body((60, 36, 3))
    model = keras.Model(inputs, layers.Dense(7)(x))
    flat = np.full((1, 48, 48), 200.0, np.float32)
    np.testing.assert_allclose(
        ModelAccess(model).logits(flat), model(np.full((1, 60, 36, 3), 200.0, np.float32)), rtol=1e-4, atol=1e-5
    )
    anything = keras.Sequential([layers.Input((None, None, 1)), layers.GlobalMaxPooling2D(), layers.Dense(2)])
    assert ModelAccess(anything).logits(FACES).shape == (3, 2)


def test_layers_are_listed_from_the_input_and_found_by_name():
    access = ModelAccess(dense_then_activation())
    assert access.layers[1:5] == ["conv2d", "max_pooling2d", "flatten", "logits"]
    assert access.layer_shape("conv2d") == (11, 11, 3)
    assert access.spatial_layers() == [access.layers[0], "conv2d", "max_pooling2d"]
    assert access.spatial_layer() == "conv2d"
    assert access.spatial_layer("max_pooling2d") == "max_pooling2d"
    with pytest.raises(UserError, match=r"no layer 'conv2'. Did you mean 'conv2d'\? Expected one of: .*flatten"):
        access.layer_shape("conv2")


def test_the_activation_that_a_layer_leads_to_is_found_past_normalisation_and_shortcuts():
    image = layers.Input((48, 48, 1))
    first = layers.Conv2D(2, 3, padding="same", name="conv2d")(image)
    shortcut = x = layers.LeakyReLU(name="leaky_re_lu")(layers.BatchNormalization(name="batch_normalization")(first))
    x = layers.Conv2D(2, 3, padding="same", name="conv2d_1")(x)
    x = layers.BatchNormalization(name="batch_normalization_1")(x)
    x = layers.Activation("relu", name="activation_1")(layers.Add(name="add")([shortcut, x]))
    x = layers.Conv2D(2, 3, name="conv2d_2", activation="relu")(layers.MaxPooling2D(name="max_pooling2d")(x))
    x = layers.Conv2D(2, 3, name="conv2d_3")(layers.BatchNormalization(name="batch_normalization_2")(x))
    network = ModelAccess(keras.Model([image], layers.Dense(7, name="logits")(layers.Flatten(name="flatten")(x))))
    expected = {
        "conv2d": "leaky_re_lu",
        "leaky_re_lu": "leaky_re_lu",
        "conv2d_1": "activation_1",
        "add": "activation_1",
        "max_pooling2d": "max_pooling2d",
        "conv2d_2": "conv2d_2",
        "batch_normalization_2": "batch_normalization_2",
        "conv2d_3": "conv2d_3",
    }
    assert {name: network.rectified_layer(name) for name in expected} == expected
    with pytest.raises(UserError, match="Did you mean 'conv2d_3'"):
        network.rectified_layer("conv2d_33")


@pytest.mark.parametrize("normalised", [layers.GroupNormalization, layers.LayerNormalization])
def test_the_activation_is_found_past_other_normalisations(normalised):
    image = layers.Input((48, 48, 1))
    x = normalised(name="normalised")(layers.Conv2D(32, 3, strides=4, name="conv2d")(image))
    x = layers.Flatten()(layers.ReLU(name="re_lu")(x))
    access = ModelAccess(keras.Model(image, layers.Dense(7)(x)))
    assert access.rectified_layer("conv2d") == access.spatial_layer() == "re_lu"


def test_the_activation_is_found_past_a_shortcut_that_is_added_by_an_operator():
    image = layers.Input((48, 48, 1))
    shortcut = layers.Conv2D(2, 3, padding="same", name="conv2d")(image)
    x = layers.BatchNormalization()(layers.Conv2D(2, 3, padding="same", name="conv2d_1")(shortcut))
    x = layers.ReLU(name="re_lu")(x + shortcut)
    product = layers.ReLU(name="re_lu_1")(layers.Conv2D(2, 3, padding="same", name="conv2d_2")(x) * x)
    access = ModelAccess(keras.Model(image, layers.Dense(7)(layers.GlobalAveragePooling2D()(product))))
    found = {name: access.rectified_layer(name) for name in ("conv2d", "conv2d_1", "conv2d_2")}
    assert found == {"conv2d": "conv2d", "conv2d_1": "re_lu", "conv2d_2": "conv2d_2"}  # a product is no sum


def test_a_backbone_is_the_last_convolution_and_not_what_makes_it_colours():
    inside = layers.Input((48, 48, 3))
    backbone = keras.Model(inside, layers.ReLU()(layers.Conv2D(4, 3, strides=4)(inside)), name="backbone")
    image = layers.Input((48, 48, 1))
    x = layers.MaxPooling2D(name="pool")(backbone(layers.Conv2D(3, 1, name="to_rgb")(image)))
    access = ModelAccess(keras.Model(image, layers.Dense(7, name="logits")(layers.Flatten(name="flatten")(x))))
    assert access.default_layer() == access.spatial_layer() == "backbone"


def test_in_a_network_of_branches_the_last_layer_with_maps_has_all_of_them():
    image = layers.Input((48, 48, 1))
    branches = [layers.Conv2D(2, size, padding="same", activation="relu", name=f"by_{size}")(image) for size in (1, 3)]
    x = layers.MaxPooling2D(name="pool")(layers.Concatenate(name="both")(branches))
    access = ModelAccess(keras.Model(image, layers.Dense(7, name="logits")(layers.Flatten()(x))))
    assert access.default_layer() == "by_3" and access.spatial_layer() == "both"


def test_what_comes_before_a_layer_that_is_used_twice_is_there():
    image = layers.Input((48, 48, 1))
    first = layers.Conv2D(2, 3, padding="same", name="first")(layers.Rescaling(1 / 255, name="rescaling")(image))
    twice = layers.Conv2D(2, 3, padding="same", name="twice")
    x = layers.ReLU(name="re_lu_1")(twice(layers.ReLU(name="re_lu")(twice(first))))
    access = ModelAccess(keras.Model(image, layers.Dense(7, name="logits")(layers.Flatten(name="flatten")(x))))
    assert {*access.layers} == {"rescaling", "first", "twice", "re_lu", "re_lu_1", "flatten", "logits"}
    assert access.layer_shape("first") == (48, 48, 2) and access.rectified_layer("first") == "first"


def test_without_convolutions_the_default_is_the_last_layer_with_maps_or_the_last_of_all():
    image = layers.Input((48, 48, 1))
    x = layers.MaxPooling2D(name="pool")(layers.Rescaling(1 / 255, name="rescaling")(image))
    x = layers.Dense(7, name="logits")(layers.Flatten(name="flatten")(x))
    assert ModelAccess(keras.Model(image, x)).default_layer() == "rescaling"
    flat = layers.Dense(7, name="logits")(layers.Flatten(name="flatten")(image))
    assert ModelAccess(keras.Model(image, flat)).default_layer() == "logits"


def test_a_layer_and_the_logits_come_out_of_one_pass():
    model = fused_softmax()
    outputs, logits = ModelAccess(model).layer_and_logits("conv2d")(FACES)
    alone = keras.Model(model.inputs[0], model.get_layer("conv2d").output)
    np.testing.assert_allclose(outputs, alone(FACES[..., None]), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logits, ModelAccess(model).logits(FACES), rtol=1e-5)


def test_layers_that_another_model_uses_too_are_found():
    model = dense_then_activation()
    shared = model.get_layer("conv2d")
    shared(layers.Input((48, 48, 1)))  # from here on `shared.output` would raise
    np.testing.assert_allclose(ModelAccess(model).layer_and_logits("conv2d")(FACES)[0].shape, (3, 11, 11, 3))


@pytest.mark.parametrize("output", [0, 1])
def test_of_a_model_with_several_outputs_that_is_entered_the_one_that_is_used_is_explained(output):
    keras.utils.set_random_seed(2)
    inputs, x = body()
    inner = keras.Model(inputs, [layers.Dense(7, name="aux")(x), layers.Dense(7, name="main")(x)])
    outer = layers.Input((48, 48, 1))
    model = keras.Model(outer, layers.Softmax()(inner(outer)[output]))
    access = ModelAccess(model)
    expected = model(FACES[..., None]).numpy()
    np.testing.assert_allclose(keras.ops.softmax(access.logits(FACES)), expected, rtol=1e-5, atol=1e-6)
    name = ("aux", "main")[output]
    assert name in access.layers and access.gives_classes(name) and not {"aux", "main"} <= set(access.layers)


class Subclassed(keras.Model):
    def call(self, x):
        return x


def two_outputs():
    inputs, x = body()
    return keras.Model(inputs, [layers.Dense(7)(x), layers.Dense(2)(x)])


def two_inputs_within():
    inputs, x = body()
    one, other = layers.Input(x.shape[1:]), layers.Input(x.shape[1:])
    within = keras.Model([one, other], layers.Dense(7)(one + other), name="within")
    return keras.Model(inputs, within([x, x]))


def channels_first():
    inputs = layers.Input((48, 48, 1))
    x = layers.Conv2D(3, 5, data_format="channels_first", name="first")(layers.Permute((3, 1, 2))(inputs))
    return keras.Model(inputs, layers.Dense(7)(layers.Flatten()(x)))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Subclassed, "Received a Subclassed without symbolic inputs and outputs"),
        (lambda: keras.Sequential([layers.Dense(7)]), "Received a Sequential without symbolic inputs and outputs"),
        (two_outputs, "one input and one output. Received 1 and 2"),
        (lambda: keras.Sequential([layers.Input((2304,)), layers.Dense(7)]), r"Received \(2304,\)"),
        (lambda: keras.Sequential([layers.Input((48, 48, 2)), layers.Flatten()]), r"Received \(48, 48, 2\)"),
        (
            lambda: keras.Sequential([layers.Input((48, 48, 1), dtype="uint8"), layers.Flatten(), layers.Dense(7)]),
            "floating point inputs. Received uint8",
        ),
        (two_inputs_within, "models within the model to have one input. Received 'within' with 2"),
        (channels_first, "the channels last. Received 'first', which has them first"),
        (
            lambda: keras.Sequential([layers.Input((48, 48, 1)), layers.Conv2D(7, 3)]),
            r"outputs of \(classes,\). Received outputs of \(46, 46, 7\)",
        ),
    ],
)
def test_models_of_another_form_are_refused_in_one_line(model, message):
    with pytest.raises(UserError, match=message) as error:
        ModelAccess(model())
    assert "\n" not in str(error.value)


def test_the_list_of_methods_is_read_without_tensorflow():
    program = "import sys, fer_keras.explain.registry; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
