"""Feature maps against convolutions computed by hand."""

import keras
import numpy as np
import pytest

from fer_keras.errors import UserError
from fer_keras.explain.outputs import feature_maps, network_sample


def shifting_model():
    """Return a network whose first convolution gives the image, the image of one pixel to the right, and its double."""
    image = keras.Input((48, 48, 1))
    conv = keras.layers.Conv2D(3, 3, padding="same", use_bias=False, name="conv2d")
    x = keras.layers.MaxPooling2D(name="max_pooling2d")(conv(image))
    x = keras.layers.Conv2D(8, 3, name="conv2d_1")(x)
    x = keras.layers.GlobalAveragePooling2D(name="global_average_pooling2d")(x)
    model = keras.Model(image, keras.layers.Dense(7, name="logits")(x))
    kernel = np.zeros((3, 3, 1, 3), np.float32)
    kernel[1, 1, 0, 0], kernel[1, 2, 0, 1], kernel[1, 1, 0, 2] = 1, 1, 2
    conv.set_weights([kernel])
    return model


def images(n=3):
    return np.random.default_rng(0).integers(0, 256, (n, 48, 48), np.uint8)


def test_feature_maps_of_a_known_convolution():
    faces = images()
    maps = feature_maps(shifting_model(), "conv2d", faces, batch_size=2)
    assert maps.shape == (3, 3, 48, 48) and maps.dtype == np.float32
    np.testing.assert_array_equal(maps[:, 0], faces)
    np.testing.assert_array_equal(maps[:, 1, :, :-1], faces[:, :, 1:])
    np.testing.assert_array_equal(maps[:, 2], 2.0 * faces)


def test_feature_maps_of_pooling_are_the_largest_of_each_block():
    faces = images()
    maps = feature_maps(shifting_model(), "max_pooling2d", faces)
    np.testing.assert_array_equal(maps[:, 0], faces.reshape(3, 24, 2, 24, 2).max(axis=(2, 4)))


def test_a_sample_of_the_network_shows_the_channels_that_it_names():
    model, face = shifting_model(), images(1)[0]
    sample = network_sample(model, face, channels=5, seed=4)
    assert [one.layer for one in sample] == ["conv2d", "conv2d_1"]
    assert [one.maps.shape for one in sample] == [(3, 48, 48), (5, 22, 22)]  # a layer of three has no five channels
    for one in sample:
        assert len(set(one.channels.tolist())) == len(one.channels)
        np.testing.assert_allclose(one.maps, feature_maps(model, one.layer, face[None])[0][one.channels], rtol=1e-5)


def test_convolutions_of_every_kind_are_shown():
    x = image = keras.Input((48, 48, 1))
    for number, kind in enumerate(("Conv2D", "DepthwiseConv2D", "SeparableConv2D")):
        x = getattr(keras.layers, kind)(
            **({} if number == 1 else {"filters": 2}), kernel_size=3, name=f"layer_{number}"
        )(x)
    model = keras.Model(image, keras.layers.Dense(7)(keras.layers.GlobalAveragePooling2D()(x)))
    assert [one.layer for one in network_sample(model, images(1)[0])] == ["layer_0", "layer_1", "layer_2"]


def test_a_network_whose_convolutions_lie_in_a_layer_has_no_sample():
    base = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Conv2D(2, 3)])
    image = keras.Input((48, 48, 1))
    x = keras.layers.GlobalAveragePooling2D()(base(keras.layers.Rescaling(1 / 255)(image)))
    assert network_sample(keras.Model(image, keras.layers.Dense(7)(x)), images(1)[0]) == []


def test_the_seed_chooses_the_channels():
    model, face = shifting_model(), images(1)[0]
    chosen = [tuple(network_sample(model, face, channels=3, seed=s)[1].channels.tolist()) for s in (0, 0, 1, 2, 3)]
    assert chosen[0] == chosen[1] and len(set(chosen)) > 1


def test_a_layer_without_maps_is_refused_with_those_that_have_them():
    with pytest.raises(UserError, match=r"'logits'.*conv2d, max_pooling2d, conv2d_1"):
        feature_maps(shifting_model(), "logits", images())
    with pytest.raises(UserError, match="Did you mean 'conv2d_1'"):
        feature_maps(shifting_model(), "conv2d_2", images())
