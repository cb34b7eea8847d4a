import numpy as np
import pytest

from fer_keras.data.faces import Faces
from fer_keras.plots.faces_sheet import emotions_sheet, faces_sheet
from fer_keras.plots.style import save_figure


def numbered(count: int) -> np.ndarray:
    """Return images of which each has its own gray."""
    return np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None], (count, 48, 48))


def centres(figure) -> list[tuple[float, float]]:
    return [tuple(np.reshape(image.get_extent(), (2, 2)).mean(axis=1)) for image in figure.axes[0].images]


def test_images_stand_in_reading_order_upright_and_on_one_gray_scale():
    figure = faces_sheet(numbered(7), columns=3)
    images = figure.axes[0].images
    assert [int(image.get_array()[0, 0]) for image in images] == list(range(7))
    assert {image.get_clim() for image in images} == {(0, 255)}
    x, y = np.transpose(centres(figure))
    assert x[0] < x[1] < x[2] and x[3] == x[6] == x[0]
    assert y[0] == y[2] < y[3] == y[5] < y[6]
    bottom, top = figure.axes[0].get_ylim()
    assert bottom > top  # y runs downwards, so the first row is at the top
    left, right, low, high = images[0].get_extent()
    assert right > left and low > high  # upright, not mirrored


def test_each_title_stands_below_its_image_and_each_row_has_its_name():
    figure = faces_sheet(numbered(4), ["a", "b", "c", "d"], row_titles=["first", "second"], columns=2)
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    for name, (x, y) in zip("abcd", centres(figure), strict=True):
        assert texts[name][0] == pytest.approx(x) and 0.5 < texts[name][1] - y < 0.75
    assert texts["first"][0] < 0 and texts["second"][1] == pytest.approx(centres(figure)[2][1])


def test_a_few_images_make_a_small_sheet():
    assert faces_sheet(numbered(2), columns=10).get_figwidth() < 2
    assert len(faces_sheet(numbered(1)).axes[0].images) == 1


def test_a_sheet_of_seventy_is_saved(tmp_path):
    save_figure(faces_sheet(numbered(70), heading="Faces"), tmp_path / "sheet.png", note="drawn")
    assert (tmp_path / "sheet.png").stat().st_size > 5000


@pytest.mark.parametrize("wrong", [{"titles": ["one"]}, {"row_titles": ["one", "two", "three"]}])
def test_names_must_match_the_images(wrong):
    with pytest.raises(AssertionError):
        faces_sheet(numbered(4), columns=2, **wrong)


def test_emotions_have_a_row_each_as_long_as_the_rarest_allows():
    images, labels = numbered(12), np.array([3, 3, 0, 3, 0, 6, 3, 3, 6, 6, 0, 0])
    faces = Faces(images, labels, np.full(12, "Training"), np.arange(12).astype(str), "test faces", "")
    axes = emotions_sheet(faces, each=4).axes[0]
    assert [text.get_text() for text in axes.texts] == ["angry", "happy", "neutral"]
    shown = [image.get_array() for image in axes.images]
    assert [int(image[0, 0]) for image in shown] == [int(images[i][0, 0]) for i in (2, 4, 10, 0, 1, 3, 5, 8, 9)]
