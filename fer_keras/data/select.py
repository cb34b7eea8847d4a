"""Selections of faces: without the uniform ones, equalised, at most so many, and stratified parts.

`protocol` decides by them what a network is fitted to and what selects it.
"""

import hashlib
from collections.abc import Iterator

import numpy as np

from fer_keras.data.faces import Faces
from fer_keras.emotions import EMOTIONS, IMAGE_SIZE
from fer_keras.errors import UserError

NEARLY_UNIFORM = 0.5  # one value in more than this share of the pixels: hardly a face, often a "no image" drawing

_PIXELS = IMAGE_SIZE * IMAGE_SIZE
_BLOCK = 1024  # images at a time: their (1024, 2304) int64 index takes 19 MB


# --- the images -----------------------------------------------------------------------------------------------------


def uniform_share(images: np.ndarray) -> np.ndarray:
    """Return the share of the most frequent value in each image: 1.0 for a constant one.

    images: uint8 (N, 48, 48). Returns float64 (N,) in 1/256..1.
    """
    shares = [histogram.max(axis=1) / _PIXELS for histogram in histograms(images)]
    return np.concatenate(shares) if shares else np.zeros(0)


def equalize(images: np.ndarray) -> np.ndarray:
    """Equalise the histogram of each image on its own; uint8 (N, 48, 48) in and out.

    The arithmetic is that of `PIL.ImageOps.equalize`, image for image; a constant image comes back unchanged.
    """
    result = np.empty_like(images)
    for i, histogram in enumerate(histograms(images)):
        block = slice(i * _BLOCK, (i + 1) * _BLOCK)
        brightest = 255 - np.argmax(histogram[:, ::-1] > 0, axis=1)
        step = (_PIXELS - np.take_along_axis(histogram, brightest[:, None], axis=1)) // 255
        below = np.cumsum(histogram, axis=1) - histogram
        table = np.minimum((step // 2 + below) // np.maximum(step, 1), 255)
        table = np.where(step == 0, np.arange(256), table).astype(np.uint8)
        rows = np.arange(len(table))[:, None, None]
        result[block] = table[rows, images[block]]
    return result


def histograms(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the histograms of uint8 (N, 48, 48) images, a block of _BLOCK after the other: int64 (B, 256)."""
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK].reshape(-1, _PIXELS)
        offset = 256 * np.arange(len(block))[:, None]
        yield np.bincount((block + offset).ravel(), minlength=256 * len(block)).reshape(-1, 256)


def content_groups(images: np.ndarray) -> np.ndarray:
    """Number the distinct images in their order of appearance; pixel-identical images share a number. int64 (N,)."""
    numbers: dict[bytes, int] = {}
    digests = (hashlib.blake2b(np.ascontiguousarray(image), digest_size=16).digest() for image in images)
    return np.array([numbers.setdefault(digest, len(numbers)) for digest in digests], dtype=np.int64)


def stand_among(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return bool (N,): which of the images, uint8 (N, 48, 48), stand pixel for pixel among the others, uint8 too."""
    assert images.dtype == others.dtype == np.uint8, (images.dtype, others.dtype)
    known = {image.tobytes() for image in others}
    return np.fromiter((image.tobytes() in known for image in images), dtype=bool, count=len(images))


# --- stratified selections ------------------------------------------------------------------------------------------


def stratified_split(
    labels: np.ndarray, fraction: float, seed: int, groups: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Split N items in two, each class in the same proportion; groups stay together.

    Args:
        labels: integers (N,).
        fraction: of the items that go into the second part, 0 < fraction < 1. Each class gives its share, rounded by
            the largest remainder; at least one item and at most all but one.
        seed: of the choice; the same seed, the same split.
        groups: integers (N,), e.g. `content_groups`: items of one number land in the same part, so that no image
            of the second part has a copy in the first. The classes' shares are met as nearly as whole groups allow.

    Returns:
        (rest_index, part_index): int64, sorted, disjoint, complete.

    Raises:
        UserError: for a class with a single item, or whose items are all one group.
    """
    labels = np.asarray(labels)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    classes, label_of = np.unique(labels, return_inverse=True)
    sizes = np.bincount(label_of)
    for k, size in zip(classes.tolist(), sizes.tolist(), strict=True):
        distinct = len(np.unique(groups[labels == k]))
        if distinct < 2:
            raise UserError(
                f"a stratified split needs at least 2 different images of each class, received {distinct} "
                f"('{emotion_name(k)}', {size} in all). Add images, leave out --limit, or "
                f"hold nothing out: --keep last without --val-fraction"
            )
    room = np.clip(largest_remainder(sizes * fraction), 1, sizes - 1)

    members, counts = _by_group(groups, label_of, len(classes))
    order = np.random.default_rng(seed).permutation(len(members))
    chosen = []
    for group in order:  # the first that fit, in a random order
        if (counts[group] <= room).all():
            room = room - counts[group]
            chosen.append(group)
    chosen += _for_missing_classes(order, chosen, counts)

    part = np.zeros(len(labels), dtype=bool)
    for group in chosen:
        part[members[group]] = True
    return np.flatnonzero(~part), np.flatnonzero(part)


def stratified_folds(labels: np.ndarray, folds: int, seed: int, groups: np.ndarray) -> np.ndarray:
    """Deal N items into parts for cross-validation, each class evenly; groups stay together.

    labels, seed and groups as for `stratified_split`. folds: 2 or more. Returns the part of each item, int64 (N,) in
    0..folds - 1. UserError for a class with fewer groups than there are parts.
    """
    labels = np.asarray(labels)
    classes, label_of = np.unique(labels, return_inverse=True)
    for k in classes.tolist():
        distinct = len(np.unique(groups[labels == k]))
        if distinct < folds:
            raise UserError(
                f"--folds {folds} needs at least {folds} different images of each class, received {distinct} "
                f"('{emotion_name(k)}'). Add images, or take fewer folds"
            )
    members, counts = _by_group(groups, label_of, len(classes))
    order = np.random.default_rng(seed).permutation(len(members))
    order = order[np.argsort(counts[order].argmax(axis=1), kind="stable")]  # class by class, at random within each
    fold_of = np.empty(len(labels), dtype=np.int64)
    for i, group in enumerate(order):
        fold_of[members[group]] = i % folds
    return fold_of


def _by_group(groups: np.ndarray, label_of: np.ndarray, classes: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the items of each group, and how many of each class it has: int64 (G, classes)."""
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(group_of, kind="stable"), np.cumsum(sizes)[:-1])
    counts = np.zeros((len(sizes), classes), dtype=np.int64)
    np.add.at(counts, (group_of, label_of), 1)
    return members, counts


def _for_missing_classes(order: np.ndarray, chosen: list[int], counts: np.ndarray) -> list[int]:
    """Return groups to add for classes that are not in the part yet, because all of their groups were too large."""
    added: list[int] = []
    left = counts.sum(axis=0) - counts[chosen].sum(axis=0)
    for k in np.flatnonzero(counts[chosen].sum(axis=0) == 0):
        if counts[added, k].sum() > 0:
            continue
        # The smallest that leaves something of each of its classes to the rest.
        fit = [g for g in order if counts[g, k] > 0 and (left > counts[g])[counts[g] > 0].all()]
        if fit:
            smallest = min(fit, key=lambda g: counts[g].sum())
            added.append(smallest)
            left = left - counts[smallest]
    return added


def largest_remainder(shares: np.ndarray) -> np.ndarray:
    """Round non-negative shares to integers that add up to their rounded sum (Hamilton's method).

    What is left after rounding down goes to the largest remainders; equal ones are served in their order.
    """
    shares = np.asarray(shares, dtype=np.float64)
    counts = np.floor(shares + 1e-9).astype(np.int64)  # 0.1 * 30 is 3, whatever its last bit
    missing = int(np.floor(shares.sum() + 0.5)) - int(counts.sum())
    counts[np.argsort(counts - shares, kind="stable")[:missing]] += 1
    return counts


def stratified_limit(faces: Faces, n: int, seed: int) -> Faces:
    """Return at most `n` faces of each split, drawn at random with its proportions of classes, in the original order.

    n: at least 1. Where it is at least the number of classes, each class that is there stays there.
    """
    assert n >= 1, n
    random = np.random.default_rng(seed)
    kept = []
    for split in faces.splits():
        index = np.flatnonzero(faces.usage == split)
        labels = np.zeros(len(index), dtype=np.int64) if faces.labels is None else faces.labels[index]
        kept.append(index if len(index) <= n else index[_stratified_choice(labels, n, random)])
    return faces.take(np.sort(np.concatenate(kept)))


def _stratified_choice(labels: np.ndarray, n: int, random: np.random.Generator) -> np.ndarray:
    _, label_of, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    counts = largest_remainder(sizes * (n / len(labels)))
    while n >= len(sizes) and (counts == 0).any():  # one for each class, taken from the largest
        counts[np.argmax(counts)] -= 1
        counts[np.argmin(counts)] += 1
    chosen = [random.permutation(np.flatnonzero(label_of == k))[:count] for k, count in enumerate(counts)]
    return np.concatenate(chosen)


def emotion_name(label: int) -> str:
    return EMOTIONS[label] if 0 <= label < len(EMOTIONS) else str(label)
