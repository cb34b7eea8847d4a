"""The same photograph, cut, scaled, lit, stamped otherwise or mirrored, is found again; another one is not."""

import logging

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fer_keras.data import near_copies as module
from fer_keras.data.near_copies import near_copies

BORDER = 8  # pixels around the 48 x 48 that a photograph has


def photographs(n=20, seed=0):
    """Return pictures in much the same light, with shapes and details of their own: (N, 64, 64)."""
    rng = np.random.default_rng(seed)
    side = 48 + 2 * BORDER
    light = gaussian_filter(rng.normal(size=(1, side, side)), (0, 12, 12))
    shapes = gaussian_filter(rng.normal(size=(n, side, side)), (0, 6, 6))
    details = gaussian_filter(rng.normal(size=(n, side, side)), (0, 1.2, 1.2))
    return 128 + sum(gray * part / part.std() for gray, part in ((40, light), (12, shapes), (18, details)))


def cut(photo, top=BORDER, left=BORDER):
    return np.clip(photo[top : top + 48, left : left + 48], 0, 255).astype(np.uint8)


PHOTOS = photographs()
REFERENCES = np.stack([cut(photo) for photo in PHOTOS])


def smaller(photo):
    """Cut 53 x 53 pixels out of a photo and make them 48 x 48: its face at 0.9 of its size."""
    part = photo[BORDER - 2 : BORDER + 51, BORDER - 3 : BORDER + 50].astype(np.float32)
    return np.clip(cv2.resize(part, (48, 48), interpolation=cv2.INTER_AREA), 0, 255).astype(np.uint8)


def stamped(photo):
    picture = cut(photo)
    picture[34:38, 8:40] += 20
    return picture


def likest(images, references):
    return near_copies(images, references)[:, 0].tolist()


def closer(photo):
    """Enlarge the middle 33 x 33 pixels of the cut to 48 x 48: by 1.45."""
    return cv2.resize(cut(photo)[7:40, 8:41], (48, 48), interpolation=cv2.INTER_LINEAR)


def wider(photo):
    """Make all 64 x 64 pixels of a photo 48 x 48: its face at 0.75 of its size."""
    return np.clip(cv2.resize(photo.astype(np.float32), (48, 48), interpolation=cv2.INTER_AREA), 0, 255)


COPIES = {
    "identical": cut,
    "moved far": lambda photo: cut(photo, BORDER + 4, BORDER - 4),
    "closer": closer,
    "wider": wider,
    "mirrored, closer": lambda photo: np.fliplr(closer(photo)),
    "moved": lambda photo: cut(photo, BORDER + 2, BORDER - 2),
    "smaller": smaller,
    "darker, of less contrast": lambda photo: np.round(0.6 * cut(photo) + 5).astype(np.uint8),
    "stamped": stamped,
    "mirrored": lambda photo: np.fliplr(cut(photo)),
    "mirrored, moved and darker": lambda photo: np.round(0.6 * np.fliplr(cut(photo, BORDER - 2, BORDER + 2))),
    "noisy": lambda photo: cut(photo + np.random.default_rng(1).normal(0, 5, photo.shape)),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_is_found_and_the_right_one(change):
    images = np.stack([COPIES[change](photo) for photo in PHOTOS]).astype(np.uint8)
    assert likest(images, REFERENCES) == list(range(len(PHOTOS)))


def test_other_photos_in_the_same_light_are_no_copies():
    others = np.stack([cut(photo) for photo in photographs(40)[20:]])
    rough = module._rough(others) @ module._rough(REFERENCES).T
    assert rough.max() > 0.9, "their rough pictures are alike, or this shows nothing"
    assert (near_copies(others, REFERENCES) == -1).all()


def test_some_details_in_common_are_not_enough():
    images = np.stack([cut(0.42 * one + 0.58 * other) for one, other in zip(PHOTOS, PHOTOS[::-1], strict=True)])
    likeness = [
        module._likeness(module._middles(module._details(image)), module._details(reference))
        for image, reference in zip(images, REFERENCES, strict=True)
    ]
    assert 0.5 < np.median(likeness) < 0.65
    of_one = np.array(likest(images, REFERENCES)) == np.arange(len(images))
    assert of_one.mean() < 0.1


@pytest.mark.parametrize("gray", [0, 128, 255])
def test_a_frame_or_a_mask_that_all_images_have_is_no_likeness(gray):
    others = np.stack([cut(photo) for photo in photographs(40)[20:]])
    y, x = np.indices((48, 48))
    for hidden in (np.maximum(abs(x - 23.5), abs(y - 23.5)) > 15, (x - 23.5) ** 2 / 300 + (y - 23.5) ** 2 / 500 > 1):
        masked, references = (np.where(hidden, gray, images).astype(np.uint8) for images in (others, REFERENCES))
        assert (near_copies(masked, references) == -1).all()
        assert likest(references, references) == list(range(len(references)))


def test_all_copies_are_found_the_likest_first():
    photo = PHOTOS[4]
    mirrored = np.fliplr(smaller(photo))
    references = np.stack([cut(PHOTOS[0]), stamped(photo), cut(PHOTOS[1]), cut(photo), smaller(photo), mirrored])
    found = near_copies(cut(photo)[None], references)
    assert found.shape == (1, 8) and found[0, 0] == 3
    assert sorted(found[0].tolist()) == [-1] * 4 + [1, 3, 4, 5]


def test_a_flat_image_is_a_copy_of_nothing():
    flat = np.stack([np.full((48, 48), 128, np.uint8), np.tile(np.arange(48, dtype=np.uint8), (48, 1))])
    assert likest(flat, flat) == [-1, -1]
    assert likest(REFERENCES[:1], flat) == [-1]


def test_nothing_among_nothing():
    assert near_copies(REFERENCES[:0], REFERENCES).shape == (0, 8)
    assert likest(REFERENCES[:2], REFERENCES[:0]) == [-1, -1]


def test_few_images_at_a_time_find_the_same(monkeypatch):
    together = near_copies(REFERENCES, REFERENCES[5:])
    monkeypatch.setattr(module, "_CORRELATIONS", 45)
    np.testing.assert_array_equal(module._search(REFERENCES, REFERENCES[5:]), together)


def test_a_search_that_takes_long_says_so_and_no_other_does(monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    near_copies(REFERENCES[:4], REFERENCES)
    assert not caplog.records
    monkeypatch.setattr(module, "_LONG", 3 * len(REFERENCES))
    near_copies(REFERENCES[:3], REFERENCES)
    near_copies(REFERENCES[:3], REFERENCES)
    assert [record.getMessage().split(" among ")[0] for record in caplog.records] == [
        "Looking for photographs of 3 images"
    ]


def test_the_search_is_done_once(monkeypatch):
    first = near_copies(REFERENCES[:3], REFERENCES)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_search", lambda *_: pytest.fail("searched again"))
        np.testing.assert_array_equal(near_copies(REFERENCES[:3].copy(), REFERENCES), first)
    assert likest(REFERENCES[:3], REFERENCES[1:]) == [-1, 0, 1]
