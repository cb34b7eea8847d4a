"""The figures of activations, outputs, filters, LIME and parts: what they show, read back from their artists."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from fer_keras.data.synthetic import PARTS
from fer_keras.emotions import EMOTIONS
from fer_keras.plots.activation import filters_figure, layers_figure
from fer_keras.plots.filters import emotion_filters_figure, pixel_weights_figure
from fer_keras.plots.lime import lime_figure, lime_steps_figure, tinted
from fer_keras.plots.outputs import feature_maps_figure, first_filter_figure, network_sample_figure
from fer_keras.plots.regions import regions_figure
from fer_keras.plots.sheet import draw_borders, new_sheet
from fer_keras.plots.style import EMOTION_COLORS, drawn_here, save_figure

FACE = np.random.default_rng(0).integers(0, 256, (48, 48), np.uint8)


@pytest.fixture
def random():
    """Numbers that are the same for a test whichever tests run before it."""
    return np.random.default_rng(1)


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts if text.get_text()]


def pictures(figure):
    return [np.asarray(image.get_array()) for ax in figure.axes for image in ax.images]


def draws(figure):
    figure.savefig(io.BytesIO(), dpi=40)  # the layout runs only here, and warns where it does not fit


def test_filters_show_the_picture_the_faces_and_the_means(random):
    made = random.uniform(0, 255, (3, 48, 48))
    top = random.integers(0, 256, (3, 9, 48, 48), np.uint8)
    means = random.normal(size=(7, 3))
    means[1] = np.nan  # an emotion without faces
    figure = filters_figure(
        made, np.array([1.5, 2.5, -3.0]), [4, 0, 7], top_faces=top, references=np.ones(3), emotion_means=means
    )
    draws(figure)
    shown = pictures(figure)
    assert len(shown) == 3 * 10
    np.testing.assert_array_equal(shown[10], made[1])
    np.testing.assert_array_equal(shown[13], top[1, 2])
    captions = texts(figure)
    assert any("filter 0" in text and "2.5" in text for text in captions)
    assert captions.count("disgust") == 3
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert len(dots) == 3 * 6
    places = [dot.get_xdata()[0] for dot in dots[:6]]
    assert np.argsort(places).tolist() == np.argsort(np.delete(means[:, 0], 1)).tolist()


def test_only_pictures_where_nothing_else_is_given(random):
    figure = filters_figure(random.uniform(0, 255, (2, 48, 48)), np.ones(2), [0, 1])
    draws(figure)
    assert len(pictures(figure)) == 2


def test_layers_are_named_in_order(random):
    made = random.uniform(0, 255, (7, 48, 48))
    figure = layers_figure(made, np.arange(7.0), [(f"conv2d_{i}", 0) for i in range(7)])
    draws(figure)
    assert texts(figure)[::2] == [f"conv2d_{i}" for i in range(7)]
    np.testing.assert_array_equal(pictures(figure)[6], made[6])


def test_each_feature_map_has_its_own_scale(random):
    maps = random.normal(size=(20, 6, 6)) * 10.0 ** np.arange(20)[:, None, None]
    maps[3] = 5.0  # constant
    figure = feature_maps_figure(FACE, maps)
    draws(figure)
    images = figure.axes[0].images
    assert len(images) == 21
    for image, one in zip(images[1:], maps, strict=True):
        low, high = image.get_clim()
        assert low == one.min() and (high == one.max() or one.min() == one.max())
    assert texts(figure) == [str(i) for i in range(20)]


def test_the_first_filter_has_a_scale_of_values(random):
    one = random.normal(size=(24, 24))
    figure = first_filter_figure(FACE, one, title="conv2d_3", number=2)
    draws(figure)
    np.testing.assert_array_equal(pictures(figure)[1], one)
    assert len(figure.axes) == 3 and "filter 2" in figure.axes[1].get_title()


def test_a_network_is_drawn_stage_by_stage(random):
    samples = [("conv2d", 48), ("conv2d_1", 48), ("conv2d_2", 24), ("conv2d_3", 12)]
    samples = [(name, np.array([1, 5]), random.normal(size=(2, side, side))) for name, side in samples]
    figure = network_sample_figure(FACE, samples)
    draws(figure)
    shown = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert {"48 x 48", "24 x 24", "12 x 12", *(name for name, _, _ in samples)} <= set(shown)
    assert shown["conv2d"][0] == shown["conv2d_1"][0] < shown["conv2d_2"][0] < shown["conv2d_3"][0]
    assert shown["conv2d"][1] < shown["conv2d_1"][1] and shown["conv2d"][1] == shown["conv2d_2"][1]
    assert len(pictures(figure)) == 1 + 8


def test_a_layers_filters_are_ordered_by_emotion_and_shaded_by_lead():
    top = np.array([3, 0, -1, 3])
    figure = emotion_filters_figure(["conv2d"], [top], [np.array([0.2, 5.0, np.nan, 2.0])], counts=np.arange(7))
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["angry (0)", "disgust (1)"]
    draws(figure)
    strip = pictures(figure)[0]
    assert strip.shape == (1, 4, 3)
    np.testing.assert_allclose(strip[0, 0], to_rgb(EMOTION_COLORS["angry"]))
    np.testing.assert_allclose(strip[0, 1], to_rgb(EMOTION_COLORS["happy"]))
    assert (strip[0, 2] > strip[0, 1]).all()  # a small lead is paler
    np.testing.assert_array_equal(strip[0, 3], 1)  # a filter that never changes
    assert texts(figure) == ["1: 5.00", "3: 2.00", "0: 0.20"]


@pytest.mark.parametrize("signed", [True, False])
def test_pixel_weights_have_a_scale_each_that_is_told(signed, random):
    weights = random.normal(size=(7, 48, 48)) * np.arange(1, 8)[:, None, None]
    weights = weights if signed else np.abs(weights)
    weights[2] = np.nan
    figure = pixel_weights_figure(weights, np.arange(7))
    draws(figure)
    assert not figure.axes[2].images
    for number in (0, 6):
        low, high = figure.axes[number].images[0].get_clim()
        assert high == pytest.approx(np.percentile(np.abs(weights[number]), 99.5))
        assert low == (-high if signed else 0)
        assert figure.axes[number].get_xlabel() == f"{'±' if signed else '0 to '}{high:.1e}"
    assert figure.axes[3].get_title() == f"{EMOTIONS[3]} (3)"


def test_a_note_about_the_data_leaves_the_unit_of_pixel_weights_where_it_is(tmp_path):
    figure = pixel_weights_figure(np.ones((7, 48, 48)), np.ones(7, int))
    save_figure(figure, tmp_path / "weights.png", note="drawn, synthetic faces")
    said = figure.get_supxlabel()
    assert "activation per gray level" in said and "drawn, synthetic faces" in said


def test_superpixels_for_are_green_against_red_and_the_rest_is_as_it_was():
    signs = np.zeros((48, 48), int)
    signs[:10], signs[40:] = 1, -1
    color = tinted(np.full((48, 48), 100, np.uint8), signs)
    np.testing.assert_array_equal(color[20], 100)
    assert (color[0, :, 1] > color[0, :, 0]).all() and (color[0, :, 1] > color[0, :, 2]).all()
    assert (color[45, :, 0] > color[45, :, 1]).all() and (color[45, :, 0] > color[45, :, 2]).all()


def test_borders_lie_between_the_segments():
    segments = np.zeros((4, 4), int)
    segments[1:3, 2] = 1
    _, ax = new_sheet(4, 4)
    draw_borders(ax, segments, 0, 0, 4)
    found = {tuple(map(tuple, line)) for line in ax.collections[0].get_segments()}
    assert found == {
        ((2, 1), (2, 2)), ((2, 2), (2, 3)), ((3, 1), (3, 2)), ((3, 2), (3, 3)), ((2, 1), (3, 1)), ((2, 3), (3, 3))
    }  # fmt: skip


def test_lime_sheets_draw(random):
    segments = np.repeat(np.arange(6), 8)[:, None] * 6 + np.repeat(np.arange(6), 8)[None]
    signs = np.where(segments < 3, 1, np.where(segments > 33, -1, 0))
    figure = lime_figure(np.stack([FACE] * 4), np.stack([segments] * 4), np.stack([signs] * 4), ["happy"] * 4)
    draws(figure)
    assert len(pictures(figure)) == 8 and texts(figure) == ["happy"] * 4 + ["for", "against"]
    # Borders go around what is coloured, and do not run through the rest of the face.
    inner = figure.axes[0].collections[0].get_segments()
    assert 0 < len(inner) < len(_all_borders(segments))

    weights = random.normal(size=36)
    steps = lime_steps_figure(FACE, segments, weights, signs, np.stack([FACE] * 6), np.arange(6) / 10, emotion="happy")
    draws(steps)
    assert "36 superpixels" in texts(steps) and "0.50" in texts(steps)
    assert any(np.array_equal(image, weights[segments]) for image in pictures(steps) if image.ndim == 2)


def _all_borders(segments):
    _, ax = new_sheet(1, 1)
    draw_borders(ax, segments, 0, 0, 1)
    return ax.collections[0].get_segments()


def test_parts_without_area_are_left_out_and_the_source_is_named(random):
    shares = random.dirichlet(np.ones(len(PARTS)), 7)
    ratios = shares * 9
    ratios[:, PARTS.index("hands")] = np.nan
    shares[1], ratios[1] = np.nan, np.nan  # an emotion without explanations
    parts = random.integers(0, len(PARTS) - 1, (48, 48)).astype(np.uint8)
    figure = regions_figure(
        shares, shares / 10, ratios, counts=np.arange(7), parts=parts, face=FACE, parts_from="a fixed template"
    )
    draws(figure)
    bars, template, table = figure.axes
    assert [label.get_text() for label in bars.get_xticklabels()] == [part for part in PARTS if part != "hands"]
    heights = [[bar.get_height() for bar in group] for group in bars.containers if len(group) == len(PARTS) - 1]
    np.testing.assert_allclose(heights[3], shares[3, :-1])
    assert "a fixed template" in template.get_title()
    assert len(table.texts) == 6 * (len(PARTS) - 1) and table.texts[0].get_text() == f"{ratios[0, 0]:.2f}"


def test_a_part_without_any_attribution_is_as_blue_as_it_gets():
    ratios = np.ones((7, len(PARTS)))
    ratios[2, 3], ratios[2, 4] = 0.0, 0.25
    shares = np.full_like(ratios, 1 / len(PARTS))
    figure = regions_figure(
        shares, shares, ratios, counts=np.ones(7, int), parts=np.zeros((48, 48), np.uint8), parts_from=""
    )
    (image,) = figure.axes[2].images
    colors = image.to_rgba(image.get_array())
    np.testing.assert_array_equal(colors[2, 3], colors[2, 4])
    assert colors[2, 3, 3] == 1 and colors[2, 3, 2] > 2 * colors[2, 3, 0]


def test_a_picture_that_is_too_large_to_be_decoded_is_known_as_ours(tmp_path):
    """Pillow refuses to open images of more than 179 megapixels, which it takes for attacks; this one has 180."""
    about = PngInfo()
    about.add_text("Software", "fer_keras")
    Image.new("1", (20_000, 9_000)).save(tmp_path / "large.png", pnginfo=about)
    limit = Image.MAX_IMAGE_PIXELS
    assert drawn_here(tmp_path / "large.png") and limit == Image.MAX_IMAGE_PIXELS
