"""Synthetic faces: 48x48 gray, seven expressions, and the exact part of the face that each pixel shows.

They stand in where there is no data at hand, they are the data of the tests, and their part maps are the ground truth
for scoring explanations. They are drawn by NumPy alone: by anti-aliased shapes on a head that turns, tilts and is lit
from a side, with persons, poses, light and expressions of varied strength. A face in ten hides behind a hand.
How much they resemble real ones is for the eye to judge; accuracy on them says nothing about accuracy on people.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from fer_keras.data.faces import SPLITS, SYNTHETIC, Faces
from fer_keras.data.select import equalize
from fer_keras.data.synthetic_canvas import PARTS
from fer_keras.data.synthetic_drawing import NOISE_SHAPE, draw
from fer_keras.data.synthetic_people import Dice, sample_expression, sample_person, sample_shot
from fer_keras.emotions import IMAGE_SIZE, NUM_EMOTIONS

# Faces of each split: few enough for the default network to go through them fifty times in a quarter of an hour on two
# slow cores.
SIZES = {"training": 980, "public": 280, "private": 280}

__all__ = ["PARTS", "SIZES", "SyntheticFaces", "draw_faces", "parts_of", "synthetic_faces"]

_ID = "synthetic "  # before the number of each face

_BLOCK = 16  # faces drawn at once: few enough that the canvas stays in a processor's cache


@dataclass(frozen=True)
class SyntheticFaces:
    """N faces that were drawn.

    images: uint8 (N, 48, 48).
    labels: int64 (N,), 0..6 in the order of EMOTIONS.
    parts: uint8 (N, 48, 48): the index in PARTS of what covers most of each pixel. Glasses count as skin, the rest of
        the face; the neck and the ears too; clothes as background. "eyes" reaches from the fold of the upper lid to
        below the lower one, "mouth" is the lips and all between them. Wrinkles and shadows change no part.
    """

    images: np.ndarray
    labels: np.ndarray
    parts: np.ndarray


def draw_faces(labels: np.ndarray, seed: int = 0) -> SyntheticFaces:
    """Draw a face for each label (N,), 0..6; `seed` is 0 or more.

    Face `i` depends on `seed`, `i` and its label alone, so that more labels leave the first faces as they were. Another
    label gives the same person, pose and light with another expression. 1 to 2 ms a face.
    """
    labels = np.array(labels, np.int64)
    assert labels.ndim == 1 and np.all((labels >= 0) & (labels < NUM_EMOTIONS)), "labels are 0..6, (N,)"
    images = np.empty((len(labels), IMAGE_SIZE, IMAGE_SIZE), np.uint8)
    parts = np.empty_like(images)
    for start in range(0, len(labels), _BLOCK):
        block = slice(start, min(start + _BLOCK, len(labels)))
        dice = Dice(seed, range(block.start, block.stop), noise_shape=NOISE_SHAPE)
        person, act, shot = sample_person(dice), sample_expression(dice, labels[block]), sample_shot(dice)
        images[block], parts[block] = draw(person, act, shot, dice.bytes)
    return SyntheticFaces(images, labels, parts)


def synthetic_faces(
    seed: int = 0,
    training: int = SIZES["training"],
    public: int = SIZES["public"],
    private: int = SIZES["private"],
) -> Faces:
    """Return that many faces of each split, the emotions equally frequent (to within one) and in a seeded order."""
    counts = (training, public, private)
    drawn = draw_faces(_shuffled_labels(seed, counts), seed)
    return Faces(
        images=drawn.images,
        labels=drawn.labels,
        usage=np.repeat(SPLITS, counts),
        ids=np.array([f"{_ID}{i}" for i in range(len(drawn.labels))], dtype=np.str_),
        source=SYNTHETIC,
        sha256=hashlib.sha256(drawn.images.tobytes()).hexdigest(),
    )


def parts_of(faces: Faces) -> np.ndarray:
    """Return which part each pixel of some of the faces of `synthetic_faces` (seed 0) shows: uint8 (N, 48, 48).

    They are drawn again: face i depends on its number and its label alone, and the number is in its id. The histograms
    of `faces` may be equalised.
    """
    numbers = np.array([int(name.removeprefix(_ID)) for name in faces.ids])
    labels = np.zeros(numbers.max() + 1, np.int64)
    labels[numbers] = faces.labels
    drawn = draw_faces(labels)
    images = drawn.images[numbers]
    own = np.array_equal(images, faces.images) or np.array_equal(equalize(images), faces.images)
    assert own, "these are not the faces of synthetic_faces"
    return drawn.parts[numbers]


def _shuffled_labels(seed: int, counts: tuple[int, ...]) -> np.ndarray:
    """Return int64 labels, those of each split shuffled for itself."""
    labels = []
    for split, count in enumerate(counts):
        # Keys from 2**63 on belong to no face.
        keys = np.random.Philox(key=np.array([seed, 2**63 + split], np.uint64)).random_raw(count)
        labels.append((np.arange(count) % NUM_EMOTIONS)[np.argsort(keys, kind="stable")])
    return np.concatenate(labels)
