"""The builder of named layers: names, independence of builders, policies."""

import re

import keras
import pytest

from fer_keras.models.batch_norm import FusedBatchNormalization
from fer_keras.models.convolution import QuickConv2D
from fer_keras.models.layers import NamedLayers


def test_each_kind_is_counted_on_its_own():
    net = NamedLayers()
    made = [net.conv2d(8), net.relu(), net.conv2d(8, 1, prefix="shortcut_"), net.conv2d(8), net.max_pooling2d()]
    made += [net.relu(), net.dense(3), net.logits(7), net.dense(3)]
    assert [layer.name for layer in made] == [
        *("conv2d", "activation", "shortcut_conv2d", "conv2d_1", "max_pooling2d"),
        *("activation_1", "dense", "logits", "dense_1"),
    ]


def test_names_are_those_that_keras_gives_by_itself():
    net = NamedLayers()
    made = [net.rescaling(), net.conv2d(1), net.batch_normalization(), net.relu(), net.leaky_relu(0.1), net.flatten()]
    made += [net.max_pooling2d(), net.global_average_pooling2d(), net.add(), net.dropout(0.1), net.dense(1)]
    for layer in made:
        config = layer.get_config()
        del config["name"]
        assert re.fullmatch(layer.name + r"(_\d+)?", type(layer).from_config(config).name)


def test_two_builders_share_nothing():
    first, second = NamedLayers(), NamedLayers()
    first.conv2d(8)
    assert second.conv2d(8).name == "conv2d"


def test_which_layers():
    assert type(NamedLayers(fast=True).batch_normalization()) is FusedBatchNormalization
    assert type(NamedLayers(fast=True).conv2d(2)) is QuickConv2D
    assert type(NamedLayers().batch_normalization()) is keras.layers.BatchNormalization


def test_the_global_policy_is_neither_read_nor_set():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        net = NamedLayers(precision="bfloat16")
        assert net.conv2d(8).compute_dtype == "bfloat16"
        assert NamedLayers().conv2d(8).compute_dtype == "float32"
        assert net.logits(7).compute_dtype == "float32"
        assert keras.config.dtype_policy().name == "mixed_float16"
    finally:
        keras.config.set_dtype_policy("float32")


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match=r"one of float32, bfloat16, float16\. Received: 'fp8'"):
        NamedLayers(precision="fp8")
