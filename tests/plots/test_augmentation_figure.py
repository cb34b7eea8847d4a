import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from fer_keras.plots.augmentation import augmentation_figure


def faces(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 48, 48), dtype=np.uint8)


def pictures(figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes]


def test_each_face_stands_above_its_augmented_self():
    before = faces(10)
    after = (255.0 - before)[..., np.newaxis]
    labels = np.arange(10) % 7
    figure = augmentation_figure(before, after, "standard", labels)
    assert len(figure.axes) == 20
    for i in range(10):
        top, below = figure.axes[2 * i : 2 * i + 2]
        np.testing.assert_array_equal(top.images[0].get_array(), before[i])
        np.testing.assert_array_equal(below.images[0].get_array(), after[i, :, :, 0])
        upper, lower = top.get_subplotspec(), below.get_subplotspec()
        assert upper.colspan.start == lower.colspan.start == i % 8 and lower.rowspan.start == upper.rowspan.start + 1
    assert [axes.get_title() for axes in figure.axes[:6:2]] == ["angry", "disgust", "fear"]
    assert [axes.get_ylabel() for axes in figure.axes[:4]] == ["before", "after", "", ""]


def test_grays_are_shown_on_one_scale_so_that_brightness_can_be_seen():
    figure = augmentation_figure(faces(2) // 2, faces(2), "strong", np.array([0, 1]))
    assert {axes.images[0].get_clim() for axes in figure.axes} == {(0, 255)}


def test_a_large_batch_shows_its_first_faces_only():
    figure = augmentation_figure(faces(100), faces(100), "light", np.zeros(100, int))
    assert len(figure.axes) == 64
    np.testing.assert_array_equal(pictures(figure)[-2], faces(100)[31])


def test_labels_may_be_one_hot_as_the_batches_have_them():
    labels = np.array([3, 6, 0])
    plain, one_hot = (augmentation_figure(faces(3), faces(3), "light", y) for y in (labels, np.eye(7)[labels]))
    assert [axes.get_title() for axes in plain.axes] == [axes.get_title() for axes in one_hot.axes]


@pytest.mark.parametrize("n", [1, 9])
def test_the_title_tells_level_and_ranges_within_the_page(n):
    ranges = "flip 50%, shift ±5 px, rotation ±15°, scale 1/1.2 to 1.2, contrast ±40%, brightness ±40, erasing 50%"
    figure = augmentation_figure(faces(n), faces(n), "strong", np.zeros(n, int), ranges=ranges)
    FigureCanvasAgg(figure).draw()
    title = figure.get_suptitle()
    assert title.startswith("Augmentation: strong") and ranges in title.replace("\n", " ")
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
