import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.photo import photo_figure
from fer_keras.plots.raster import figure_to_array
from fer_keras.plots.style import EMOTION_COLORS


def group(faces, width=800, height=600, side=60):
    """Return a photo, boxes in rows of five, crops and probabilities."""
    rng = np.random.default_rng(0)
    photo = np.full((height, width, 3), 180, np.uint8)
    boxes = np.array([(20 + i % 5 * 1.5 * side, 30 + i // 5 * 1.5 * side, side, side) for i in range(faces)])
    crops = rng.integers(0, 256, (faces, 48, 48), dtype=np.uint8)
    return photo, boxes, crops, rng.dirichlet(np.full(7, 0.4), size=faces)


def frames(ax, color):
    """Return the outlines of a colour: x, y, width, height."""
    return [
        (*patch.get_xy(), patch.get_width(), patch.get_height())
        for patch in ax.patches
        if isinstance(patch, Rectangle) and not patch.get_fill() and patch.get_edgecolor()[:3] == to_rgb(color)
    ]


def test_boxes_stand_where_they_are_in_the_photo_in_the_colour_of_the_emotion():
    photo, boxes, crops, _ = group(2)
    (ax,) = photo_figure(photo, boxes, crops, np.eye(7)[[3, 4]]).axes
    shown, *_ = ax.images
    left, right, bottom, top = shown.get_extent()
    assert (left, top) == (0, 0)
    scale = (right - left) / 800
    assert (bottom - top) / 600 == pytest.approx(scale)
    for box, emotion in zip(boxes, ("happy", "sad"), strict=True):
        assert frames(ax, EMOTION_COLORS[emotion])[0] == pytest.approx(tuple(scale * box))


def test_cards_show_the_crops_and_the_probabilities_in_the_order_of_the_labels():
    photo, boxes, crops, probabilities = group(6)
    (ax,) = photo_figure(photo, boxes, crops, probabilities).axes
    _, *cards = ax.images
    for card, crop in zip(cards, crops, strict=True):
        np.testing.assert_array_equal(card.get_array(), crop)
        assert card.get_clim() == (0, 255)
    bars = np.array([[bar.get_width() for bar in container] for container in ax.containers])
    np.testing.assert_allclose(bars / bars.sum(axis=1, keepdims=True), probabilities)
    colors = [bar.get_facecolor()[:3] for bar in ax.containers[0]]
    assert colors == [to_rgb(EMOTION_COLORS[emotion]) for emotion in EMOTIONS]
    names = [text for text in ax.texts if text.get_text() in EMOTIONS]
    middles = [bar.get_center()[1] for container in ax.containers for bar in container]
    assert [text.get_text() for text in names] == list(EMOTIONS) * 6
    assert [text.get_position()[1] for text in names] == pytest.approx(middles)
    written = [text.get_text() for text in ax.texts]
    for values in probabilities:
        best = int(values.argmax())
        assert f"{EMOTIONS[best]} {values[best]:.2f}" in written


def test_several_faces_are_numbered_and_one_is_not():
    photo, boxes, crops, _ = group(2)
    probabilities = np.eye(7)[[3, 0]]
    written = [text.get_text() for text in photo_figure(photo, boxes * 2, crops, probabilities).axes[0].texts]
    assert {"1 happy", "2 angry", "1", "2"} <= set(written)
    alone = photo_figure(photo, boxes[:1], crops[:1], probabilities[:1])
    written = [text.get_text() for text in alone.axes[0].texts]
    assert "1" not in written
    assert written.count("happy") == 2  # the tag in the photo, and the name of the bar


def test_small_boxes_have_tags_that_do_not_hide_their_neighbours():
    photo, boxes, crops, probabilities = group(10, side=24)
    (ax,) = photo_figure(photo, boxes, crops, probabilities).axes
    tags = [text.get_text() for text in ax.texts if text.get_bbox_patch()]
    assert sorted(tags) == sorted([str(i + 1) for i in range(10)] * 2)  # each number in the photo and on a card


@pytest.mark.parametrize("faces", [0, 1, 6, 15])
@pytest.mark.parametrize("shape", [(600, 800), (1600, 900), (300, 3000), (3000, 200), (48, 48), (1, 1)])
def test_nothing_stands_on_anything_else_and_all_is_on_the_sheet(faces, shape):
    photo, boxes, crops, probabilities = group(faces, width=shape[1], height=shape[0], side=min(shape) / 3)
    figure = photo_figure(photo, boxes, crops, probabilities)
    (ax,) = figure.axes
    right, bottom = ax.get_xlim()[1], ax.get_ylim()[0]
    placed = [image.get_extent() for image in ax.images]
    for a, (x0, x1, y1, y0) in enumerate(placed):
        assert -1e-9 <= x0 < x1 <= right + 1e-9
        assert -1e-9 <= y0 < y1 <= bottom + 1e-9
        for u0, u1, v1, v0 in placed[:a]:
            assert x0 >= u1 or u0 >= x1 or y0 >= v1 or v0 >= y1
    for container in ax.containers:
        assert max(bar.get_x() for bar in container) + 0.8 < right
    assert 0.25 < right / bottom < 8 or not 0.25 < shape[1] / shape[0] < 8
    assert max(figure.get_size_inches()) < 40


def test_boxes_beyond_the_edge_end_at_the_edge_of_the_photo():
    photo, _, crops, probabilities = group(1)
    figure = photo_figure(photo, np.array([[700, 100, 200, 200]]), crops, probabilities)
    (ax,) = figure.axes
    color = np.multiply(to_rgb(EMOTION_COLORS[EMOTIONS[int(probabilities[0].argmax())]]), 255)
    pixels = figure_to_array(figure, dpi=100)
    edge, _ = ax.transData.transform((ax.images[0].get_extent()[1], 0))
    card, _ = ax.transData.transform((ax.images[1].get_extent()[0], 0))
    between = pixels[:, round(edge) + 2 : round(card) - 2]
    assert between.shape[1] > 5
    assert np.all(between == 255)
    assert np.any(np.abs(pixels[:, : round(edge)] - color).max(axis=-1) < 10)


def test_a_huge_photo_is_reduced_before_it_is_drawn():
    photo, boxes, crops, probabilities = group(1, width=8000, height=6000, side=900)
    (ax,) = photo_figure(photo, boxes, crops, probabilities).axes
    height, width, _ = ax.images[0].get_array().shape
    assert width <= 2400
    assert width / height == pytest.approx(8 / 6, rel=0.01)


def test_titles_are_names_and_not_formulas():
    photo, boxes, crops, probabilities = group(1)
    figure = photo_figure(photo, boxes, crops, probabilities, title="a $x_1$ and $5.jpg")
    assert "$x_1$" in figure.get_suptitle().replace(r"\$", "$")
    figure_to_array(figure)
    long = photo_figure(photo, boxes, crops, probabilities, title="begin" + 300 * "x" + "end.jpg").get_suptitle()
    assert len(long) <= 71
    assert long.startswith("begin")
    assert long.endswith("end.jpg")
    figure_to_array(photo_figure(photo, boxes, crops, probabilities, title="not \udcff utf-8\n.jpg"))
