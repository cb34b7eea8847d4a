"""The table of a network and its text."""

import keras
import pytest

from fer_keras.models import registry
from fer_keras.models.summary import LayerRow, layer_table, summary_text


def test_rows_of_a_network_counted_by_hand():
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="conv2d")(image)
    x = keras.layers.BatchNormalization(name="batch_normalization")(x)
    x = keras.layers.LeakyReLU(negative_slope=0.05, name="leaky_re_lu")(x)
    x = keras.layers.MaxPooling2D(2, name="max_pooling2d")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dropout(0.25, seed=0, name="dropout")(x)
    x = keras.layers.Dense(7, name="logits")(x)
    x = keras.layers.Activation("softmax", name="predictions")(x)
    assert layer_table(keras.Model(image, x)) == [
        LayerRow("image", "InputLayer", "", (8, 8, 1), 0),
        LayerRow("conv2d", "Conv2D", "3x3, stride 2", (4, 4, 4), 3 * 3 * 4 + 4),
        LayerRow("batch_normalization", "BatchNormalization", "", (4, 4, 4), 4 * 4),
        LayerRow("leaky_re_lu", "LeakyReLU", "slope 0.05", (4, 4, 4), 0),
        LayerRow("max_pooling2d", "MaxPooling2D", "2x2, stride 2", (2, 2, 4), 0),
        LayerRow("flatten", "Flatten", "", (16,), 0),
        LayerRow("dropout", "Dropout", "rate 0.25", (16,), 0),
        LayerRow("logits", "Dense", "", (7,), 16 * 7 + 7),
        LayerRow("predictions", "Activation", "softmax", (7,), 0),
    ]


@pytest.mark.parametrize("name", ["vgg25", "cnn4"])
def test_text_names_every_layer_in_order_and_the_totals(name):
    model = registry.build(name)
    lines = summary_text(model).splitlines()
    first_words = [line.split()[0] for line in lines if line.strip()]
    names = [layer.name for layer in model.layers]
    assert [word for word in first_words if word in set(names)] == names
    assert max(map(len, lines)) <= 120
    assert all(line.isascii() for line in lines)
    totals = {line.split()[0]: line for line in lines}
    assert f" {model.count_params():,} " in totals["parameters"]
    assert totals["trainable"].endswith({"vgg25": " 2,845,223", "cnn4": " 538,951"}[name])


def test_rows_show_shape_and_parameters():
    lines = summary_text(registry.build("vgg25")).splitlines()
    (line,) = [line for line in lines if line.startswith("conv2d_24 ")]
    assert line.split("  ")[0] == "conv2d_24"
    assert "3x3" in line
    assert "3 x 3 x 128" in line
    assert line.endswith(f" {9 * 128 * 128:,}")
