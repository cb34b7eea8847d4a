import itertools

import numpy as np
import pytest
import tensorflow as tf

from fer_keras.data.augment import (
    AUGMENTATIONS,
    Augmentation,
    adjust,
    affine_transforms,
    augment_batch,
    augmentation,
    erase,
    mixup,
    warp,
)
from fer_keras.errors import UserError

KEY = (3, 14)


def random_images(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, 48, 48, 1), dtype=np.uint8)


def vector(*values: float) -> tf.Tensor:
    return tf.constant(values, tf.float32)


def warped(images: np.ndarray, *, flip=False, dx=0.0, dy=0.0, degrees=0.0, scale=1.0) -> np.ndarray:
    """Warp a batch of one."""
    transforms = affine_transforms(tf.constant([flip]), vector(dx), vector(dy), vector(degrees), vector(scale))
    return warp(tf.cast(images, tf.float32), transforms).numpy()


def test_a_level_of_zeros_changes_no_bit():
    images = random_images(8)
    out = augment_batch(tf.constant(images), KEY, AUGMENTATIONS["none"])
    assert out.dtype == tf.float32
    np.testing.assert_array_equal(out, images.astype(np.float32))


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_level_keeps_shape_and_range(name, dtype):
    images = random_images(64)
    images[:8], images[8:16] = 0, 255
    out = augment_batch(tf.constant(images.astype(dtype)), KEY, AUGMENTATIONS[name]).numpy()
    assert out.shape == images.shape and out.dtype == np.float32
    assert out.min() >= 0 and out.max() <= 255
    changed = (out != images).any(axis=(1, 2, 3))[16:].mean()
    assert changed == 0 if name == "none" else changed > 0.9


def test_the_levels_get_stronger():
    ranges = [(a.flip, a.shift, a.rotation, a.scale, a.contrast, a.brightness, a.erase) for a in AUGMENTATIONS.values()]
    assert list(AUGMENTATIONS) == ["none", "light", "standard", "strong"]
    for weaker, stronger in itertools.pairwise(ranges):
        assert weaker != stronger and all(a <= b for a, b in zip(weaker, stronger, strict=True))


def test_an_unknown_level_names_the_nearest():
    with pytest.raises(UserError, match=r"no augmentation level 'strng'\. Did you mean 'strong'"):
        augmentation("strng")


def test_describe_names_what_is_on_and_nothing_else():
    assert Augmentation().describe() == "no change"
    assert Augmentation(flip=0.5, scale=0.2).describe() == "flip 50%, scale 1/1.2 to 1.2"


@pytest.mark.parametrize("wrong", [{"flip": 1.1}, {"shift": -1}, {"erase_area": (0.1, 0.5)}])
def test_impossible_ranges_are_refused(wrong):
    with pytest.raises(AssertionError):
        Augmentation(**wrong)


def test_the_same_key_gives_the_same_batch_and_another_key_another():
    images, level = tf.constant(random_images(16)), AUGMENTATIONS["strong"]
    first = augment_batch(images, (1, 2), level).numpy()
    np.testing.assert_array_equal(first, augment_batch(images, tf.constant((1, 2), tf.int64), level))
    for other in ((1, 3), (2, 2)):
        assert not np.array_equal(first, augment_batch(images, other, level))


def test_flip_mirrors_left_and_right_exactly():
    images = random_images(8)
    out = augment_batch(tf.constant(images), KEY, Augmentation(flip=1.0))
    np.testing.assert_array_equal(out, np.flip(images, axis=2).astype(np.float32))


def test_flip_happens_as_often_as_asked():
    images = random_images(1000)
    out = augment_batch(tf.constant(images), KEY, Augmentation(flip=0.3)).numpy()
    flipped = (out != images).any(axis=(1, 2, 3))
    assert abs(flipped.mean() - 0.3) < 0.06  # 4 standard deviations


@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -4), (-5, 2)])
def test_a_shift_moves_whole_pixels_and_mirrors_at_the_edge(dx, dy):
    image = random_images(1)
    padded = np.pad(image, ((0, 0), (5, 5), (5, 5), (0, 0)), mode="symmetric")
    expected = padded[:, 5 - dy : 53 - dy, 5 - dx : 53 - dx]
    np.testing.assert_array_equal(warped(image, dx=dx, dy=dy), expected)
    inside = (slice(None), slice(5, 43), slice(5, 43))
    np.testing.assert_array_equal(expected[inside], np.roll(image, (dy, dx), axis=(1, 2))[inside])


def test_shifts_are_drawn_evenly_from_the_whole_range():
    y, x = np.mgrid[:48, :48]
    images = np.broadcast_to((x + 100 * y).astype(np.float32)[None, :, :, None], (3000, 48, 48, 1))
    out = augment_batch(tf.constant(images), KEY, Augmentation(shift=2)).numpy()
    dy, dx = np.divmod(24 * 101 - out[:, 24, 24, 0] + 2, 100)  # dx + 2 lies in 0..4
    assert set(dx) == {0, 1, 2, 3, 4} and set(dy) == {-2, -1, 0, 1, 2}
    counts = np.array([np.sum((dx == i) & (dy == j)) for i in range(5) for j in range(-2, 3)])
    assert np.abs(counts - 120).max() < 45  # 3000 / 25 each, and 4 standard deviations


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_rotation_by_quarter_turns_is_counter_clockwise(quarters):
    image = random_images(1)
    out = warped(image, degrees=90 * quarters)
    np.testing.assert_allclose(out, np.rot90(image, quarters, axes=(1, 2)), atol=0.01)


def test_scale_enlarges_about_the_centre():
    square = np.zeros((1, 48, 48, 1), np.float32)
    square[:, 18:30, 18:30] = 255  # 12 x 12, centred
    for factor in (0.5, 2.0):
        out = warped(square, scale=factor)[:, 8:40, 8:40]  # without the mirror images that shrinking brings in
        np.testing.assert_allclose(np.sqrt(out.sum() / 255), 12 * factor, rtol=0.02)
        np.testing.assert_allclose(out, np.flip(out, axis=(1, 2)), atol=0.01)


@pytest.mark.parametrize("flip", [False, True])
def test_the_parts_compose_as_mirror_scale_rotate_shift(flip):
    # Bilinear interpolation is exact on a plane, so the value tells which input point an output pixel shows.
    y, x = np.mgrid[:48, :48].astype(np.float64)
    plane = 20 + 1.5 * x + 2.5 * y
    dx, dy, degrees, scale = 4.0, -3.0, 25.0, 1.2
    out = warped(plane[None, :, :, None], flip=flip, dx=dx, dy=dy, degrees=degrees, scale=scale)[0, :, :, 0]

    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    mirror, rotate = np.diag([-1.0 if flip else 1.0, 1.0]), np.array([[c, s], [-s, c]])  # y points down
    points = np.stack([x.ravel() - 23.5 - dx, y.ravel() - 23.5 - dy])
    px, py = np.linalg.inv(rotate @ (scale * np.eye(2)) @ mirror) @ points + 23.5
    inside = (px >= 0) & (px <= 47) & (py >= 0) & (py <= 47)
    assert inside.mean() > 0.7
    np.testing.assert_allclose(out.ravel()[inside], (20 + 1.5 * px + 2.5 * py)[inside], atol=0.01)


def test_geometry_brings_in_no_black_corners():
    white = tf.fill((64, 48, 48, 1), 255.0)
    level = Augmentation(flip=0.5, shift=10, rotation=45, scale=0.5)
    np.testing.assert_allclose(augment_batch(white, KEY, level), 255, atol=0.01)


def test_adjust_by_hand():
    image = np.full((2, 48, 48, 1), 100, np.float32)
    image[:, :24] = 60  # mean 80: +-20 about it
    out = adjust(tf.constant(image), contrast=vector(1.5, 4), brightness=vector(-10, 100)).numpy()
    np.testing.assert_allclose(out[0, :24], 40, atol=1e-3)  # 80 - 30 - 10
    np.testing.assert_allclose(out[0, 24:], 100, atol=1e-3)  # 80 + 30 - 10
    np.testing.assert_allclose(out[1, :24], 100, atol=1e-3)  # 80 - 80 + 100
    np.testing.assert_allclose(out[1, 24:], 255, atol=1e-3)  # 80 + 80 + 100, clipped


def test_contrast_and_brightness_cover_their_ranges():
    image = np.full((500, 48, 48, 1), 148, np.float32)
    image[:, :24] = 108  # mean 128
    level = Augmentation(contrast=0.5, brightness=30)
    out = augment_batch(tf.constant(image), KEY, level).numpy()
    low, high = out[:, 0, 0, 0], out[:, 47, 0, 0]
    contrast, brightness = (high - low) / 40, (high + low) / 2 - 128
    for values, least, most in ((contrast, 0.5, 1.5), (brightness, -30, 30)):
        spread = most - least
        assert least - 1e-3 <= values.min() < least + 0.05 * spread
        assert most - 0.05 * spread < values.max() <= most + 1e-3
        assert abs(values.mean() - (least + most) / 2) < 0.06 * spread
    assert abs(np.corrcoef(contrast, brightness)[0, 1]) < 0.2


def test_erase_by_hand():
    image = random_images(1).astype(np.float32)
    expected = image.copy()
    expected[0, 3:8, 40:48] = 77
    out = erase(tf.constant(image), *(vector(value) for value in (3, 40, 5, 8, 77)))
    np.testing.assert_array_equal(out, expected)


def test_random_erasing_hides_one_rectangle_of_the_area_asked_for():
    images = np.full((2000, 48, 48, 1), 99.5, np.float32)
    level = Augmentation(erase=0.4, erase_area=(0.05, 0.25))
    out = augment_batch(tf.constant(images), KEY, level).numpy()[..., 0]
    hidden = out != 99.5
    area = hidden.mean(axis=(1, 2))
    erased = area > 0
    assert abs(erased.mean() - 0.4) < 0.045  # 4 standard deviations
    height, width = hidden.any(axis=2).sum(axis=1), hidden.any(axis=1).sum(axis=1)
    np.testing.assert_array_equal(height * width, hidden.sum(axis=(1, 2)))  # a full rectangle, within the image
    assert abs(area[erased].mean() - 0.15) < 0.01
    assert 0.04 < area[erased].min() < 0.06 and 0.24 < area.max() < 0.27
    aspect = np.log(height[erased] / width[erased])
    assert abs(aspect.mean()) < 0.1 and 1.0 < aspect.max() < 1.35 and -1.35 < aspect.min() < -1.0  # log 3.3 = 1.19
    assert hidden.any(axis=0)[4:-4, 4:-4].all()  # every place has its turn; corners, seldom
    assert hidden[:, [0, -1]].any(axis=(0, 2)).all() and hidden[:, :, [0, -1]].any(axis=(0, 1)).all()  # up to the edges
    grays = out.max(axis=(1, 2), where=hidden, initial=0)[erased]
    assert grays.min() < 10 and grays.max() > 245 and abs(grays.mean() - 127.5) < 12


def mixup_case(alpha: float, n: int = 64) -> tuple[np.ndarray, ...]:
    """Mix a batch whose images tell their share; return the share, labels, weights, mixed labels, mixed weights."""
    values = np.arange(n, dtype=np.float32)
    images = np.broadcast_to(values[:, None, None, None], (n, 48, 48, 1))
    labels = np.eye(7, dtype=np.float32)[np.arange(n) * 3 % 7]
    weights = (1 + labels @ np.arange(7)).astype(np.float32)
    batch = [tf.constant(array) for array in (images, labels, weights)]
    mixed, mixed_labels, mixed_weights = (tensor.numpy() for tensor in mixup(*batch, KEY, alpha))
    assert np.ptp(mixed, axis=(1, 2, 3)).max() < 1e-3  # one share for a whole image
    share = (mixed[:, 0, 0, 0] - np.roll(values, 1)) / (values - np.roll(values, 1))
    return share, labels, weights, mixed_labels, mixed_weights


def test_mixup_mixes_the_losses_as_it_mixes_the_images():
    share, labels, weights, mixed_labels, mixed_weights = mixup_case(1.0)
    log_p = np.log(np.random.default_rng(1).dirichlet(np.ones(7), len(share)))
    own = -weights * (labels * log_p).sum(axis=1)
    other = -np.roll(weights, 1) * (np.roll(labels, 1, axis=0) * log_p).sum(axis=1)
    loss = -mixed_weights * (mixed_labels * log_p).sum(axis=1)
    np.testing.assert_allclose(loss, share * own + (1 - share) * other, rtol=1e-3)
    np.testing.assert_allclose(mixed_labels.sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("alpha", [0.02, 0.2, 2.0])
def test_mixup_draws_its_share_from_beta(alpha):
    share = mixup_case(alpha, n=4000)[0]
    assert np.isfinite(share).all() and share.min() > -1e-3 and share.max() < 1.001
    assert abs(share.mean() - 0.5) < 0.035
    np.testing.assert_allclose(share.var(), 1 / (4 * (2 * alpha + 1)), rtol=0.1)
