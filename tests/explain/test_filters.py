"""Activations by emotion against scikit-learn and against models whose answer is known."""

import keras
import numpy as np
import pytest
from sklearn.feature_selection import f_classif

from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError
from fer_keras.explain.filters import (
    emotion_statistics,
    emotion_table,
    layer_activations,
    pixel_weights,
    top_images,
)


def halves_model(scale=1.0, offset=0.0):
    """Return a network with a convolution of three filters: the image, its negative, and a constant."""
    image = keras.Input((48, 48, 1))
    conv = keras.layers.Conv2D(3, 1, name="conv2d")
    x = keras.layers.ReLU(name="re_lu")(conv(image))
    x = keras.layers.Conv2D(2, 3, name="conv2d_1")(x)
    flat = keras.layers.Flatten(name="flatten")(x)
    model = keras.Model(image, keras.layers.Dense(7, name="logits")(flat))
    kernel = np.array([scale, -scale, 0.0], np.float32).reshape(1, 1, 1, 3)
    conv.set_weights([kernel, np.full(3, offset, np.float32)])
    return model


def faces(n=60, seed=0, brightest=3):
    """Return images whose brightness depends on the emotion, and their labels: `brightest` is the brightest."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 7)
    level = 60 + 10 * ((labels - brightest - 1) % 7)
    return np.clip(level[:, None, None] + rng.normal(0, 15, (n, 48, 48)) + rng.normal(0, 10, (n, 1, 1)), 0, 255), labels


def test_layer_activations_are_means_over_the_map():
    images, _ = faces()
    found = layer_activations(halves_model(), "conv2d", images, batch_size=7)
    assert found.shape == (60, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], images.mean(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], -images.mean(axis=(1, 2)), rtol=1e-5)


def test_top_images_are_the_strongest_in_order():
    activations = np.array([[1.0, 5.0], [3.0, 5.0], [2.0, -1.0], [9.0, 7.0]])
    np.testing.assert_array_equal(top_images(activations, 3), [[3, 1, 2], [3, 0, 1]])
    assert top_images(activations, 9).shape == (2, 4)


def test_statistics_by_emotion():
    images, labels = faces()
    first, second = emotion_statistics(halves_model(), images, labels, batch_size=16)
    assert (first.layer, second.layer) == ("conv2d", "conv2d_1")
    brightness = images.mean(axis=(1, 2))
    groups = [brightness[labels == label] for label in range(7)]
    means = np.array([group.mean() for group in groups])
    np.testing.assert_array_equal(first.counts, np.bincount(labels))
    np.testing.assert_allclose(first.means[:, 0], means, rtol=1e-5)
    assert first.top_emotions().tolist() == [means.argmax(), means.argmin(), -1] and means.argmax() == 3

    pooled = np.sqrt(np.concatenate([group - group.mean() for group in groups]).var())
    lead = (means.max() - np.delete(means, means.argmax()).mean()) / pooled
    np.testing.assert_allclose(first.standout()[0], lead, rtol=1e-4)
    f = f_classif(brightness[:, None], labels)[0][0]
    eta_squared = f * 6 / (f * 6 + len(labels) - 7)
    np.testing.assert_allclose(first.eta_squared()[:2], eta_squared, rtol=1e-4)
    assert np.isnan(first.standout()[2]) and np.isnan(first.eta_squared()[2])


def test_statistics_do_not_depend_on_the_batches_and_survive_a_large_offset():
    images, labels = faces()
    one = emotion_statistics(halves_model(), images, labels, ["conv2d"], batch_size=60)[0]
    many = emotion_statistics(halves_model(), images, labels, ["conv2d"], batch_size=8)[0]
    np.testing.assert_allclose(one.standout(), many.standout(), rtol=1e-6)
    # 100,000 above zero: float32 activations keep a resolution of 0.01 of a spread of about 20.
    high = emotion_statistics(halves_model(offset=1e5), images, labels, ["conv2d"], batch_size=8)[0]
    np.testing.assert_allclose(high.eta_squared()[0], one.eta_squared()[0], rtol=1e-2)


def test_an_emotion_without_images_is_nan_and_never_on_top():
    images, labels = faces()
    there = labels != 3
    found = emotion_statistics(halves_model(), images[there], labels[there], ["conv2d"])[0]
    assert found.counts[3] == 0 and np.isnan(found.means[3]).all()
    assert found.top_emotions()[0] == 2
    brightness = images[there].mean(axis=(1, 2))
    groups = [brightness[labels[there] == label] for label in (2, 0, 1, 4, 5, 6)]
    first, *others = [group.mean() for group in groups]
    pooled = np.sqrt(np.concatenate([group - group.mean() for group in groups]).var())
    np.testing.assert_allclose(found.standout()[0], (first - np.sum(others) / 5) / pooled, rtol=1e-4)


def test_of_one_emotion_alone_nothing_stands_out():
    images, labels = faces()
    of_one = labels == 3
    found = emotion_statistics(halves_model(), images[of_one], labels[of_one], ["conv2d"])
    assert (found[0].top_emotions() == -1).all() and np.isnan(found[0].standout()).all()
    assert (emotion_table(found).top_emotion == "").all()


def test_of_one_image_of_each_emotion_no_filter_stands_out_by_rounding():
    images, labels = faces(7)
    statistics = emotion_statistics(halves_model(), images + 0.1, labels, ["conv2d"])[0]
    assert not statistics.within_variance.any() and np.isnan(statistics.standout()).all()


def test_the_table_has_a_row_for_each_filter(tmp_path):
    images, labels = faces()
    table = emotion_table(emotion_statistics(halves_model(), images, labels))
    assert list(table.columns) == ["layer", "filter", "top_emotion", "standout", "eta_squared", *EMOTIONS]
    assert list(zip(table.layer, table["filter"], strict=True)) == [
        ("conv2d", 0), ("conv2d", 1), ("conv2d", 2), ("conv2d_1", 0), ("conv2d_1", 1)
    ]  # fmt: skip
    assert table.top_emotion[0] == "happy" and table.top_emotion[2] == ""
    assert table.happy[0] == pytest.approx(images[labels == 3].mean(), rel=1e-5)


def test_progress_counts_images():
    images, labels = faces()
    calls = []
    emotion_statistics(halves_model(), images, labels, batch_size=25, progress=lambda *done: calls.append(done))
    assert calls == [(25, 60), (50, 60), (60, 60)]


def test_pixel_weights_of_a_linear_layer_are_its_weights():
    image = keras.Input((48, 48, 1))
    dense = keras.layers.Dense(7, name="logits")
    model = keras.Model(image, dense(keras.layers.Flatten()(image)))
    kernel = dense.get_weights()[0].reshape(48, 48, 7)
    images, labels = faces()
    kept = labels != 5
    found = pixel_weights(model, "logits", images[kept], labels[kept], filters=[2], batch_size=16)
    for one, expected in zip(found, (kernel[..., 2], np.abs(kernel[..., 2])), strict=True):
        assert one.shape == (7, 48, 48) and one.dtype == np.float32
        assert np.isnan(one[5]).all()
        for label in (0, 1, 2, 3, 4, 6):
            np.testing.assert_allclose(one[label], expected, rtol=1e-5, atol=1e-8)
    of_all, _ = pixel_weights(model, "logits", images, labels)
    np.testing.assert_allclose(of_all[0], kernel.mean(axis=-1), rtol=1e-4, atol=1e-7)


def test_gradients_that_cancel_out_in_the_mean_have_a_magnitude():
    """The unit is |mean of the face - 100|: its gradient is 1/48^2 above, and as much below, at every pixel."""
    image = keras.Input((48, 48, 1))
    x = keras.layers.Rescaling(1.0, offset=-100.0)(keras.layers.GlobalAveragePooling2D()(image))
    model = keras.Model(image, keras.layers.Dense(7)(keras.layers.Activation(keras.ops.abs, name="off")(x)))
    images, labels = np.array([[[50.0]], [[150.0]]]) * np.ones((2, 48, 48)), np.array([2, 2])
    means, magnitudes = pixel_weights(model, "off", images, labels)
    np.testing.assert_allclose(means[2], 0, atol=1e-9)
    np.testing.assert_allclose(magnitudes[2], 1 / 48**2, rtol=1e-5)


def test_pixel_weights_of_the_own_class_are_those_of_each_label():
    image = keras.Input((48, 48, 1))
    dense = keras.layers.Dense(7, name="logits")
    x = keras.layers.Softmax(name="predictions")(dense(keras.layers.Flatten()(image)))
    model = keras.Model(image, x)
    dense.set_weights([1e-4 * dense.get_weights()[0], dense.get_weights()[1]])  # so that no probability is 0 or 1
    kernel = dense.get_weights()[0].reshape(48, 48, 7)
    images, labels = faces()
    found, _ = pixel_weights(model, "logits", images, labels, own=True, batch_size=16)
    np.testing.assert_allclose(found, kernel.transpose(2, 0, 1), rtol=1e-4, atol=1e-9)
    # dp_k/dx = p_k (w_k - sum_j p_j w_j); the mean over all k, which is taken without `own`, has no gradient
    one = images[labels == 4][:1]
    p = np.asarray(model(one[..., None].astype(np.float32)))[0]
    expected = p[4] * (kernel[..., 4] - kernel @ p)
    found = pixel_weights(model, "predictions", one, np.array([4]), own=True)[0][4]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


def test_pixel_weights_behind_a_relu_differ_by_emotion():
    images = np.zeros((4, 48, 48))
    images[2:] = 200.0
    labels = np.array([0, 0, 1, 1])
    model = halves_model(offset=-100.0)  # the ReLU passes bright images only
    found, _ = pixel_weights(model, "re_lu", images, labels, filters=[0])
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_allclose(found[1], 1 / 48**2, rtol=1e-5)


def test_mistakes_are_told():
    images, labels = faces()
    with pytest.raises(UserError, match="0 to 2"):
        pixel_weights(halves_model(), "conv2d", images, labels, filters=[3])
    with pytest.raises(UserError, match="Did you mean"):
        emotion_statistics(halves_model(), images, labels, ["conv2"])
