"""Figures of attribution maps: what they draw, on which scale, and what they write beside it."""

import numpy as np
import pytest

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.attribution import attribution_figure, comparison_figure, mean_maps_figure, overlay


def faces(n):
    return np.random.default_rng(0).integers(0, 256, (n, 48, 48)).astype(np.uint8)


def maps(n):
    return np.random.default_rng(1).normal(size=(n, 48, 48)).astype(np.float32)


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_each_face_stands_beside_its_map_and_their_mixture():
    images, one = faces(3), np.abs(maps(3))
    figure = attribution_figure(images, one, ["a", "b", "c"], signed=False)
    shown = figure.axes[0].images
    assert len(shown) == 9 + 1  # the scale
    for i in range(3):
        np.testing.assert_array_equal(shown[3 * i].get_array(), images[i])
        np.testing.assert_array_equal(shown[3 * i + 1].get_array(), one[i])
        assert shown[3 * i + 1].get_clim() == pytest.approx((0, np.percentile(one[i], 99.5)))
    assert texts(figure)[:3] == ["a", "b", "c"]


@pytest.mark.parametrize(("signed", "ends"), [(True, ["against", "0", "for"]), (False, ["0", "much"])])
def test_the_scale_below_a_sheet_has_the_colours_of_its_maps_from_end_to_end(signed, ends):
    figure = attribution_figure(faces(2), np.abs(maps(2)), signed=signed)
    *pictures, scale = figure.axes[0].images
    assert scale.get_cmap().name == pictures[1].get_cmap().name
    strip = scale.get_array()[0]
    assert strip[-1] == 1 and strip[0] == (-1 if signed else 0) and (np.diff(strip) > 0).all()
    assert scale.get_extent()[:2] == pytest.approx(pictures[1].get_extent()[:2])  # below the first map
    assert scale.get_clim() == (strip[0], strip[-1])
    said = [text.get_text() for text in sorted(figure.axes[0].texts, key=lambda text: text.get_position()[0])]
    assert [one for one in said if one] == [
        "the face",
        *ends,
        "smoothed, over it" if signed else "its upper half, over it",
    ]
    assert figure.axes[0].get_aspect() == 1  # pixels are squares


def test_signed_maps_have_their_middle_at_zero():
    one = maps(1)
    low, high = attribution_figure(faces(1), one, signed=True).axes[0].images[1].get_clim()
    assert low == -high < 0


def test_a_map_of_zeros_and_one_bright_pixel_can_be_drawn():
    one = np.zeros((2, 48, 48), np.float32)
    one[1, 5, 7] = 3.0  # above the percentile that the scale is taken from
    shown = attribution_figure(faces(2), one, signed=False).axes[0].images
    assert shown[1].get_clim() == (0, 1) and shown[4].get_clim() == (0, 3)


def test_an_overlay_leaves_the_face_where_the_map_is_zero():
    image, one = faces(1)[0], np.zeros((48, 48))
    np.testing.assert_array_equal(overlay(image, one, signed=True), np.repeat(image[..., None], 3, axis=-1))
    one[10:14, 10:14], one[34:38, 34:38] = 1, -1
    colored = overlay(np.full((48, 48), 128), one, signed=True).astype(int)
    for_it, against = colored[12, 12], colored[36, 36]
    assert for_it[0] > for_it[2] and against[2] > against[0]  # red for, blue against
    np.testing.assert_array_equal(colored[24, 2], [128, 128, 128])


def test_a_comparison_has_a_column_for_each_method_and_a_row_for_each_face():
    of = {"saliency": np.abs(maps(2)), "grad-x-input": maps(2)}
    figure = comparison_figure(faces(2), of, {"saliency": False, "grad-x-input": True}, ["first", "second"])
    shown = figure.axes[0].images
    assert len(shown) == 2 * 3
    np.testing.assert_array_equal(shown[5].get_array(), of["grad-x-input"][1])
    assert shown[5].get_clim()[0] < 0 == shown[4].get_clim()[0]
    assert {"face", "saliency", "grad-\nx-input", "first", "second"} <= set(texts(figure))


def test_mean_maps_share_one_scale_and_say_where_there_are_none():
    means, mean_faces = np.full((2, 7, 48, 48), np.nan)
    means[:3], mean_faces[:3] = np.abs(maps(3)), faces(3)
    counts = np.array([4, 5, 6, 0, 0, 0, 0])
    figure = mean_maps_figure(mean_faces, means, counts, signed=False)
    grid = np.array(figure.axes[:14]).reshape(2, 7)
    assert len({ax.images[0].get_clim() for ax in grid[1, :3]}) == 1
    np.testing.assert_array_equal(grid[1, 2].images[0].get_array(), means[2])
    assert [ax.get_title() for ax in grid[0]] == [f"{e} ({n})" for e, n in zip(EMOTIONS, counts, strict=True)]
    assert [ax.texts[0].get_text() for ax in grid[1, 3:]] == ["none"] * 4
