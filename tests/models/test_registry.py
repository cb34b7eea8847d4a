"""Every registered network: what it takes and returns, its size, names, gradients, weights, saving."""

import re
from collections import defaultdict

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.errors import UserError
from fer_keras.models import catalog, registry

# By hand: k * k * in * out (+ out) of the convolutions, in * out + out of the dense layers, 2 * maps of the batch
# normalisations; ResNet-18 by the 11,689,512 of its paper's network for 1,000 classes and colour images.
TRAINABLE = {
    "vgg25": 9 * (1 * 32 + 32 * 32)
    + 9 * (32 * 64 + 64 * 64)
    + 9 * (64 * 96 + 3 * 96 * 96)
    + 9 * (96 * 128 + 6 * 128 * 128)
    + 9 * (10 * 128 * 128)
    + 2 * (2 * 32 + 2 * 64 + 4 * 96 + 7 * 128 + 10 * 128)
    + (128 * 7 + 7),
    "vgg15": 4_128_519,
    "cnn4": 538_951,
    "cnn3": 9 * (64 + 64 * 128 + 128 * 512) + 2 * (64 + 128 + 512) + (512 * 7 + 7),
    "cnn_plain": 25 * (8 + 8 * 8 + 8 * 16 + 16 * 16 + 16 * 32) + 2 * (8 + 8 + 16 + 16 + 32) + (2 * 2 * 32 * 7 + 7),
    "resblock": 25 * (24 + 24 * 96) + 9 * 4 * (24 * 24 + 96 * 96) + 2 * 5 * (24 + 96) + (96 * 7 + 7),
    "resnet18": 11_689_512 - (512 * 1000 + 1000) - 7 * 7 * 3 * 64 + (512 * 7 + 7) + 3 * 3 * 1 * 64,
    "resnet18_stem7": 11_689_512 - (512 * 1000 + 1000) - 7 * 7 * 3 * 64 + (512 * 7 + 7) + 7 * 7 * 1 * 64,
}


@pytest.fixture(scope="module", params=registry.NETWORKS)
def model(request):
    return registry.build(request.param)


def pixels(n: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).integers(0, 256, (n, 48, 48, 1)), tf.float32)


def test_the_catalog_names_the_networks_that_the_registry_builds():
    assert list(catalog.ARCHITECTURES) == list(registry.NETWORKS)
    assert catalog.DEFAULT_ARCHITECTURE in registry.NETWORKS


def test_returns_probabilities_of_seven_emotions(model):
    assert [tensor.name for tensor in model.inputs] == ["image"]
    assert tuple(model.inputs[0].shape) == (None, 48, 48, 1)
    probabilities = model(pixels(2), training=False)
    assert probabilities.dtype == "float32"
    assert probabilities.shape == (2, 7)
    assert np.isfinite(probabilities).all()
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, atol=1e-6)


def test_trainable_parameters(model):
    assert sum(np.prod(weight.shape) for weight in model.trainable_weights) == TRAINABLE[model.name]


def test_every_trainable_weight_has_a_gradient(model):
    model = registry.build(model.name)
    for layer in model.layers:  # the pairs of vgg25 begin closed
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(np.ones(layer.gamma.shape))
    labels = np.array([0, 1, 2, 3])
    with tf.GradientTape() as tape:
        probabilities = model(pixels(4), training=True)
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, probabilities))
    variables = [weight.value for weight in model.trainable_weights]
    for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, variables), strict=True):
        assert gradient is not None, weight.path
        assert np.isfinite(gradient).all(), weight.path
        # Not the rounding error that is left where batch normalisation takes a bias away again.
        assert np.abs(gradient).max() > 1e-5, weight.path


def test_layers_are_counted_from_the_input(model):
    names = [layer.name for layer in model.layers]
    assert names[:2] == ["image", "rescaling"]
    assert names[-2:] == ["logits", "predictions"]
    numbers = defaultdict(list)
    for name in names[2:-2]:
        kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", name).groups()
        numbers[kind].append(int(number or 0))
    for kind, found in numbers.items():
        assert found == list(range(len(found))), kind


def test_only_stock_layers_and_saved_without_loss(model, tmp_path):
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    assert not any(isinstance(layer, keras.layers.Lambda) for layer in model.layers)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    images = pixels(3)
    np.testing.assert_array_equal(loaded(images, training=False), model(images, training=False))


def test_initial_weights_depend_on_the_seed_alone(model):
    keras.utils.set_random_seed(99)
    again, other = registry.build(model.name), registry.build(model.name, seed=8)
    for ours, theirs, others in zip(
        model.trainable_weights, again.trainable_weights, other.trainable_weights, strict=True
    ):
        ours, theirs, others = (np.asarray(weight.value) for weight in (ours, theirs, others))
        np.testing.assert_array_equal(ours, theirs)
        if ours.ndim > 1:  # kernels; the other weights begin as constants
            assert np.abs(ours - others).max() > 0
    kernels = [layer.get_weights()[0] for layer in again.layers if "conv2d" in layer.name]
    assert len({kernel.ravel()[:5].tobytes() for kernel in kernels}) == len(kernels)  # no two layers begin alike


def test_vgg25_keeps_the_meaning_of_its_last_layers():
    model = registry.build("vgg25")
    names = [layer.name for layer in model.layers]
    convolutions = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 25
    assert convolutions[-1] == "conv2d_24"
    for k in range(25):
        conv, bn, relu = ((f"{kind}_{k}" if k else kind) for kind in ("conv2d", "batch_normalization", "activation"))
        assert names.index(bn) == names.index(conv) + 1
        assert names.index(bn) < names.index(relu)
        assert set(names[names.index(bn) + 1 : names.index(relu)]) <= {"add", *(f"add_{i}" for i in range(1, 9))}
    stages = ["max_pooling2d", "max_pooling2d_1", "max_pooling2d_2", "max_pooling2d_3", "activation_24"]
    shapes = [model.get_layer(name).output.shape[1:] for name in stages]
    assert shapes == [(24, 24, 32), (12, 12, 64), (6, 6, 96), (3, 3, 128), (3, 3, 128)]
    assert model.count_params() * 4 < 15e6  # bytes as float32


def test_resblock_has_the_maps_of_its_report_and_dropout_that_grows():
    model = registry.build("resblock")
    assert model.get_layer("max_pooling2d").output.shape == (None, 22, 22, 24)
    assert model.get_layer("max_pooling2d_1").output.shape == (None, 9, 9, 96)
    rates = [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == sorted(set(rates))
    assert rates[-1] == registry.default_dropout("resblock")


@pytest.mark.parametrize(("before", "after"), [("activation_5", "activation_7"), ("activation_22", "activation_24")])
def test_the_pairs_of_vgg25_begin_as_the_identity(before, after):
    """The first pair, conv2d_6 and conv2d_7, and the last, conv2d_23 and conv2d_24."""
    model = registry.build("vgg25")
    views = keras.Model(model.inputs, [model.get_layer(name).output for name in (before, after)])
    into, out = views(pixels(2), training=False)
    assert np.max(into) > 0
    np.testing.assert_array_equal(into, out)


def test_dropout_rate_can_be_chosen_and_is_seeded():
    assert registry.build("cnn4").get_layer("dropout").rate == registry.default_dropout("cnn4") == 0.5
    assert registry.build("cnn4", dropout=0.0).get_layer("dropout").rate == 0
    images = pixels(4)
    first, same, other = (registry.build("cnn4", dropout=0.3, seed=seed) for seed in (1, 1, 2))
    registry.copy_weights(first, other)
    outputs = [np.asarray(network(images, training=True)) for network in (first, same, other)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - outputs[2]).max() > 1e-3  # other units dropped


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_precision_changes_the_arithmetic_and_no_weight(precision):
    mixed, full = registry.build("cnn4", precision=precision, fast=True), registry.build("cnn4")
    assert mixed.get_layer("conv2d").compute_dtype == precision
    for name in ("rescaling", "logits", "predictions"):
        assert mixed.get_layer(name).compute_dtype == "float32"
    for ours, theirs in zip(mixed.weights, full.weights, strict=True):
        assert ours.dtype == "float32"
        np.testing.assert_array_equal(ours, theirs)
    images = pixels(4)
    probabilities = mixed(images, training=False)
    assert probabilities.dtype == "float32"
    np.testing.assert_allclose(probabilities, full(images, training=False), atol=0.03)


def test_trained_with_the_fused_layer_saved_with_the_stock_one(tmp_path):
    images, generator = pixels(4), np.random.default_rng(0)
    trained = registry.build("cnn4", fast=True, seed=3)
    for weight in trained.trainable_weights:  # as training would: none stays at its initial value
        weight.assign(weight + generator.normal(0, 0.05, weight.shape))
    for _ in range(3):
        trained(images, training=True)
    stock = registry.build("cnn4", seed=4)
    registry.copy_weights(trained, stock)
    stock.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.abs(loaded.get_layer("batch_normalization_3").moving_mean).max() > 1e-3
    np.testing.assert_allclose(loaded(images, training=False), trained(images, training=False), atol=1e-5)


def test_copy_weights_refuses_another_network_and_leaves_it_as_it_was():
    source, target = registry.build("cnn_plain"), registry.build("resblock")
    before = target.get_weights()
    with pytest.raises(ValueError, match="differ in their layers' weights"):
        registry.copy_weights(source, target)
    image = keras.Input((4,), name="image")
    narrow, wide = (keras.Model(image, keras.layers.Dense(units, name="dense")(image)) for units in (2, 3))
    with pytest.raises(ValueError, match=r"dense/kernel of shape \(4, 3\). Received: \(4, 2\)"):
        registry.copy_weights(narrow, wide)
    for now, then in zip(target.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("name", catalog.ANY_SIZE)
def test_networks_with_global_pooling_take_images_of_any_size(name):
    fixed, free = registry.build(name), registry.build(name, any_size=True)
    np.testing.assert_allclose(free(pixels(2)), fixed(pixels(2)), atol=1e-6)
    assert free(pixels(2)[:, :32, :32]).shape == (2, 7)


@pytest.mark.parametrize("name", sorted(set(catalog.ARCHITECTURES) - set(catalog.ANY_SIZE)))
def test_networks_with_dense_layers_on_their_maps_do_not(name):
    with pytest.raises(ValueError):
        registry.build(name, any_size=True)


def test_an_unknown_name_is_told_with_the_nearest_one():
    with pytest.raises(UserError, match=r"no architecture 'vgg52'\. Did you mean 'vgg25'\?"):
        registry.build("vgg52")
