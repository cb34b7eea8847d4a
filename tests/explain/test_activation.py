"""Activation maximisation on networks whose best picture is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.errors import UserError
from fer_keras.explain import ascent
from fer_keras.explain.activation import STYLES, Visualisation, maximise, maximise_targets
from fer_keras.explain.filter_objective import FilterObjective
from fer_keras.explain.model_access import ModelAccess
from fer_keras.explain.picture_parameters import random_view
from fer_keras.explain.spectrum import mean_spectrum

FLAT = np.full((48, 48), 400.0, np.float32)  # magnitudes that keep pictures about gray well inside 0..255
FLAT[0, 0] = 127.5 * 48 * 48


def linear_model(weights):
    """Return a network whose logit k is the sum of weights[k] (48, 48) times the pixels, and six more of zero."""
    image = keras.Input((48, 48, 1))
    flat = keras.layers.Flatten(name="flatten")(image)
    dense = keras.layers.Dense(7, use_bias=False, name="logits")
    model = keras.Model(image, keras.layers.Activation("softmax", name="predictions")(dense(flat)))
    kernel = np.zeros((48 * 48, 7), np.float32)
    kernel[:, : len(weights)] = np.reshape(weights, (len(weights), -1)).T
    dense.set_weights([kernel])
    return model


def conv_model(bias=0.0, seed=0):
    """Return conv (4 filters) - ReLU - pooling - logits, with random weights."""
    image = keras.Input((48, 48, 1))
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(image)
    conv = keras.layers.Conv2D(4, 3, padding="same", name="conv2d")
    x = keras.layers.Activation("relu", name="activation")(conv(x))
    x = keras.layers.MaxPooling2D(name="max_pooling2d")(x)
    x = keras.layers.GlobalAveragePooling2D(name="global_average_pooling2d")(x)
    x = keras.layers.Dense(7, name="dense", activation="softmax")(x)
    rng = np.random.default_rng(seed)
    model = keras.Model(image, x)
    conv.set_weights([rng.normal(size=(3, 3, 1, 4)).astype(np.float32), np.full(4, bias, np.float32)])
    return model


def left_right():
    """Return weights that are negative on the left half of the picture and positive on the right."""
    return np.repeat((np.arange(48, dtype=np.float32) - 23.5)[None], 48, axis=0) / 1000


def test_plain_reaches_the_optimum_of_a_linear_unit():
    weights = np.random.default_rng(0).choice([-1.0, 1.0], (48, 48))
    found = maximise(linear_model([weights]), "logits", [0], style="plain")
    np.testing.assert_array_equal(found.images[0], np.where(weights > 0, 255, 0))
    assert found.activations[0] == pytest.approx(255 * (weights > 0).sum())
    assert found.saturated[0] == 1


def test_robust_nears_the_optimum_of_a_smooth_linear_unit_and_its_opposite():
    weights = left_right()
    best = 255 * weights.clip(min=0).sum()
    found = maximise(linear_model([weights, -weights]), "logits", [0, 1], steps=100)
    assert (found.activations > 0.7 * best).all()
    assert found.images[0, :, 28:].mean() > 215 and found.images[0, :, :20].mean() < 40
    assert found.images[1, :, 28:].mean() < 40 and found.images[1, :, :20].mean() > 215


def test_maco_keeps_the_magnitudes_and_finds_the_phases():
    low = np.abs(np.fft.fftfreq(48)) < 0.06  # a random view blurs and moves what is finer
    noise = np.random.default_rng(1).normal(size=(48, 48))
    weights = np.real(np.fft.ifft2(np.fft.fft2(noise) * low * low[:, None]))
    found = maximise(linear_model([weights]), "logits", [0], style="maco", spectrum=FLAT, steps=80)
    assert found.images.min() > 0 and found.images.max() < 255, "the test's spectrum must not clip"
    np.testing.assert_allclose(np.abs(np.fft.fft2(found.images[0])), FLAT, rtol=1e-3, atol=0.5)
    # Parseval: with these magnitudes no picture can have more than every frequency in phase with the weights.
    variable = FLAT.copy()
    variable[0, 0] = 0
    mean = 127.5 * weights.sum()
    bound = (np.abs(np.fft.fft2(weights)) * variable).sum() / 48**2
    assert 0.6 * bound < found.activations[0] - mean <= bound * 1.001


def test_maco_looks_at_its_pictures_through_noise_of_ten_gray_levels(monkeypatch):
    """On a spectrum without anything but the mean pictures stay gray: what the objective sees besides is noise."""
    seen = []

    class Objective:
        def __init__(self, network, targets, opened):
            pass

        def __call__(self, pictures):
            tf.numpy_function(lambda values: seen.append(values), [pictures], [])
            return tf.reduce_sum(pictures, axis=(1, 2))

    monkeypatch.setattr(ascent, "FilterObjective", Objective)
    gray = np.zeros((48, 48), np.float32)
    gray[0, 0] = 127.5 * 48 * 48
    targets = [("conv2d", 0), ("conv2d", 1)]
    ascent.maco(None, targets, spectrum=gray, steps=3, seed=0, progress=lambda done, total: None)
    noise = np.array(seen) - 127.5  # (steps, pictures, 48, 48)
    np.testing.assert_allclose(noise.std(axis=(2, 3)), 10, rtol=0.1)
    np.testing.assert_array_equal(noise[:, 0], noise[:, 1])  # no picture depends on its company
    np.testing.assert_allclose(np.corrcoef(noise[:, 0].reshape(3, -1)), np.eye(3), atol=0.1)  # other noise each step


def test_tf_keras_vis_climbs_is_repeatable_and_leaves_numpys_global_generator_alone():
    bright = np.ones((48, 48))  # its jitter rolls the picture itself: only what is the same everywhere is known
    model = linear_model([bright, -bright])
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    found = maximise(model, "logits", [0, 1], style="tf-keras-vis", steps=25)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    again = maximise(model, "logits", [0, 1], style="tf-keras-vis", steps=25)
    np.testing.assert_array_equal(found.images, again.images)
    assert found.images[0].mean() > 200 and found.images[1].mean() < 55


@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_pictures_in_range_and_the_activations_of_the_layer_itself(style):
    model = conv_model()
    targets = [("max_pooling2d", 2), ("conv2d", 1), ("activation", 0), ("dense", 3), ("conv2d", 0), ("rescaling", 0)]
    weights = [w.copy() for w in model.get_weights()]
    found = maximise_targets(model, targets, style=style, steps=4, spectrum=FLAT)
    assert found.images.shape == (6, 48, 48) and found.images.dtype == np.float32
    assert found.images.min() >= 0 and found.images.max() <= 255
    for image, (name, number), reached in zip(found.images, targets, found.activations, strict=True):
        output = keras.Model(model.inputs[0], model.get_layer(name).output)(image[None, ..., None])
        np.testing.assert_allclose(reached, np.asarray(output)[..., number].mean(), rtol=1e-4, atol=1e-5)
    for now, then in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)


def test_robust_moves_a_filter_that_never_fires_and_plain_cannot():
    model = conv_model(bias=-100.0)  # the ReLU is off for every picture
    plain = maximise(model, "activation", [0, 1], style="plain", steps=5)
    np.testing.assert_array_equal(plain.images[0], plain.images[1])  # noise, still
    robust = maximise_targets(model, [("activation", 0), ("activation", 1), ("max_pooling2d", 1)], steps=20)
    assert np.abs(robust.images[0] - robust.images[1]).mean() > 5
    assert np.abs(robust.images[0] - robust.images[2]).mean() > 5
    assert (robust.activations == 0).all()
    before = FilterObjective(ModelAccess(model), [("conv2d", 0), ("conv2d", 1)])  # what the ReLU shuts out
    assert (before(tf.constant(robust.images[:2])) > before(tf.constant(plain.images)) + 0.05).numpy().all()


def test_the_opened_objective_by_hand():
    model = conv_model(bias=-0.5)
    pictures = tf.random.stateless_uniform((3, 48, 48), (0, 1), 0.0, 255.0)
    targets = [("dense", 2), ("max_pooling2d", 1), ("activation", 3)]
    found = FilterObjective(ModelAccess(model), targets, opened=True)(pictures).numpy()

    x = (pictures.numpy() / 127.5 - 1)[..., None]
    kernel, bias = model.get_layer("conv2d").get_weights()
    padded = np.pad(x[..., 0], ((0, 0), (1, 1), (1, 1)))
    conv = bias + sum(
        padded[:, i : i + 48, j : j + 48, None] * kernel[i, j, 0] for i in range(3) for j in range(3)
    )  # (3, 48, 48, 4)
    leaky = np.where(conv > 0, conv, 0.1 * conv)
    pooled = leaky.reshape(3, 24, 2, 24, 2, 4).max(axis=(2, 4))
    dense, dense_bias = model.get_layer("dense").get_weights()
    logits = pooled.clip(min=0).mean(axis=(1, 2)) @ dense + dense_bias
    np.testing.assert_allclose(found[0], logits[0, 2], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[1], pooled[1, ..., 1].mean(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[2], leaky[2, ..., 3].mean(), rtol=1e-4, atol=1e-5)


def test_a_relu_is_opened_behind_batch_normalisation_and_pooling():
    image = keras.Input((48, 48, 1))
    conv = keras.layers.Conv2D(2, 3, padding="same", name="conv2d")(image)
    x = keras.layers.Activation("relu", name="activation")(conv)
    x = keras.layers.BatchNormalization(name="batch_normalization", epsilon=0)(x)
    x = keras.layers.MaxPooling2D(name="max_pooling2d")(x)
    model = keras.Model([image], keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(x)))
    scale, offset, mean, variance = np.array([[2.0, -3.0], [0.5, 1.0], [4.0, 5.0], [16.0, 9.0]])
    model.get_layer("batch_normalization").set_weights([scale, offset, mean, variance])
    pictures = tf.random.stateless_uniform((2, 48, 48), (0, 1), 0.0, 255.0)
    targets = [("batch_normalization", 1), ("max_pooling2d", 0)]
    found = FilterObjective(ModelAccess(model), targets, opened=True)(pictures).numpy()

    before = np.asarray(keras.Model([image], conv)([pictures[..., None]]))
    normalised = (np.where(before > 0, before, 0.1 * before) - mean) / np.sqrt(variance) * scale + offset
    pooled = normalised.reshape(2, 24, 2, 24, 2, 2).max(axis=(2, 4))
    np.testing.assert_allclose(found[0], normalised[0, ..., 1].mean(), rtol=1e-4)
    np.testing.assert_allclose(found[1], pooled[1, ..., 0].mean(), rtol=1e-4)


def test_a_relu_that_is_used_twice_is_opened_where_it_is_used_last():
    image = keras.Input((48, 48, 1))
    relu, pool = keras.layers.ReLU(name="re_lu"), keras.layers.MaxPooling2D(name="max_pooling2d")
    x = pool(relu(keras.layers.Conv2D(2, 3, padding="same")(image)))
    second = keras.layers.Conv2D(3, 3, padding="same")(x)
    model = keras.Model([image], keras.layers.Dense(7)(keras.layers.Flatten()(pool(relu(second)))))
    pictures = tf.random.stateless_uniform((2, 48, 48), (0, 1), 0.0, 255.0)
    found = FilterObjective(ModelAccess(model), [("re_lu", 2), ("max_pooling2d", 2)], opened=True)(pictures).numpy()
    before = np.asarray(keras.Model([image], second)([pictures[..., None]]))
    leaky = np.where(before > 0, before, 0.1 * before)
    np.testing.assert_allclose(found[0], leaky[0, ..., 2].mean(), rtol=1e-4)
    np.testing.assert_allclose(found[1], leaky[1, ..., 2].reshape(12, 2, 12, 2).max(axis=(1, 3)).mean(), rtol=1e-4)


def test_a_filters_picture_does_not_depend_on_its_company_and_the_seed_fixes_it():
    model = conv_model()
    together = maximise(model, "conv2d", [0, 1, 2], steps=8, seed=5)
    alone = maximise(model, "conv2d", [1], steps=8, seed=5)
    split = maximise(model, "conv2d", [0, 1, 2], steps=8, seed=5, batch_size=2)
    np.testing.assert_allclose(alone.images[0], together.images[1], atol=0.05)
    np.testing.assert_allclose(split.images, together.images, atol=0.05)
    other = maximise(model, "conv2d", [1], steps=8, seed=6)
    assert np.abs(other.images - alone.images).max() > 1


def test_progress_counts_to_the_end():
    calls = []
    maximise(conv_model(), "conv2d", [0, 1, 2], steps=3, batch_size=2, progress=lambda *done: calls.append(done))
    assert calls == [(i, 6) for i in range(1, 7)]


def test_saturation_counts_both_ends_of_the_range():
    images = np.full((1, 48, 48), 128.0, np.float32)
    images[0, 0, :4] = (0, 2, 253, 255)
    images[0, 1, :2] = (2.5, 252.5)
    found = Visualisation(images, np.zeros(1), (("conv2d", 0),))
    assert found.saturated[0] == pytest.approx(4 / 48**2)


def test_a_view_keeps_gray_and_its_gradient_is_that_of_the_interpolation():
    seed = tf.constant([3, 4])
    gray = random_view(tf.fill((1, 48, 48), 127.5), seed).numpy()
    np.testing.assert_allclose(gray, 127.5, rtol=1e-5)
    a = tf.random.stateless_uniform((2, 48, 48), (1, 1), 0.0, 255.0)
    b = tf.random.stateless_normal((2, 48, 48), (1, 2))
    with tf.GradientTape() as tape:
        tape.watch(a)
        product = tf.reduce_sum(random_view(a, seed) * b)
    gradient = tape.gradient(product, a)
    # A view is linear in the picture but for the gray border, so <view(a) - view(0), b> = <a, gradient>.
    border = tf.reduce_sum(random_view(tf.zeros_like(a), seed) * b)
    np.testing.assert_allclose(product - border, tf.reduce_sum(a * gradient), rtol=1e-4, atol=1.0)
    assert np.abs(random_view(a, seed) - a).mean() > 1


def test_the_mean_spectrum_of_waves():
    x = np.arange(48)
    wave = np.repeat(128 + 50 * np.cos(2 * np.pi * 3 * x / 48)[None], 48, axis=0)
    shifted = np.repeat(128 + 100 * np.cos(2 * np.pi * 3 * (x - 5) / 48)[None], 48, axis=0)
    found = mean_spectrum(np.stack([wave, shifted]), batch_size=1)
    expected = np.zeros((48, 48))
    expected[0, 0] = 128 * 48**2
    expected[0, [3, -3]] = 75 / 2 * 48**2  # the mean of 50 and 100: phases do not cancel
    np.testing.assert_allclose(found, expected, atol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer_name": "conv2d_24"}, "conv2d"),
        ({"filters": [4]}, "0 to 3"),
        ({"filters": [-1]}, "0 to 3"),
        ({"style": "robst"}, "robust"),
        ({"style": "maco"}, "spectrum"),
    ],
)
def test_mistakes_are_told(options, message):
    with pytest.raises(UserError, match=message):
        maximise(conv_model(), **({"layer_name": "conv2d", "filters": [0]} | options))


def test_tf_keras_vis_refuses_pictures_of_another_size():
    image = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(2, 3, name="conv2d")(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(7, name="logits")(x))
    assert maximise(model, "conv2d", [0], steps=2).images.shape == (1, 48, 48)
    with pytest.raises(UserError, match="another style"):
        maximise(model, "conv2d", [0], steps=2, style="tf-keras-vis")


def test_robust_moves_a_filter_that_never_fires_behind_a_fused_relu_too():
    inputs = keras.layers.Input((48, 48, 1))
    x = keras.layers.Conv2D(2, 5, activation="relu", name="conv", bias_initializer=keras.initializers.Constant(-1e4))(
        inputs
    )
    x = keras.layers.MaxPooling2D(name="pool")(x)
    model = keras.Model(inputs, keras.layers.Dense(7)(keras.layers.Flatten()(x)))
    found = maximise_targets(model, [("pool", 0), ("pool", 1)], steps=20)
    assert np.abs(found.images[0] - found.images[1]).mean() > 5 and (found.activations == 0).all()
