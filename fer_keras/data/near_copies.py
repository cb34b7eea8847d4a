"""Photographs that stand in a data set again, cut, scaled, lit, stamped otherwise or mirrored: no pixel need be equal.

Data sets gathered from the web hold many, in FER2013 a quarter of PublicTest: docs/results.md has the figures, and how
the threshold was found. A network has seen such a face in training, though no comparison of pixels says so: a mirrored
one too, for training shows it every image both ways.

References that could be copies are found by their rough picture, and told by their details: the correlation, over small
shifts and scales, of what is left of two images when their blurred selves are taken away (normalised cross-correlation;
Lewis, "Fast Template Matching", 1995). The rough pictures of two people may well correlate at 0.9, their details not.
Where an image has one gray value, as in a frame or a mask that all of a data set have, nothing is compared. The same
large text on two images is taken for a likeness.
"""

import hashlib
import logging
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from fer_keras.data.cache import remembered
from fer_keras.emotions import IMAGE_SIZE

SAME_PHOTO = 0.7  # correlation of the details: above 0.65 most are one photograph, above 0.7 nearly all (FER2013)
CANDIDATES = 8  # references whose details are compared, with the image and with its mirror image each
FORMAT = 3  # raise it when other copies are found

_CELL = 4  # pixels a side, of the rough picture's 12 x 12
_BLUR = 2.0  # standard deviation in pixels
_MIDDLE = 36  # pixels a side, what is compared: it may stand up to six pixels off
_BORDERS = (4, 6, 8)  # pixels around the middle before it is scaled to 36: by 0.9, 1 and 1.125
_FLAT = 1.0  # standard deviation in gray levels; details weaker than that are noise of the compression
_FLAT_SIDE = 5  # pixels: a square of one gray value, with nothing in it to compare
_CORRELATIONS = 2**23  # at a time: with what sorts them they take 130 MB
_LONG = 2**24  # of them: from so many on the search takes seconds, and says so

_log = logging.getLogger(__name__)


def near_copies(images: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return for each image the references that show the same photograph: int64 (N, 8), the likest first, then -1.

    Identical images are among them, unless they are blank or blurred: what has no details is a copy of nothing.
    Of those that were turned, or cut much otherwise, not all are found. The answer is kept in the cache: it takes
    less than a minute for FER2013's PublicTest (44 s on Zen 1).

    images: uint8 (N, 48, 48). references: uint8 (M, 48, 48).
    """
    content = hashlib.sha256(np.ascontiguousarray(images))
    content.update(np.ascontiguousarray(references))
    name = f"copies-{FORMAT}-{len(images)}-{content.hexdigest()}"
    return remembered(name, lambda: _search(images, references), (len(images), CANDIDATES))


def _search(images: np.ndarray, references: np.ndarray) -> np.ndarray:
    if len(images) * len(references) >= _LONG:
        _log.info("Looking for photographs of %d images among %d others, once", len(images), len(references))
    found = np.full((len(images), CANDIDATES), -1, np.int64)
    rough = _rough(references)
    details_of = lru_cache(4096)(lambda index: _details(references[index]))  # a reference may be like many images
    together = max(1, _CORRELATIONS // max(1, len(references)))
    for start in range(0, len(images), together):
        block = images[start : start + together]
        upright, mirrored = (_largest(_rough(view) @ rough.T, CANDIDATES) for view in (block, block[:, :, ::-1]))
        for row, (image, *candidates) in enumerate(zip(block, upright, mirrored, strict=True), start):
            likeness = _compare(_details(image), *candidates, details_of)
            ranked = sorted(likeness, key=lambda candidate: -likeness[candidate])
            copies = [candidate for candidate in ranked if likeness[candidate] >= SAME_PHOTO][:CANDIDATES]
            found[row, : len(copies)] = copies
    return found


def _compare(
    details: np.ndarray, upright: np.ndarray, mirrored: np.ndarray, details_of: Callable[[int], np.ndarray]
) -> dict[int, float]:
    """Return how like an image is, as it is or mirrored, to each reference that its rough pictures are like."""
    likeness: dict[int, float] = {}
    for view, candidates in ((details, upright), (np.fliplr(details).copy(), mirrored)):
        middles = _middles(view)
        for candidate in candidates.tolist():
            likeness[candidate] = max(likeness.get(candidate, -1.0), _likeness(middles, details_of(candidate)))
    return likeness


def _rough(images: np.ndarray) -> np.ndarray:
    """Return small pictures whose scalar products are their correlations: float32 (N, 144)."""
    side = IMAGE_SIZE // _CELL
    cells = images.reshape(-1, side, _CELL, side, _CELL).mean(axis=(2, 4), dtype=np.float32).reshape(-1, side**2)
    cells -= cells.mean(axis=1, keepdims=True)
    return cells / np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1e-3)


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Return where the largest values of each row stand, the first of them first: int64 (rows, at most count)."""
    count = min(count, values.shape[1])
    if not count:
        return np.zeros((len(values), 0), np.int64)
    return np.sort(np.argpartition(-values, count - 1, axis=1)[:, :count], axis=1)


def _details(image: np.ndarray) -> np.ndarray:
    """Return what blurring takes away: float32 (48, 48), 0 in flat squares and so near them that blurring sees them."""
    import cv2  # here: whoever compares no faces need not wait for it

    square = np.ones((_FLAT_SIDE, _FLAT_SIDE), np.uint8)
    flat = (cv2.erode(image, square) == cv2.dilate(image, square)).astype(np.uint8)
    near = cv2.dilate(flat, np.ones((_FLAT_SIDE + 2 * round(_BLUR),) * 2, np.uint8))
    image = image.astype(np.float32)
    return np.where(near, np.float32(0), image - cv2.GaussianBlur(image, (0, 0), _BLUR))


def _middles(details: np.ndarray) -> list[np.ndarray]:
    """Return the middle at three scales, float32 (36, 36) each, without those that have nothing in them."""
    import cv2

    cut = [details[border:-border, border:-border] for border in _BORDERS]
    scaled = [cv2.resize(one, (_MIDDLE, _MIDDLE), interpolation=cv2.INTER_LINEAR) for one in cut]
    return [one for one in scaled if one.std() > _FLAT]


def _likeness(middles: list[np.ndarray], details: np.ndarray) -> float:
    """Return the largest correlation of a middle with the part of another image's details that it lies over."""
    import cv2

    if details.std() <= _FLAT:
        return -1.0
    found = (cv2.matchTemplate(details, one, cv2.TM_CCOEFF_NORMED).max() for one in middles)
    return max(map(float, found), default=-1.0)
