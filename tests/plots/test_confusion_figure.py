import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.confusion import confusion_figure, confusion_image
from fer_keras.plots.raster import figure_to_array


def matrix():
    """Angry is taken for sad 1,234 times, never the other way round; no image is of disgust."""
    counts = np.diag([100, 0, 30, 400, 50, 60, 70])
    counts[0, 4] = 1234
    counts[6, 1] = 30
    return counts


def cell_texts(ax):
    return {tuple(int(v) for v in text.get_position()[::-1]): text for text in ax.texts}  # by (row, column)


def test_rows_are_true_and_columns_predicted():
    ax, _ = confusion_figure(matrix(), title="cnn4").axes
    assert ax.get_ylabel() == "true emotion"
    assert ax.get_xlabel() == "predicted emotion"
    assert [text.get_text() for text in ax.get_xticklabels()] == list(EMOTIONS)
    assert [text.get_text() for text in ax.get_yticklabels()] == list(EMOTIONS)
    assert ax.yaxis_inverted()  # the first emotion is the upper row
    np.testing.assert_array_equal(ax.images[0].get_array(), matrix())
    assert ax.get_title() == "cnn4"


def test_every_cell_has_its_count():
    ax, _ = confusion_figure(matrix()).axes
    texts = cell_texts(ax)
    assert len(texts) == 49
    for cell, text in texts.items():
        assert text.get_text() == f"{matrix()[cell]:,}"
    assert texts[EMOTIONS.index("angry"), EMOTIONS.index("sad")].get_text() == "1,234"


def test_normalised_rows_sum_to_one_and_an_empty_row_has_dashes():
    ax, _ = confusion_figure(matrix(), normalize=True).axes
    shown = np.asarray(ax.images[0].get_array())
    assert shown.sum(axis=1) == pytest.approx([1, 0, 1, 1, 1, 1, 1])
    assert shown[6] == pytest.approx([0, 0.3, 0, 0, 0, 0, 0.7])
    texts = cell_texts(ax)
    assert texts[6, 1].get_text() == "0.30"
    assert {texts[1, column].get_text() for column in range(7)} == {"–"}  # noqa: RUF001
    assert ax.images[0].get_clim() == (0, 1)


@pytest.mark.parametrize("normalize", [False, True])
def test_numbers_stand_out_from_their_cell(normalize):
    rng = np.random.default_rng(0)
    ax, _ = confusion_figure(rng.integers(1, 900, size=(7, 7)), normalize=normalize).axes
    image = ax.images[0]
    for cell, text in cell_texts(ax).items():
        background = image.to_rgba(np.asarray(image.get_array())[cell])[:3]
        assert contrast(to_rgb(text.get_color()), background) > 3  # WCAG 2's least for large text


def contrast(one, other):
    lights, weights = [], (0.2126, 0.7152, 0.0722)
    for color in (one, other):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
        lights.append(0.05 + np.dot(weights, linear))
    return max(lights) / min(lights)


def test_an_empty_matrix_can_be_drawn():
    for normalize in (False, True):
        figure = confusion_figure(np.zeros((7, 7), int), normalize=normalize)
        assert figure_to_array(figure, dpi=30).size


def test_image_for_tensorboard():
    image = confusion_image(matrix(), title="epoch 3", dpi=60)
    assert image.shape == (270, 270, 3)
    assert image.dtype == np.uint8
    assert image[0, 0].tolist() == [255, 255, 255]
    assert image.min() < 100  # the dark cells and the text are there


def test_figure_to_array_is_rgb_from_the_upper_left_corner():
    figure = Figure(figsize=(2, 1))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    pixels = np.zeros((2, 2, 3))
    pixels[0, 0] = (1, 0, 0)
    pixels[1, 1] = (0, 0, 1)
    ax.imshow(pixels, aspect="auto", interpolation="nearest")
    array = figure_to_array(figure, dpi=50)
    assert array.shape == (50, 100, 3)
    assert array[5, 5].tolist() == [255, 0, 0]
    assert array[45, 95].tolist() == [0, 0, 255]
    assert array[5, 95].tolist() == [0, 0, 0]
