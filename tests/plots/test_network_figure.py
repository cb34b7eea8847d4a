"""The drawing of a network, from tables written by hand."""

from dataclasses import dataclass

import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from fer_keras.plots.network import network_figure
from fer_keras.plots.style import save_figure


@dataclass(frozen=True)
class Row:
    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int = 0


POOLED = [
    Row("image", "InputLayer", (48, 48, 1)),
    Row("rescaling", "Rescaling", (48, 48, 1)),
    Row("conv2d", "Conv2D", (48, 48, 8), 72),
    Row("batch_normalization", "BatchNormalization", (48, 48, 8), 32),
    Row("conv2d_1", "Conv2D", (48, 48, 8), 576),
    Row("add", "Add", (48, 48, 8)),
    Row("max_pooling2d", "MaxPooling2D", (24, 24, 8)),
    Row("dropout", "Dropout", (24, 24, 8)),
    Row("conv2d_2", "Conv2D", (24, 24, 16), 1152),
    Row("global_average_pooling2d", "GlobalAveragePooling2D", (16,)),
    Row("logits", "Dense", (7,), 119),
    Row("predictions", "Activation", (7,)),
]
STRIDED = [
    Row("image", "InputLayer", (5, 5, 1)),
    Row("conv2d", "Conv2D", (5, 5, 8), 72),
    Row("shortcut_conv2d", "Conv2D", (3, 3, 8), 64),
    Row("conv2d_1", "Conv2D", (3, 3, 8), 576),
    Row("conv2d_2", "Conv2D", (3, 3, 8), 576),
    Row("add", "Add", (3, 3, 8)),
    Row("conv2d_3", "Conv2D", (2, 2, 8), 576),
    Row("flatten", "Flatten", (32,)),
    Row("logits", "Dense", (7,), 231),
]


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text() != "+"]


def slabs(figure) -> list[Rectangle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


def test_stages_end_with_their_pooling():
    figure = network_figure(POOLED, "tiny")
    assert figure.axes[0].get_title() == "tiny: 1,951 parameters, moving statistics included"
    assert texts(figure) == [
        *("48x48x1", "image"),
        *("48x48x8", "conv2d\nto conv2d_1\nmax_pooling2d\n680 parameters"),
        *("24x24x16", "conv2d_2\n1,152 parameters"),
        *("7", "global_average_pooling2d\nlogits\n119 parameters"),
    ]


def test_stages_end_before_a_coarser_convolution():
    assert texts(network_figure(STRIDED, "tiny"))[::2] == ["5x5x1", "5x5x8", "3x3x8", "2x2x8", "7"]


def test_slabs_stand_from_left_to_right_as_high_as_their_maps():
    figure = network_figure(POOLED, "tiny")
    drawn = slabs(figure)
    assert len(drawn) == 7  # input, three convolutions, two poolings, logits
    edges = [edge for slab in drawn for edge in (slab.get_x(), slab.get_x() + slab.get_width())]
    assert edges == sorted(edges)
    heights = [slab.get_height() for slab in drawn]
    assert heights[0] == heights[1] == heights[2]
    assert heights[3] == heights[4] == pytest.approx(heights[0] / 2**0.5)
    assert drawn[4].get_width() > drawn[1].get_width()  # 16 maps, 8 maps


def test_a_plus_stands_above_the_convolution_before_the_shortcut_is_added():
    figure = network_figure(POOLED, "tiny")
    (plus,) = [text for text in figure.axes[0].texts if text.get_text() == "+"]
    second = slabs(figure)[2]
    assert second.get_x() < plus.get_position()[0] < second.get_x() + second.get_width()
    assert plus.get_position()[1] > second.get_height() / 2


def test_the_legend_names_what_is_drawn_and_nothing_else():
    def legend(rows):
        return {text.get_text() for text in network_figure(rows, "tiny").legends[0].get_texts()}

    assert legend(POOLED) == {"input", "convolution", "pooling", "dense", "shortcut added"}
    assert legend(STRIDED) == {"input", "convolution", "convolution on a shortcut", "dense", "shortcut added"}
    assert "shortcut added" not in legend(POOLED[:5])


def test_projections_have_a_colour_of_their_own():
    colors = [to_hex(slab.get_facecolor()) for slab in slabs(network_figure(STRIDED, "tiny"))]
    assert colors[1] == colors[3] == colors[4] == colors[5]
    assert colors[2] != colors[1]


def test_a_note_stands_above_the_legend_that_has_its_place(tmp_path):
    figure = network_figure(POOLED, "tiny")
    save_figure(figure, tmp_path / "model.png", note="drawn faces")
    (legend,) = figure.legends
    assert legend.get_title().get_text().startswith("drawn faces\nheight: ") and not figure.get_supxlabel()
    floor = figure.axes[0].get_tightbbox().y0
    assert legend.get_window_extent().y1 <= floor


def test_saved_as_png(tmp_path):
    save_figure(network_figure(POOLED, "tiny"), tmp_path / "model.png")
    assert (tmp_path / "model.png").read_bytes().startswith(b"\x89PNG")
