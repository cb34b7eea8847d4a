"""The same photograph, cut, scaled, lit or stamped otherwise, is found again; another one is not."""

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


COPIES = {
    "identical": cut,
    "moved": lambda photo: cut(photo, BORDER + 2, BORDER - 2),
    "smaller": smaller,
    "darker, of less contrast": lambda photo: np.round(0.6 * cut(photo) + 5).astype(np.uint8),
    "stamped": stamped,
    "noisy": lambda photo: cut(photo + np.random.default_rng(1).normal(0, 5, photo.shape)),
}


@pytest.mark.parametrize("change", COPIES)
def test_a_copy_is_found_and_the_right_one(change):
    images = np.stack([COPIES[change](photo) for photo in PHOTOS])
    assert near_copies(images, REFERENCES).tolist() == list(range(len(PHOTOS)))


def test_other_photos_in_the_same_light_are_no_copies():
    others = np.stack([cut(photo) for photo in photographs(40)[20:]])
    rough = module._rough(others) @ module._rough(REFERENCES).T
    assert rough.max() > 0.9, "their rough pictures are alike, or this shows nothing"
    assert (near_copies(others, REFERENCES) == -1).all()


def test_a_flat_image_is_a_copy_of_nothing():
    flat = np.stack([np.full((48, 48), 128, np.uint8), np.tile(np.arange(48, dtype=np.uint8), (48, 1))])
    assert near_copies(flat, flat).tolist() == [-1, -1]
    assert near_copies(REFERENCES[:1], flat).tolist() == [-1]


def test_nothing_among_nothing():
    assert near_copies(REFERENCES[:0], REFERENCES).shape == (0,)
    assert near_copies(REFERENCES[:2], REFERENCES[:0]).tolist() == [-1, -1]


def test_the_search_is_done_once(monkeypatch):
    first = near_copies(REFERENCES[:3], REFERENCES)
    with monkeypatch.context() as patch:
        patch.setattr(module, "_search", lambda *_: pytest.fail("searched again"))
        np.testing.assert_array_equal(near_copies(REFERENCES[:3].copy(), REFERENCES), first)
    assert near_copies(REFERENCES[:3], REFERENCES[1:]).tolist() == [-1, 0, 1]
