"""Gradient methods on networks whose gradients are known."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from fer_keras.errors import UserError
from fer_keras.explain.gradients import GradientTimesInput, IntegratedGradients, Saliency, SmoothGrad
from fer_keras.explain.guided import GuidedBackprop

IMAGES = np.random.default_rng(1).integers(0, 256, (3, 48, 48), dtype=np.uint8)
TARGETS = np.array([2, 0, 1])


def linear_network():
    """Three logits that are linear in the pixels; returns the network and its weights, (48, 48, 3)."""
    weights = np.random.default_rng(2).normal(size=(48 * 48, 3)).astype(np.float32)
    model = keras.Sequential([layers.Input((48, 48, 1)), layers.Flatten(), layers.Dense(3), layers.Softmax()])
    model.layers[1].set_weights([weights, np.array([1.0, -2.0, 3.0], np.float32)])
    return model, weights.reshape(48, 48, 3)


def convolutional_network(activation="relu"):
    keras.utils.set_random_seed(5)
    inputs = layers.Input((48, 48, 1))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(4, 5, strides=3, activation=activation)(x)
    x = layers.Conv2D(4, 3, strides=2, activation=activation)(x)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def test_the_gradient_of_a_linear_network_is_its_weights():
    model, weights = linear_network()
    expected = np.stack([weights[..., target] for target in TARGETS])
    np.testing.assert_allclose(Saliency(model).explain(IMAGES, TARGETS), np.abs(expected), rtol=1e-6)
    np.testing.assert_allclose(GradientTimesInput(model).explain(IMAGES, TARGETS), expected * IMAGES, rtol=1e-6)
    np.testing.assert_allclose(GuidedBackprop(model).explain(IMAGES, TARGETS), expected, rtol=1e-6)
    smooth = SmoothGrad(model, samples=5).explain(IMAGES, TARGETS)
    np.testing.assert_allclose(smooth, expected, rtol=1e-5, atol=1e-6)
    from_white = IntegratedGradients(model, baseline=255.0).explain(IMAGES, TARGETS)
    np.testing.assert_allclose(from_white, expected * (IMAGES - 255.0), rtol=1e-5, atol=1e-4)


def test_gradients_in_colour_are_those_of_the_gray_pixel():
    # The gray pixel stands in all three channels: moving it moves all three.
    weights = np.random.default_rng(2).normal(size=(48 * 48 * 3, 2)).astype(np.float32)
    model = keras.Sequential([layers.Input((48, 48, 3)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    model.layers[1].set_weights([weights, np.zeros(2, np.float32)])
    expected = np.abs(weights.reshape(48, 48, 3, 2).sum(axis=2)[..., 1])
    maps = Saliency(model).explain(IMAGES, np.array([1, 1, 1]))
    np.testing.assert_allclose(maps, np.broadcast_to(expected, maps.shape), rtol=1e-4, atol=1e-6)


def test_the_gradient_is_the_difference_quotient_through_a_change_of_size():
    model = keras.Sequential([layers.Input((20, 30, 1)), layers.Flatten(), layers.Dense(1)])
    explainer = GradientTimesInput(model)
    image = np.zeros((1, 48, 48), np.float32)
    image[0, 20, 11] = 1.0
    # The network is linear: the logit of one lit pixel, less that of black, is the pixel's share.
    black, lit = (explainer.network.logits(x).numpy()[0, 0] for x in (image * 0, image))
    assert lit != black
    np.testing.assert_allclose(explainer.explain(image)[0, 20, 11], lit - black, rtol=1e-4)


@pytest.mark.parametrize(("activation", "tolerance"), [("tanh", 1e-4), ("relu", 0.02)])
@pytest.mark.parametrize("baseline", [0.0, np.random.default_rng(3).uniform(0, 255, (48, 48))], ids=["black", "image"])
def test_integrated_gradients_sum_to_the_difference_of_the_logits(activation, tolerance, baseline):
    model = convolutional_network(activation)
    maps = IntegratedGradients(model, steps=50, baseline=baseline).explain(IMAGES, TARGETS)
    inputs = np.stack([*IMAGES, np.broadcast_to(baseline, (48, 48))]).astype(np.float32)[..., None]
    logits = model.predict(inputs, verbose=0)
    expected = logits[range(3), TARGETS] - logits[3, TARGETS]
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), expected, atol=tolerance * np.abs(logits).max())


@pytest.mark.parametrize("baseline", [0.0, 90.0])
def test_what_integrated_gradients_should_sum_to_is_told(baseline):
    model = convolutional_network("relu")
    explainer = IntegratedGradients(model, steps=3, baseline=baseline)
    maps = explainer.explain(IMAGES, TARGETS)
    sums, expected = explainer.completeness(IMAGES, maps, TARGETS)
    logits = model.predict(np.stack([*IMAGES, np.full((48, 48), baseline)]).astype(np.float32)[..., None], verbose=0)
    np.testing.assert_allclose(sums, maps.sum(axis=(1, 2)), rtol=1e-4)
    np.testing.assert_allclose(expected, logits[range(3), TARGETS] - logits[3, TARGETS], rtol=1e-3, atol=1e-4)


def test_smoothgrad_without_noise_is_the_gradient_and_the_seed_makes_the_noise():
    model = convolutional_network()
    gradient = Saliency(model).explain(IMAGES)
    np.testing.assert_allclose(np.abs(SmoothGrad(model, samples=2, noise=0.0).explain(IMAGES)), gradient, rtol=1e-5)
    one, same, other = (SmoothGrad(model, samples=2, seed=seed).explain(IMAGES) for seed in (1, 1, 2))
    np.testing.assert_allclose(one, same, rtol=1e-5, atol=1e-7)
    assert not np.allclose(one, other, rtol=1e-2)


def relu_chain(activation_layer):
    """One pixel x -> 4 units -> 2 units -> one logit, worked out by hand below. Reads pixel (0, 0) only."""
    first = np.zeros((48 * 48, 4), np.float32)
    first[0] = [1.0, -1.0, 2.0, 1.0]
    second = np.array([[1.0, 1.0], [5.0, 5.0], [-1.0, 1.0], [-3.0, 2.0]], np.float32)
    third = np.array([[-1.0], [1.0]], np.float32)
    model = keras.Sequential([layers.Input((48, 48, 1)), layers.Flatten()])
    if activation_layer is None:
        model.add(layers.Dense(4, use_bias=False, activation="relu"))
        model.add(layers.Dense(2, use_bias=False, activation="relu"))
    else:
        for units in (4, 2):
            model.add(layers.Dense(units, use_bias=False))
            model.add(activation_layer())
    model.add(layers.Dense(1, use_bias=False))
    model.set_weights([first, second, third])
    return model


# At x = 2 the first units are 2, -2, 4, 2, after the ReLU 2, 0, 4, 2. The second are 2 - 4 - 6 = -8 and 2 + 4 + 4 = 10,
# after the ReLU 0 and 10. The logit is 10. Gradients on the way back: to the second units -1 and 1. The plain gradient
# passes the 1 of the live unit: 1, 5, 1, 2 to the first, 1, 0, 1, 2 through the ReLU, 1 + 2 + 2 = 5 to the pixel.
@pytest.mark.parametrize("activation_layer", [None, layers.ReLU, lambda: layers.Activation("relu")])
def test_guided_backprop_by_hand_where_nothing_is_held_back(activation_layer):
    image = np.zeros((1, 48, 48), np.float32)
    image[0, 0, 0] = 2.0
    model = relu_chain(activation_layer)
    assert Saliency(model).explain(image)[0, 0, 0] == pytest.approx(5.0)
    assert GuidedBackprop(model).explain(image)[0, 0, 0] == pytest.approx(5.0)


# With the last weights 1 and 1 and a second bias of 20 both second units live: the gradient to the first units is
# (1 + 1, 5 + 5, -1 + 1, -3 + 2) = 2, 10, 0, -1. The plain one at the pixel is 2 x 1 + 0 x 2 - 1 x 1 = 1, the guided
# one drops the -1 at the fourth unit: 2. With a leaky slope of 0.1 the second unit, at -2, adds 10 x 0.1 x -1 = -1 to
# either, and without a rectifier 10 x -1 = -10.
@pytest.mark.parametrize(
    ("activation_layer", "plain", "guided"),
    [
        (layers.ReLU, 1.0, 2.0),
        (lambda: layers.Activation("relu"), 1.0, 2.0),
        (lambda: layers.LeakyReLU(negative_slope=0.1), 0.0, 1.0),
        (lambda: layers.Activation("linear"), -9.0, -9.0),
    ],
    ids=["ReLU", "relu", "LeakyReLU", "linear"],
)
def test_guided_backprop_by_hand_where_a_negative_gradient_is_held_back(activation_layer, plain, guided):
    first = np.zeros((48 * 48, 4), np.float32)
    first[0] = [1.0, -1.0, 2.0, 1.0]
    second = np.array([[1.0, 1.0], [5.0, 5.0], [-1.0, 1.0], [-3.0, 2.0]], np.float32)
    model = keras.Sequential([layers.Input((48, 48, 1)), layers.Flatten()])
    for units in (4, 2):
        model.add(layers.Dense(units))
        model.add(activation_layer())
    model.add(layers.Dense(1))
    zeros, tens = np.zeros(4, np.float32), np.full(2, 20.0, np.float32)
    model.set_weights([first, zeros, second, tens, np.ones((2, 1), np.float32), np.zeros(1, np.float32)])
    image = np.zeros((1, 48, 48), np.float32)
    image[0, 0, 0] = 2.0
    signed = GradientTimesInput(model).explain(image)[0, 0, 0] / 2.0
    assert signed == pytest.approx(plain, abs=1e-6)
    assert GuidedBackprop(model).explain(image)[0, 0, 0] == pytest.approx(guided, abs=1e-6)


def test_the_guided_copy_has_the_weights_of_layers_within_layers():
    keras.utils.set_random_seed(3)
    inputs = layers.Input((48, 48, 1))
    x = layers.Conv2D(4, 5, strides=8, activation="relu")(inputs)
    x = layers.TimeDistributed(layers.Dense(6))(layers.Reshape((36, 4))(x))
    x = layers.MultiHeadAttention(2, 3)(x, x)
    model = keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))
    faces = IMAGES.astype(np.float32)
    guided = GuidedBackprop(model).network
    np.testing.assert_allclose(guided.logits(faces), model(faces[..., None]), rtol=1e-5, atol=1e-5)


def test_a_network_that_cannot_be_copied_is_refused_by_guided_backprop():
    @keras.saving.register_keras_serializable("test")
    class Forgetful(layers.Layer):
        """Has a factor that its configuration does not hold."""

        factor = 1.0

        def call(self, x):
            return self.factor * x

    forgetful = Forgetful()
    forgetful.factor = 3.0
    inputs = layers.Input((48, 48, 1))
    model = keras.Model(inputs, layers.Dense(3)(forgetful(layers.GlobalAveragePooling2D()(inputs))))
    with pytest.raises(UserError, match="guided-backprop: expected a network whose layers can be made again"):
        GuidedBackprop(model)


def test_the_guided_copy_computes_the_same_in_nested_models_with_normalisation():
    keras.utils.set_random_seed(7)
    inner = keras.Sequential(
        [layers.Input((48, 48, 1)), layers.Conv2D(3, 5, strides=4, activation="relu"), layers.BatchNormalization()]
    )
    inner.compile("sgd", lambda y, p: keras.ops.mean(p))  # a loss of the caller's own must not be in the way
    inner.layers[-1].set_weights([np.full(3, value, np.float32) for value in (2.0, 0.5, 0.1, 4.0)])
    normalization = layers.Normalization(axis=None)
    normalization.adapt(IMAGES[..., None])
    inputs = layers.Input((48, 48, 1))
    x = layers.LeakyReLU()(inner(normalization(inputs)))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))
    guided, plain = GuidedBackprop(model), Saliency(model)
    faces = IMAGES.astype(np.float32)
    np.testing.assert_allclose(guided.network.logits(faces), plain.network.logits(faces), rtol=1e-5, atol=1e-6)
    assert not np.allclose(np.abs(guided.explain(IMAGES)), plain.explain(IMAGES), rtol=1e-2)


@pytest.fixture(scope="module")
def tf_keras_vis_saliency():
    with warnings.catch_warnings():
        # Of scipy, about a name that tf-keras-vis imports; and of Python, about the syntax of a dependency's docstring.
        warnings.simplefilter("ignore")
        from tf_keras_vis.saliency import Saliency as Peer
        from tf_keras_vis.utils.scores import CategoricalScore
    model = convolutional_network()
    peer = Peer(keras.Model(model.inputs, model.outputs))  # tf-keras-vis calls the model on a list
    inputs = IMAGES.astype(np.float32)[..., None]

    def explain(**options):
        return peer(CategoricalScore(TARGETS.tolist()), inputs, normalize_map=False, **options)

    return explain


def test_saliency_equals_tf_keras_vis(tf_keras_vis_saliency):
    ours = Saliency(convolutional_network(), batch_size=2).explain(IMAGES, TARGETS)
    np.testing.assert_allclose(ours, tf_keras_vis_saliency(), rtol=1e-4, atol=1e-8)


def test_smoothgrad_equals_tf_keras_vis_under_the_same_noise(tf_keras_vis_saliency, monkeypatch):
    explainer = SmoothGrad(convolutional_network(), samples=4, noise=0.2)
    noise = explainer._noise.numpy()[:, None, :, :, None]  # (samples, 1, 48, 48, 1): the same for every face
    monkeypatch.setattr(np.random, "normal", lambda mean, sigma, shape: sigma * np.broadcast_to(noise, shape))
    peer = tf_keras_vis_saliency(smooth_samples=4, smooth_noise=0.2, gradient_modifier=None)
    np.testing.assert_allclose(explainer.explain(IMAGES, TARGETS), peer, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        (Saliency, {"batch_size": 0}, "batch_size of at least 1. Received 0"),
        (SmoothGrad, {"samples": 0}, "samples of at least 1"),
        (SmoothGrad, {"noise": -0.1}, "noise of 0.0 to 10.0. Received -0.1"),
        (IntegratedGradients, {"steps": 0}, "steps of at least 1"),
        (IntegratedGradients, {"baseline": np.zeros((3, 3))}, r"Received one of shape \(3, 3\)"),
    ],
)
def test_options_out_of_range_are_refused(method, options, message):
    with pytest.raises(UserError, match=message):
        method(linear_network()[0], **options)


def test_one_graph_serves_every_number_of_images(caplog):
    explainer = Saliency(convolutional_network(), batch_size=4)
    graph = explainer._gradient
    for n in (1, 2, 3, 5, 6, 7):
        assert explainer.explain(np.zeros((n, 48, 48), np.uint8)).shape == (n, 48, 48)
    assert explainer._gradient is graph
    assert "retracing" not in caplog.text


@pytest.mark.parametrize(("activation", "guides"), [("relu", True), ("elu", False)])
def test_guided_backprop_says_where_it_is_the_plain_gradient(activation, guides):
    model = convolutional_network(activation)
    guided, plain = GuidedBackprop(model), Saliency(model)
    assert ("its plain gradient" in guided.caveat) is not guides
    same = np.allclose(np.abs(guided.explain(IMAGES, TARGETS)), plain.explain(IMAGES, TARGETS), rtol=1e-4, atol=1e-7)
    assert same is not guides
