"""Who is drawn, with which expression, and how the picture is taken: the numbers behind every synthetic face.

Expressions are sets of action units of the Facial Action Coding System (Ekman, Friesen and Hager, "FACS: The Manual",
2002); which units make which emotion follows their EMFACS tables. Lengths are in pixels of a face at scale 1 that
looks straight ahead: u to the right, v down, the origin at the middle of the face, the eyes at v = -4, the mouth at
v = 13.
"""

from dataclasses import dataclass

import numpy as np

# Two ways to show each emotion, in the order of EMOTIONS: {action unit: intensity, about 0..1}.
#  1 inner brow raiser   2 outer brow raiser   4 brow lowerer         5 upper lid raiser  6 cheek raiser
#  7 lid tightener       9 nose wrinkler      10 upper lip raiser    12 lip corner puller 15 lip corner depressor
# 17 chin raiser        20 lip stretcher      24 lip pressor         25 lips part        26 jaw drop
# 27 mouth stretch (a jaw dropped wide)       41 lid droop
# The entries "upper teeth" and "lower teeth" say how much of an open mouth shows them; FACS leaves that to the lips.
EXPRESSIONS: tuple[tuple[dict[int | str, float], dict[int | str, float]], ...] = (
    (  # angry: a glare under a frown, with pressed lips or with bared teeth
        {4: 1.0, 5: 0.35, 7: 0.6, 15: 0.15, 17: 0.5, 24: 1.0},
        {4: 1.0, 5: 0.35, 7: 0.6, 10: 0.35, 20: 0.2, 25: 1.0, 26: 0.8, "upper teeth": 0.5, "lower teeth": 0.5},
    ),
    (  # disgust: a wrinkled nose, a raised upper lip and eyes nearly closed
        {4: 0.45, 6: 0.5, 7: 0.7, 9: 1.0, 10: 1.0, 15: 0.6, 17: 0.8},
        {4: 0.45, 6: 0.5, 7: 0.7, 9: 1.0, 10: 1.0, 15: 0.7, 25: 0.7, "upper teeth": 0.6},
    ),
    (  # fear: brows up and together, eyes wide, the mouth stretched
        {1: 1.3, 2: 0.2, 4: 0.6, 5: 1.0, 20: 0.9, 25: 0.8, 26: 0.4, "lower teeth": 0.45, "upper teeth": 0.4},
        {1: 1.3, 2: 0.2, 4: 0.6, 5: 1.0, 20: 1.0, 25: 1.0, 26: 1.0, "lower teeth": 0.3},
    ),
    (  # happy: cheeks and lip corners up, with or without teeth
        {6: 0.8, 12: 0.9},
        {6: 1.0, 12: 1.0, 25: 1.0, 26: 0.9, "upper teeth": 0.6},
    ),
    (  # sad: inner brows up, lids drooping, lip corners down
        {1: 1.2, 4: 0.3, 15: 1.0, 17: 0.6, 41: 0.6},
        {1: 1.2, 4: 0.3, 7: 0.3, 15: 1.0, 17: 1.0, 41: 1.0},
    ),
    (  # surprise: arched brows, round eyes, the jaw dropped
        {1: 0.9, 2: 1.0, 5: 0.8, 25: 0.5, 26: 0.8, 27: 0.6},
        {1: 1.0, 2: 1.0, 5: 1.0, 25: 0.6, 26: 0.8, 27: 0.9},
    ),
    ({}, {}),  # neutral
)
_DRAWS = 128  # numbers a face may draw; a few are left over
_UNITS = sorted({unit for pair in EXPRESSIONS for units in pair for unit in units}, key=str)


class Dice:
    """The random numbers of B faces: face `i` has a stream of its own, keyed by (seed, i).

    Only `random_raw` of Philox is used: NumPy promises that it never changes, which it does not for the
    distributions of `Generator`. Every draw takes the same numbers from every face, whatever its label.
    """

    def __init__(self, seed: int, indices: range, noise_shape: tuple[int, ...]) -> None:
        """Prepare the numbers of the faces `indices`; `bytes` is uint8 (B, *noise_shape) for textures and grain."""
        words = int(np.prod(noise_shape)) // 8
        raw = np.empty((len(indices), _DRAWS + words), "<u8")
        for row, index in enumerate(indices):
            raw[row] = np.random.Philox(key=np.array([seed, index], np.uint64)).random_raw(_DRAWS + words)
        self._uniforms = ((raw[:, :_DRAWS] >> 40).astype(np.float32) / np.float32(2**24)).T[..., None, None]
        self._next = 0
        self.bytes = np.ascontiguousarray(raw[:, _DRAWS:]).view(np.uint8).reshape(len(indices), *noise_shape)

    def uniform(self, low: float, high: float) -> np.ndarray:
        """Return a float32 (B, 1, 1) in [low, high)."""
        self._next += 1
        return np.float32(low) + np.float32(high - low) * self._uniforms[self._next - 1]

    def bell(self, spread: float) -> np.ndarray:
        """Return a float32 (B, 1, 1) in (-spread, spread), most often near 0."""
        return np.float32(spread) * (self.uniform(-0.5, 0.5) + self.uniform(-0.5, 0.5))

    def chance(self, probability: float) -> np.ndarray:
        """Return a bool (B, 1, 1)."""
        return self.uniform(0, 1) < probability


@dataclass(frozen=True)
class Person:
    """What stays the same while the expression changes. Every field is (B, 1, 1)."""

    skin: np.ndarray  # brightness of the skin, of 1
    hair: np.ndarray
    width: np.ndarray  # half the width of the head
    jaw: np.ndarray  # how much the head narrows towards the chin
    chin: np.ndarray  # v of the chin
    eye_distance: np.ndarray  # from the middle to the middle of an eye
    eye_width: np.ndarray  # half of it
    eye_opening: np.ndarray
    iris: np.ndarray
    lashes: np.ndarray
    brow_thickness: np.ndarray
    brow_height: np.ndarray  # v of a brow at rest
    nose_width: np.ndarray
    nose_tip: np.ndarray  # v of the lower end
    mouth_width: np.ndarray  # half of it
    mouth_height: np.ndarray  # v of the line between the lips
    lips: np.ndarray  # thickness
    lip_tone: np.ndarray  # brightness, of that of the skin
    hairline: np.ndarray  # v at the middle
    hairline_curve: np.ndarray  # how fast it falls towards the sides
    parting: np.ndarray  # slope of the hairline: hair combed to one side
    hair_volume: np.ndarray
    hair_length: np.ndarray  # v at which the hair ends
    beard: np.ndarray  # 0..1
    moustache: np.ndarray  # 0..1
    age: np.ndarray  # 0..1: depth of the wrinkles
    glasses: np.ndarray  # bool


def sample_person(dice: Dice) -> Person:
    """Draw B persons."""
    skin = dice.uniform(0.42, 0.88)
    light_hair = dice.chance(0.4) & (skin > 0.6)
    hair = np.where(light_hair, dice.uniform(0.35, 0.75), dice.uniform(0.08, 0.32))
    bald, long_haired = dice.chance(0.1), dice.chance(0.4)
    bearded = dice.chance(0.22) & ~long_haired
    fringe = dice.chance(0.2)
    return Person(
        skin=skin,
        hair=hair,
        width=dice.uniform(15.5, 18.5),
        jaw=dice.uniform(0.1, 0.34),
        chin=dice.uniform(21, 24),
        eye_distance=dice.uniform(7.8, 9.2),
        eye_width=dice.uniform(4.1, 5.0),
        eye_opening=dice.uniform(1.0, 1.25),
        iris=dice.uniform(0.1, 0.4),
        lashes=dice.uniform(0.4, 1.0),
        brow_thickness=dice.uniform(0.9, 1.45),
        brow_height=dice.uniform(-10.6, -9.4),
        nose_width=dice.uniform(3.0, 4.3),
        nose_tip=dice.uniform(6.2, 8.0),
        mouth_width=dice.uniform(6.6, 8.0),
        mouth_height=dice.uniform(12.6, 14.0),
        lips=dice.uniform(0.9, 1.45),
        lip_tone=dice.uniform(0.62, 0.85),
        hairline=np.where(bald, -40, np.where(fringe, dice.uniform(-14, -13), dice.uniform(-20, -16))),
        hairline_curve=np.where(fringe, 0.012, dice.uniform(0.02, 0.05)),
        parting=dice.bell(0.25),
        hair_volume=np.where(bald, 0, dice.uniform(0.8, 4.5)),
        hair_length=np.where(bald, -30, np.where(long_haired, dice.uniform(14, 34), dice.uniform(-7, 0))),
        beard=np.where(bearded, dice.uniform(0.35, 0.9), 0),
        moustache=np.where(bearded, dice.uniform(0.3, 1), 0),
        age=dice.uniform(0, 1) * dice.uniform(0.2, 1),
        glasses=dice.chance(0.12),
    )


def sample_expression(dice: Dice, labels: np.ndarray) -> dict[int | str, np.ndarray]:
    """Return {action unit: intensity (B, 1, 1), 0..about 1.2} for the emotions `labels` (B,).

    A face shows its emotion with a strength of its own, each unit somewhat more or less, and a trace of the units
    that do not belong to it, as faces at rest do.
    """
    table = np.array([[[units.get(unit, 0) for unit in _UNITS] for units in pair] for pair in EXPRESSIONS], np.float32)
    way = dice.chance(0.5).astype(np.int64).ravel()
    strength = dice.uniform(0.6, 1.1)
    shown = table[labels, way]  # (B, units)
    intensities = {}
    for column, unit in enumerate(_UNITS):
        varied = shown[:, column, None, None] * strength * dice.uniform(0.8, 1.2)
        trace = dice.uniform(0, 0.1) * (shown[:, column, None, None] == 0)
        intensities[unit] = varied + (trace if unit not in ("upper teeth", "lower teeth", 25, 26, 27) else 0)
    return intensities


@dataclass(frozen=True)
class Shot:
    """How the photograph is taken. Every field is (B, 1, 1)."""

    right: np.ndarray  # shift in pixels
    down: np.ndarray
    cosine: np.ndarray  # of the roll, divided by the scale
    sine: np.ndarray
    yaw: np.ndarray  # pixels by which the middle of the face moves sideways on the head
    pitch: np.ndarray  # the same, downwards
    gaze: np.ndarray
    light_right: np.ndarray  # direction towards the light
    light_down: np.ndarray
    ambient: np.ndarray
    background: np.ndarray
    backdrop_slope: np.ndarray
    clothes: np.ndarray
    exposure: np.ndarray
    contrast: np.ndarray
    blur: np.ndarray
    noise: np.ndarray  # gray levels
    hand: np.ndarray  # bool
    hand_right: np.ndarray  # where the finger tips are
    hand_down: np.ndarray
    hand_slant: np.ndarray


def sample_shot(dice: Dice) -> Shot:
    """Draw B shots."""
    half_tangent, scale = dice.bell(0.13), dice.uniform(0.9, 1.16)  # tan(roll / 2): up to 15 degrees either way
    side = np.where(dice.chance(0.5), np.float32(-1), np.float32(1))
    return Shot(
        right=dice.bell(4.5),
        down=dice.bell(3.8) + np.float32(0.5),
        # Rational functions give the same bits on every machine, which a library's sine and cosine do not.
        cosine=(1 - half_tangent * half_tangent) / (1 + half_tangent * half_tangent) / scale,
        sine=2 * half_tangent / (1 + half_tangent * half_tangent) / scale,
        yaw=dice.bell(4.5),
        pitch=dice.bell(1.5),
        gaze=dice.bell(1),
        light_right=dice.bell(1.8),
        light_down=dice.uniform(-0.9, -0.1),
        ambient=dice.uniform(0.05, 0.4),
        background=dice.uniform(0.05, 0.95),
        backdrop_slope=dice.bell(0.3),
        clothes=dice.uniform(0.05, 0.9),
        exposure=dice.uniform(0.85, 1.15),
        contrast=dice.uniform(0.85, 1.2),
        blur=dice.uniform(0.05, 0.2),
        noise=dice.uniform(1, 2) + 5 * dice.uniform(0, 1) * dice.uniform(0, 1),
        hand=dice.chance(0.1),
        hand_right=side * dice.uniform(3, 13),
        hand_down=dice.uniform(-3, 13),
        hand_slant=side * dice.uniform(-0.1, 0.9),
    )
