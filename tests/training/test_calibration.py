import keras
import numpy as np
import pytest

from fer_keras.models.registry import build
from fer_keras.training.calibration import CALIBRATION_IMAGES, calibrate_batch_norm, calibration_images


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (300, 48, 48), dtype=np.uint8)


def one_layer(dropout: float) -> keras.Model:
    """A dropout and a batch normalisation of the pixels themselves."""
    image = keras.Input((48, 48, 1))
    x = keras.layers.Dropout(dropout)(image)
    return keras.Model([image], keras.layers.BatchNormalization(name="batch_normalization", momentum=0.9)(x))


def test_statistics_are_those_of_the_plain_images_in_whole_batches(images):
    model = one_layer(dropout=0.5)
    calibrate_batch_norm(model, images)
    layer, batches = model.get_layer("batch_normalization"), images[:256].reshape(2, -1).astype(np.float64)
    np.testing.assert_allclose(layer.moving_mean, [batches.mean()], rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, [batches.var(axis=1).mean()], rtol=1e-4)
    assert layer.momentum == 0.9 and model.layers[1].rate == 0.5


def test_a_few_images_are_one_batch(images):
    model = one_layer(dropout=0)
    calibrate_batch_norm(model, images[:5])
    np.testing.assert_allclose(
        model.get_layer("batch_normalization").moving_variance, [images[:5].astype(float).var()], rtol=1e-4
    )


def test_a_calibrated_network_normalises_every_layer_of_the_images_it_was_calibrated_on(images):
    model = build("cnn3", seed=1)
    before = {weight.path: weight.numpy() for weight in model.trainable_weights}
    calibrate_batch_norm(model, images[:64])
    last = keras.Model(model.inputs, model.get_layer("batch_normalization_2").output)
    maps = last.predict(images[:64, ..., None].astype(np.float32), verbose=0)
    np.testing.assert_allclose(maps.mean(axis=(0, 1, 2)), 0, atol=1e-3)
    np.testing.assert_allclose(maps.std(axis=(0, 1, 2)), 1, atol=2e-2)
    for weight in model.trainable_weights:
        np.testing.assert_array_equal(weight, before[weight.path])


def test_a_network_without_batch_normalisation_stays_as_it_is(images):
    model = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    before = model.get_weights()
    calibrate_batch_norm(model, images)
    for weight, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_the_same_images_are_drawn_for_the_same_seed():
    images = np.arange(9000, dtype=np.uint32).reshape(9000, 1, 1)
    first, again, other = (calibration_images(images, seed).ravel() for seed in (0, 0, 1))
    assert len(np.unique(first)) == CALIBRATION_IMAGES
    assert len(calibration_images(images[:1000], 0)) == 250
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(calibration_images(images[:9], 0), images[:9])
