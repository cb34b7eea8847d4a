"""Photographs that stand in a data set again, cut, scaled, lit, stamped otherwise or mirrored: no pixel need be equal.

Data sets gathered from the web hold many, in FER2013 nearly a third of PublicTest: docs/results.md has the figures, and
how the threshold was found. A network has seen such a face in training, though no comparison of pixels says so: a
mirrored one too, for training shows it every image both ways.

References that could be copies are found by their rough picture, and told by their details: the correlation, over small
shifts and scales, of what is left of two images when their blurred selves are taken away (normalised cross-correlation;
Lewis, "Fast Template Matching", 1995). The rough pictures of two people may well correlate at 0.9, their details not.
An image that is like none is looked for again as a narrower cut, its own or the references'. Where an image has one
gray value, as in a frame or a mask that all of a data set have, nothing is compared. The same large text on two images
is taken for a likeness.
"""

import hashlib
import logging
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from tqdm import tqdm

from fer_keras.data.cache import remembered
from fer_keras.emotions import IMAGE_SIZE
from fer_keras.provenance import SEARCH

SAME_PHOTO = 0.7  # correlation of the details: above 0.65 most are one photograph, above 0.7 nearly all (FER2013)
CANDIDATES = 8  # references whose details are compared, with the image and with its mirror image each

_CELL = 4  # pixels a side, of the rough picture's 12 x 12
# Where the rough picture is cut out of an image with a cell more on each side: where it is, and a cell off.
_MOVES = tuple((down, right) for down in (0, _CELL, 2 * _CELL) for right in (0, _CELL, 2 * _CELL))
_BLUR = 2.0  # standard deviation in pixels
_MIDDLE = 36  # pixels a side, what is compared: it may stand up to six pixels off
_BORDERS = (6, 4, 8)  # pixels around the middle before it is scaled to 36: by 1, 0.9 and 1.125
_ZOOMS = (1.15, 1.3, 1.45)  # of narrower cuts: with the scales of the middle they reach from 1.03 to 1.63
_UNLIKE = 0.2  # correlation of the details: below it the other scales of the middle are not tried
_FLAT = 1.0  # standard deviation in gray levels; details weaker than that are noise of the compression
_FLAT_SIDE = 5  # pixels: a square of one gray value, with nothing in it to compare
_SQUARE = np.ones((_FLAT_SIDE, _FLAT_SIDE), np.uint8)
_AROUND = np.ones((_FLAT_SIDE + 2 * round(_BLUR),) * 2, np.uint8)
_CORRELATIONS = 2**23  # at a time: with what sorts them they take 130 MB
_LONG = 2**24  # of them: from so many on the search takes seconds, and says so

_log = logging.getLogger(__name__)


def near_copies(images: np.ndarray, references: np.ndarray) -> np.ndarray:
    """Return for each image the references that show the same photograph: int64 (N, 8), the likest first, then -1.

    Identical images are among them, unless they are blank or blurred: what has no details is a copy of nothing.
    Where there are copies of about one scale, copies of others may be left out. Found are nearly all that are cut or
    scaled, by up to 1.6 times, moved by up to five pixels, or turned by up to three degrees; of those turned by five a
    third, by ten none (docs/results.md). The answer is kept in the cache: for FER2013's PublicTest it takes two minutes
    (Zen 3).

    images: uint8 (N, 48, 48). references: uint8 (M, 48, 48).
    """
    content = hashlib.sha256(np.ascontiguousarray(images))
    content.update(np.ascontiguousarray(references))
    name = f"copies-{SEARCH}-{len(images)}-{content.hexdigest()}"
    return remembered(name, lambda: _search(images, references), (len(images), CANDIDATES))


def _search(images: np.ndarray, references: np.ndarray) -> np.ndarray:
    long = len(images) * len(references) >= _LONG
    if long:
        _log.info(f"Looking for photographs of {len(images):,} images among {len(references):,} others, once")
    searches = len(images) * (1 + 2 * len(_ZOOMS))
    with tqdm(total=searches, unit="image", leave=False, disable=None if long else True, dynamic_ncols=True) as bar:
        found = _search_at_one_scale(images, references, bar)
        for zoom in _ZOOMS:
            left = np.flatnonzero(found[:, 0] < 0)
            found[left] = _search_at_one_scale(_zoomed(images[left], zoom), references, bar)
            still = left[found[left, 0] < 0]
            found[still] = _search_at_one_scale(images[still], _zoomed(references, zoom), bar)
            bar.update(2 * len(images) - len(left) - len(still))
    return found


def _search_at_one_scale(images: np.ndarray, references: np.ndarray, bar: tqdm) -> np.ndarray:
    found = np.full((len(images), CANDIDATES), -1, np.int64)
    rough = _rough(references)
    details_of = lru_cache(4096)(lambda index: _details(references[index]))  # a reference may be like many images
    together = max(1, _CORRELATIONS // max(1, len(references)))
    for start in range(0, len(images), together):
        block = images[start : start + together]
        upright, mirrored = (_candidates(view, rough) for view in (block, block[:, :, ::-1]))
        for row, (image, *candidates) in enumerate(zip(block, upright, mirrored, strict=True), start):
            likeness = _compare(_details(image), *candidates, details_of)
            ranked = sorted(likeness, key=lambda candidate: -likeness[candidate])
            copies = [candidate for candidate in ranked if likeness[candidate] >= SAME_PHOTO][:CANDIDATES]
            found[row, : len(copies)] = copies
        bar.update(len(block))
    return found


def _zoomed(images: np.ndarray, zoom: float) -> np.ndarray:
    """Return the middle of each image, enlarged to its size: uint8 (N, 48, 48)."""
    import cv2

    middle = (IMAGE_SIZE - 1) / 2
    enlarge = cv2.getRotationMatrix2D((middle, middle), 0, zoom)
    zoomed = np.empty_like(images)
    for image, into in zip(images, zoomed, strict=True):
        cv2.warpAffine(image, enlarge, image.shape, dst=into, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return zoomed


def _compare(
    details: np.ndarray | None,
    upright: np.ndarray,
    mirrored: np.ndarray,
    details_of: Callable[[int], np.ndarray | None],
) -> dict[int, float]:
    """Return how like an image is, as it is or mirrored, to each reference that its rough pictures are like."""
    likeness: dict[int, float] = {}
    if details is None:
        return likeness
    for view, candidates in ((details, upright), (np.fliplr(details).copy(), mirrored)):
        middles = _middles(view)
        for candidate in candidates.tolist():
            likeness[candidate] = max(likeness.get(candidate, -1.0), _likeness(middles, details_of(candidate)))
    return likeness


def _candidates(images: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """Return the references that each image could be a copy of, moved by a cell or not: int64 (N, at most CANDIDATES).

    rough: the references' `_rough`.
    """
    around = np.pad(images, ((0, 0), (_CELL, _CELL), (_CELL, _CELL)), mode="edge")
    likeness = np.full((len(images), len(rough)), -1.0, np.float32)
    for down, right in _MOVES:
        moved = around[:, down : down + IMAGE_SIZE, right : right + IMAGE_SIZE]
        np.maximum(likeness, _rough(moved) @ rough.T, out=likeness)
    return _largest(likeness, CANDIDATES)


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


def _details(image: np.ndarray) -> np.ndarray | None:
    """Return what blurring takes away: float32 (48, 48), 0 in flat squares and so near them that blurring sees them.

    None where that is next to nothing.
    """
    import cv2  # here: whoever compares no faces need not wait for it

    flat = (cv2.erode(image, _SQUARE) == cv2.dilate(image, _SQUARE)).astype(np.uint8)
    near = cv2.dilate(flat, _AROUND)
    image = image.astype(np.float32)
    details = np.where(near, np.float32(0), image - cv2.GaussianBlur(image, (0, 0), _BLUR))
    return details if _has_something(details) else None


def _has_something(details: np.ndarray) -> bool:
    import cv2

    return cv2.meanStdDev(details)[1].item() > _FLAT


def _middles(details: np.ndarray) -> list[np.ndarray]:
    """Return the middle at three scales, float32 (36, 36) each, without those that have nothing in them."""
    import cv2

    cut = [details[border:-border, border:-border] for border in _BORDERS]
    scaled = [cv2.resize(one, (_MIDDLE, _MIDDLE), interpolation=cv2.INTER_LINEAR) for one in cut]
    return [one for one in scaled if _has_something(one)]


def _likeness(middles: list[np.ndarray], details: np.ndarray | None) -> float:
    """Return the largest correlation of a middle with the part of another image's details that it lies over."""
    import cv2

    likeness = -1.0
    for middle in middles if details is not None else ():
        likeness = max(likeness, float(cv2.matchTemplate(details, middle, cv2.TM_CCOEFF_NORMED).max()))
        if likeness < _UNLIKE:
            break
    return likeness
