import numpy as np
import pytest

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.gallery import RIGHT_COLOR, WRONG_COLOR, gallery_figure, predictions_figure
from fer_keras.plots.raster import figure_to_array


def faces(n):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, size=(n, 48, 48), dtype=np.uint8)
    return images, rng.dirichlet(np.ones(7), size=n)


def test_gallery_captions_each_image_with_prediction_truth_and_probabilities():
    images, _ = faces(2)
    probabilities = np.array([[0.1, 0, 0, 0.7, 0.2, 0, 0], [0, 0, 0, 0, 0, 0.25, 0.75]])
    figure = gallery_figure(images, np.array([4, 6]), np.array([3, 6]), probabilities, title="Mistakes")
    (ax,) = figure.axes
    captions = [(text.get_text(), text.get_color()) for text in ax.texts]
    assert captions[::2] == [("happy 0.70", WRONG_COLOR), ("neutral 0.75", RIGHT_COLOR)]
    assert [text for text, _ in captions[1::2]] == ["true sad 0.20", "true neutral 0.75"]
    for drawn, image in zip(ax.images, images, strict=True):
        np.testing.assert_array_equal(drawn.get_array(), image)
        assert drawn.get_clim() == (0, 255)  # gray values as they are, not stretched
    assert figure.get_suptitle() == "Mistakes"


def test_gallery_runs_row_by_row_and_keeps_captions_under_their_image():
    images, probabilities = faces(5)
    labels = np.arange(5)
    (ax,) = gallery_figure(images, labels, labels, probabilities, columns=3).axes
    corners = [(image.get_extent()[0], image.get_extent()[3]) for image in ax.images]  # left, top
    assert corners == sorted(corners, key=lambda corner: (corner[1], corner[0]))
    assert len({top for _, top in corners}) == 2
    for i, image in enumerate(ax.images):
        left, right, bottom, _ = image.get_extent()
        x, y = ax.texts[2 * i].get_position()
        assert left < x < right
        assert bottom < y < bottom + 0.3  # y runs downwards


def test_images_stand_upright():
    image = np.zeros((1, 48, 48), np.uint8)
    image[0, :24] = 255  # white above black
    (ax,) = gallery_figure(image, np.array([0]), np.array([0]), np.eye(7)[:1]).axes
    assert ax.yaxis_inverted()
    pixels = figure_to_array(ax.figure, dpi=50).astype(int)
    column = pixels[:, pixels.shape[1] // 2, 0]
    dark = np.flatnonzero(column < 10)
    assert 20 < dark.min() < dark.max() < 60  # the lower half of an image of 49 pixels at the top of the sheet


def test_an_empty_gallery_says_so():
    images, probabilities = faces(0)
    (ax,) = gallery_figure(images, np.zeros(0, int), np.zeros(0, int), probabilities, title="Mistakes").axes
    assert [text.get_text() for text in ax.texts] == ["no images"]


def bars(ax):
    return [[bar.get_width() for bar in container] for container in ax.containers]


@pytest.mark.parametrize("n", [1, 6])
def test_predictions_have_bars_in_the_order_of_the_labels(n):
    images, probabilities = faces(n)
    (ax,) = predictions_figure(images, probabilities).axes
    assert len(ax.images) == n
    widths = np.array(bars(ax))
    np.testing.assert_allclose(widths / widths.sum(axis=1, keepdims=True), probabilities)
    names = [text.get_text() for text in ax.texts if text.get_text() in EMOTIONS]
    assert names == list(EMOTIONS) * n
    first = dict(zip(names[:7], [text.get_position()[1] for text in ax.texts[1:8]], strict=True))
    middles = [bar.get_center()[1] for bar in ax.containers[0]]
    assert [first[name] for name in EMOTIONS] == pytest.approx(middles)


def test_predictions_tell_the_truth_where_it_is_known():
    images, _ = faces(2)
    probabilities = np.eye(7)[[3, 5]]
    (ax,) = predictions_figure(images, probabilities, np.array([3, 2])).axes
    captions = [(text.get_text(), text.get_color()) for text in ax.texts if text.get_text() not in EMOTIONS]
    assert captions == [("happy 1.00", RIGHT_COLOR), ("surprise 1.00 (true fear)", WRONG_COLOR)]
    bold = [text.get_text() for text in ax.texts if text.get_weight() == "bold"]
    assert bold == ["happy", "fear"]
