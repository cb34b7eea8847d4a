"""Class activation maps on networks small enough to work out by hand, and against tf-keras-vis."""

import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fer_keras.errors import UserError
from fer_keras.explain.cam import GradCam, GradCamPlusPlus, LayerCam, ScoreCam, enlarge

RNG = np.random.default_rng(2)
IMAGES = RNG.integers(0, 256, (2, 48, 48), dtype=np.uint8)
TARGETS = np.array([1, 0])


def one_channel_network(weight):
    """activation = the pixel, (48, 48, 1); logit 0 = weight x its mean, logit 1 = minus that."""
    inputs = layers.Input((48, 48, 1))
    x = layers.Conv2D(1, 1, use_bias=False, name="conv2d")(inputs)
    x = layers.Dense(2, use_bias=False, name="logits")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, layers.Activation("softmax")(x))
    model.set_weights([np.ones((1, 1, 1, 1), np.float32), np.array([[weight, -weight]], np.float32)])
    return model


def convolutional_network():
    """Logits of convolutions that keep 48x48, so that no method has to enlarge anything."""
    keras.utils.set_random_seed(8)
    inputs = layers.Input((48, 48, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    x = layers.Conv2D(4, 3, padding="same", activation="tanh", name="conv2d")(x)
    x = layers.Conv2D(5, 3, padding="same", activation="relu", name="conv2d_1")(x)
    x = layers.MaxPooling2D(6)(x)
    return keras.Model(inputs, layers.Dense(3, name="logits")(layers.Flatten()(x)))


# The gradient of logit 0 is weight / 48^2 at every place, so that is the channel's weight in Grad-CAM, in LayerCAM, and
# in Grad-CAM++, whose alphas of one channel are all alike and sum to 1. For logit 1 it is negative: nothing is left.
@pytest.mark.parametrize("method", [GradCam, GradCamPlusPlus, LayerCam])
def test_the_map_of_a_network_of_one_channel(method):
    explainer = method(one_channel_network(weight=3.0))
    expected = 3.0 / 48**2 * IMAGES
    np.testing.assert_allclose(explainer.explain(IMAGES, np.array([0, 0])), expected, rtol=1e-5)
    assert (explainer.explain(IMAGES, np.array([1, 1])) == 0).all()


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("method", [GradCam, GradCamPlusPlus, LayerCam])
def test_maps_need_no_gradient_with_respect_to_the_pixels(method, trained):
    """A conversion to integers, which these pixels are already, changes nothing but takes that gradient away."""
    inputs = layers.Input((48, 48, 1))
    whole = keras.ops.cast(keras.ops.cast(inputs, "int32"), "float32")
    x = layers.Conv2D(1, 1, use_bias=False, name="conv2d", trainable=trained)(whole)
    x = layers.Dense(2, use_bias=False, name="logits", trainable=trained)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(inputs, x)
    model.set_weights([np.ones((1, 1, 1, 1), np.float32), np.array([[3.0, -3.0]], np.float32)])
    maps = method(model).explain(IMAGES, np.array([0, 0]))
    np.testing.assert_allclose(maps, 3.0 / 48**2 * IMAGES, rtol=1e-5)


def test_a_layer_whose_outputs_are_rounded_is_refused():
    inputs = layers.Input((48, 48, 1))
    x = keras.ops.cast(layers.Conv2D(2, 3, strides=4, name="conv2d")(inputs), "int32")
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(keras.ops.cast(x, "float32"))))
    with pytest.raises(UserError, match="Received 'conv2d', with a step before or behind it that has none") as error:
        GradCam(model)
    assert "\n" not in str(error.value)


def test_score_cam_of_a_network_of_one_channel():
    # The mask is the picture scaled to 0..1 (it holds a 0 and a 255), the masked picture x^2 / 255 in the mean.
    image = IMAGES[:1].copy()
    image[0, 0, :2] = 0, 255
    pixels = image[0].astype(np.float64)
    probability = 1 / (1 + np.exp(-2 * 0.01 * np.mean(pixels**2 / 255)))
    maps = ScoreCam(one_channel_network(weight=0.01)).explain(image, np.array([0]))
    np.testing.assert_allclose(maps[0], probability * pixels, rtol=1e-4)


def test_score_cam_of_the_liveliest_channels_alone():
    # Channel 1 is flat: with one channel asked for, it goes and nothing but channel 0 remains.
    inputs = layers.Input((48, 48, 1))
    x = layers.Conv2D(2, 1, name="conv2d")(inputs)
    model = keras.Model(inputs, layers.Dense(2, use_bias=False)(layers.GlobalAveragePooling2D()(x)))
    kernel, bias = np.array([[[[1.0, 0.0]]]], np.float32), np.array([0.0, 50.0], np.float32)
    model.set_weights([kernel, bias, np.zeros((2, 2), np.float32)])
    both = ScoreCam(model).explain(IMAGES, TARGETS)
    one = ScoreCam(model, channels=1).explain(IMAGES, TARGETS)
    np.testing.assert_allclose(one, 0.5 * IMAGES, rtol=1e-5)
    np.testing.assert_allclose(both, 0.5 * IMAGES + 0.5 * 50.0, rtol=1e-5)


def test_a_map_is_enlarged_about_the_centres_of_its_cells():
    large = enlarge(tf.constant([[[0.0, 1.0], [2.0, 3.0]]])).numpy()[0]
    assert large.shape == (48, 48)
    # The centres of the cells lie at 11.5 and 35.5 pixels; beyond them the map is flat, between them it is linear.
    np.testing.assert_allclose(large[[0, 0, -1, -1], [0, -1, 0, -1]], [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_allclose(large[0, 12:36], (np.arange(12, 36) - 11.5) / 24, rtol=1e-5)
    np.testing.assert_allclose(large, 3.0 - large[::-1, ::-1], atol=1e-6)


def grad_cam_plus_plus(activations, gradients):
    """The authors' program in loops over one image, (H, W, C) each; tf-keras-vis normalises by all places instead."""
    result = np.zeros(activations.shape[:2])
    for a, g in zip(activations.transpose(2, 0, 1), gradients.transpose(2, 0, 1), strict=True):
        alphas = np.zeros_like(g)
        for place in zip(*np.nonzero(g > 0), strict=True):
            alphas[place] = g[place] ** 2 / (2 * g[place] ** 2 + g[place] ** 3 * a.sum())
        if alphas.any():
            result += a * (alphas / alphas.sum() * g.clip(min=0)).sum()
    return result.clip(min=0)


def test_grad_cam_plus_plus_is_that_of_its_authors_where_gradients_are_negative_too():
    rng = np.random.default_rng(4)
    activations = rng.uniform(0, 2, (3, 5, 4, 6))
    gradients = rng.normal(0, 0.4, activations.shape)
    gradients[0, ..., 0], gradients[0, 0, 0, 1] = -1.0, 0.0  # a channel that speaks against the class, and a dead place
    ours = GradCamPlusPlus._cam(tf.constant(activations, tf.float32), tf.constant(gradients, tf.float32)).numpy()
    expected = [grad_cam_plus_plus(a, g) for a, g in zip(activations, gradients, strict=True)]
    np.testing.assert_allclose(ours, expected, rtol=1e-4)
    assert ours.min() > 0  # after a ReLU no channel's weight is negative


@pytest.fixture(scope="module")
def peers():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scipy, about a name that tf-keras-vis imports
        from tf_keras_vis.gradcam import Gradcam
        from tf_keras_vis.layercam import Layercam
        from tf_keras_vis.scorecam import Scorecam
    return {GradCam: Gradcam, LayerCam: Layercam, ScoreCam: Scorecam}


@pytest.mark.parametrize("layer", ["conv2d", "conv2d_1"])
@pytest.mark.parametrize("method", [GradCam, LayerCam, ScoreCam])
def test_maps_equal_those_of_tf_keras_vis(method, layer, peers, monkeypatch):
    from tf_keras_vis.utils.scores import CategoricalScore

    model = convolutional_network()
    monkeypatch.setattr(model, "predict", lambda x, batch_size: model(x[0]).numpy())  # without a progress bar
    inputs = IMAGES.astype(np.float32)[..., None]
    peer = peers[method](model)(
        CategoricalScore(TARGETS.tolist()), inputs, penultimate_layer=layer, normalize_cam=False
    )
    ours = method(model, layer=layer).explain(IMAGES, TARGETS)
    assert ours.max() > 0
    np.testing.assert_allclose(ours, peer, rtol=2e-3, atol=1e-5 * np.abs(peer).max())


def test_the_layer_is_the_last_before_pooling_unless_named():
    model = convolutional_network()
    assert GradCam(model).layer == "conv2d_1"
    assert ScoreCam(model).layer == "conv2d_1"
    assert LayerCam(model, layer="conv2d").layer == "conv2d"


@pytest.mark.parametrize("method", [GradCam, ScoreCam])
def test_layers_that_have_no_map_are_refused(method):
    with pytest.raises(UserError, match=r"Received 'logits' with outputs of shape \(3,\). Expected one of: .*conv2d_1"):
        method(convolutional_network(), layer="logits")
    with pytest.raises(UserError, match=r"no layer 'conv_1'. Did you mean 'conv2d_1'\?"):
        method(convolutional_network(), layer="conv_1")
    with pytest.raises(UserError, match="expected a model with a layer whose outputs have height and width"):
        inputs = layers.Input((48, 48, 1))
        method(keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling2D()(inputs))))
