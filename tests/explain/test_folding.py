import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.explain.folding import fold_batch_norm
from fer_keras.models import catalog
from fer_keras.models.registry import build

PIXELS = np.random.default_rng(0).uniform(0, 255, (2, 48, 48, 1)).astype(np.float32)


def used(model: keras.Model) -> keras.Model:
    """Give the batch normalisations of a new network statistics and scales that matter."""
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight, low, high in ((layer.gamma, 0.5, 1.5), (layer.beta, -0.5, 0.5), (layer.moving_mean, -0.3, 0.3)):
                weight.assign(random.uniform(low, high, weight.shape))
            layer.moving_variance.assign(random.uniform(0.5, 2, layer.moving_variance.shape))
    return model


def logits_and_gradient(model: keras.Model):
    inner, pixels = keras.Model(model.inputs, model.get_layer("logits").output), tf.constant(PIXELS)
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        logits = inner([pixels], training=False)
        score = logits[:, 3]
    return logits.numpy(), tape.gradient(score, pixels).numpy()


@pytest.mark.parametrize("name", catalog.ARCHITECTURES)
def test_every_network_keeps_its_logits_and_gradients(name):
    model = used(build(name))
    weights, nodes = model.get_weights(), [len(layer._inbound_nodes) for layer in model.layers]
    folded = fold_batch_norm(model)
    for ours, theirs in zip(logits_and_gradient(folded), logits_and_gradient(model), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * np.abs(theirs).max())
    for now, then in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(now, then)
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes


def test_vgg25_loses_all_of_its_normalisations():
    folded = fold_batch_norm(build("vgg25"))
    assert not [layer for layer in folded.layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_a_normalisation_of_what_is_used_elsewhere_too_stays():
    image = keras.Input((48, 48, 1))
    conv = keras.layers.Conv2D(2, 3, name="conv2d")(image)
    both = keras.layers.Add()([conv, keras.layers.BatchNormalization(name="batch_normalization")(conv)])
    model = keras.Model([image], keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(both)))
    assert fold_batch_norm(model) is model


def test_a_model_with_layers_that_are_not_known_is_left_as_it_is():
    image = keras.Input((48, 48, 1))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(2, 3)(image))
    x = keras.layers.GaussianNoise(0.1)(x)
    model = keras.Model([image], keras.layers.Dense(7, name="logits")(keras.layers.Flatten()(x)))
    assert fold_batch_norm(model) is model
