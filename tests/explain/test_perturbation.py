"""Methods that hide parts of the face, on networks that read one pixel or are linear."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_keras.errors import UserError
from fer_keras.explain.perturbation import Occlusion, Rise, random_masks

PIXEL = (17, 30)


def linear_network(weights):
    """Logit 0: the weighted sum of the pixels, weights (48, 48); logit 1: constantly 5."""
    model = keras.Sequential([layers.Input((48, 48, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    kernel = np.stack([np.ravel(weights), np.zeros(48 * 48)], axis=1)
    model.set_weights([kernel.astype(np.float32), np.array([0.0, 5.0], np.float32)])
    return model


def one_pixel_network():
    weights = np.zeros((48, 48))
    weights[PIXEL] = 1.0
    return linear_network(weights)


IMAGES = np.random.default_rng(4).integers(100, 256, (2, 48, 48), dtype=np.uint8)
FIRST = np.array([0, 0])


def test_occlusion_finds_the_pixel_that_is_read():
    maps = Occlusion(one_pixel_network(), patch=5, stride=1, baseline=0.0).explain(IMAGES, FIRST)
    for image, one in zip(IMAGES, maps, strict=True):
        assert np.unravel_index(one.argmax(), one.shape) == PIXEL
        assert one[PIXEL] == pytest.approx(image[PIXEL])  # every square over it takes all of the logit away
        assert one[PIXEL[0], PIXEL[1] + 4] == pytest.approx(image[PIXEL] / 5)  # of 5x5 squares over this one, 5 do
        assert one[PIXEL[0], PIXEL[1] + 5] == 0


def test_occlusion_by_single_pixels_is_exact_for_a_linear_network():
    weights = np.random.default_rng(0).normal(size=(48, 48))
    image = IMAGES[:1]
    maps = Occlusion(linear_network(weights), patch=1, stride=1, baseline=20.0).explain(image, FIRST[:1])
    np.testing.assert_allclose(maps, weights * (image - 20.0), atol=0.05)  # a difference of float32 sums


def test_occlusion_hides_with_the_mean_gray_of_the_face():
    image = np.full((1, 48, 48), 90, np.uint8)
    assert np.abs(Occlusion(one_pixel_network()).explain(image, FIRST[:1])).max() < 1e-3
    assert Occlusion(one_pixel_network(), baseline=100.0).explain(image, FIRST[:1]).min() == pytest.approx(
        -10, abs=1e-3
    )


@pytest.mark.parametrize(
    ("patch", "stride", "places"),
    [(8, 4, 11), (7, 5, 10), (48, 1, 1), (1, 1, 48), (10, 10, 5)],  # 0, 4, ..., 40; 0, 5, ..., 40, 41; ...
)
def test_occlusion_covers_every_pixel_and_hides_no_square_twice(patch, stride, places):
    explainer = Occlusion(one_pixel_network(), patch=patch, stride=stride)
    hidden = explainer._hidden.numpy()
    assert explainer._cover.numpy().min() >= 1
    assert (hidden.sum(axis=(1, 2)) == patch**2).all()
    assert len(hidden) == len({square.tobytes() for square in hidden}) == places**2


def test_a_logit_that_reads_nothing_gets_flat_maps():
    other = np.array([1, 1])
    assert (Occlusion(one_pixel_network()).explain(IMAGES, other) == 0).all()
    assert np.abs(Rise(one_pixel_network(), masks=50).explain(IMAGES, other)).max() < 1e-5


def test_rise_finds_the_pixel_that_is_read():
    maps = Rise(one_pixel_network(), masks=2000, grid=8).explain(IMAGES, FIRST)
    for image, one in zip(IMAGES, maps, strict=True):
        row, column = np.unravel_index(one.argmax(), one.shape)
        assert abs(row - PIXEL[0]) <= 2
        assert abs(column - PIXEL[1]) <= 2
        # Seen with weights of 0..1, half of them above a half: knowing that it is shown, the logit is higher by this.
        masks = random_masks(2000, 8, 0.5, seed=0)[:, *PIXEL].astype(np.float64)
        expected = image[PIXEL] * ((masks**2).sum() / masks.sum() - masks.mean())
        assert one[PIXEL] == pytest.approx(expected, rel=1e-3)
        far = one[34:, :16]
        assert np.abs(far).max() < 0.2 * one.max()


def test_rise_tells_for_from_against():
    weights = np.zeros((48, 48))
    weights[10, 10], weights[36, 36] = 1.0, -1.0
    one = Rise(linear_network(weights), masks=2000).explain(IMAGES[:1], FIRST[:1])[0]
    assert one[10, 10] > 0 > one[36, 36]


def test_the_masks_of_rise_are_smooth_seeded_and_half_open():
    masks = random_masks(500, 7, 0.5, seed=1)
    assert masks.shape == (500, 48, 48)
    assert masks.dtype == np.float32
    assert masks.min() >= 0
    assert masks.max() <= 1
    assert masks.mean() == pytest.approx(0.5, abs=0.03)
    assert random_masks(500, 7, 0.2, seed=1).mean() == pytest.approx(0.2, abs=0.03)
    # A step from hidden to shown takes a cell: 8 pixels of an enlarged grid of 7 over 56.
    assert np.abs(np.diff(masks, axis=2)).max() <= 1 / 8 + 1e-6
    assert np.ptp(masks.mean(axis=0)) < 0.15  # no place is shown much more than another
    assert (random_masks(500, 7, 0.5, seed=1) == masks).all()
    assert (random_masks(500, 7, 0.5, seed=2) != masks).any()


def test_the_masks_of_rise_are_shifted_by_every_number_of_pixels_within_a_cell():
    """As the paper has it: under masks whose cells all lie alike no map is finer than the grid."""
    masks = random_masks(500, 7, 0.5, seed=1).astype(np.float64)
    for axis in (1, 2):  # down and across, by 0 to 6 pixels: 48 / 7, rounded up, is 7
        bends = np.abs(np.diff(masks, n=2, axis=axis)).max(axis=3 - axis) > 1e-4  # at the middles of cells alone
        places = {frozenset(np.flatnonzero(one) % 8) for one in bends if one.any()}
        assert {len(place) for place in places} == {2} and len(places) == 7


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        (Occlusion, {"patch": 49}, "patch of 1 to 48. Received 49"),
        (Occlusion, {"patch": 4, "stride": 5}, "stride of 1 to 4. Received 5"),
        (Occlusion, {"baseline": 256.0}, "baseline of 0.0 to 255.0. Received 256.0"),
        (Rise, {"baseline": "median"}, "a gray value of 0 to 255, or 'mean'. Received 'median'"),
        (Rise, {"masks": 1}, "masks of at least 2"),
        (Rise, {"grid": 0}, "grid of 1 to 48"),
        (Rise, {"keep": 1.0}, "keep of 0.01 to 0.99"),
    ],
)
def test_options_out_of_range_are_refused(method, options, message):
    with pytest.raises(UserError, match=message):
        method(one_pixel_network(), **options)
