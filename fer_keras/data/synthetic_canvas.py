"""What synthetic faces are drawn with: a canvas that knows its parts, shapes, a lamp and a camera.

On the pixels nothing is computed but sums, products, quotients, square roots and comparisons, which IEEE 754 rounds
the same everywhere: the same faces come out on every machine. Shapes are given by the signed distance to their edge
in pixels, negative inside; images are float32 (B, 48, 48), or (B, rows, 48) in a window.
"""

from typing import NamedTuple

import numpy as np

from fer_keras.data.synthetic_people import Shot
from fer_keras.emotions import IMAGE_SIZE

PARTS = ("background", "skin", "forehead and hair", "brows", "eyes", "nose", "cheeks", "mouth", "hands")
BACKGROUND, SKIN, FOREHEAD_HAIR, BROWS, EYES, NOSE, CHEEKS, MOUTH, HANDS = range(len(PARTS))

Image = np.ndarray  # float32 (B, rows, 48)
Number = np.ndarray | float  # (B, 1, 1), or one for all faces


class Canvas:
    """B images in the making, and how much each part contributes to each of their pixels."""

    def __init__(self, count: int) -> None:
        planes = np.zeros((len(PARTS) + 2, count, IMAGE_SIZE, IMAGE_SIZE), np.float32)
        planes[BACKGROUND] = 1
        self._look_at(planes)

    def _look_at(self, planes: np.ndarray) -> None:
        self._planes = planes
        self.shares = planes[: len(PARTS)]  # (9, B, rows, 48): they sum to 1 in each pixel
        self.tone = planes[-2]  # 0 black .. 1 white
        self.lit = planes[-1]  # 0..1, how much light and shadow the paint takes on

    def window(self, faces: slice, rows: slice) -> "Canvas":
        """Return a canvas that paints on these faces and rows of this one."""
        part = Canvas.__new__(Canvas)
        part._look_at(self._planes[:, faces, rows])
        return part

    def paint(self, part: int, cover: Image, tone: Image | Number, lit: float = 1.0) -> None:
        """Lay paint of a part over what is there; `cover` is 0..1."""
        self._planes *= 1 - cover
        self.shares[part] += cover
        self.tone += cover * tone
        self.lit += cover * np.float32(lit)

    def shade(self, change: Image) -> None:
        """Brighten what is painted by the factor 1 + change; it stays the part that it is."""
        self.tone *= 1 + change

    def stain(self, cover: Image | float, tone: Image | Number) -> None:
        """Colour what is painted; it stays the part that it is."""
        self.tone += cover * (tone - self.tone)

    def parts(self) -> np.ndarray:
        """Return the part that contributes most to each pixel: uint8 (B, rows, 48)."""
        return self.shares.argmax(axis=0).astype(np.uint8)


class Grid(NamedTuple):
    """Where each pixel lies: x, y on the head; u, v on the face, which turns with the head; nose_u on the nose."""

    x: Image
    y: Image
    u: Image
    v: Image
    nose_u: Image

    def window(self, faces: slice, rows: slice) -> "Grid":
        return Grid(*(axis[faces, rows] for axis in self))

    def rows(self, low: float, high: float) -> slice:
        """Return the rows outside which v is below `low` or above `high` in every pixel."""
        inside = np.flatnonzero(((self.v > low) & (self.v < high)).any(axis=(0, 2)))
        return slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0)


def grid_of(shot: Shot) -> Grid:
    """Return the coordinates of B shots."""
    rows, columns = np.indices((IMAGE_SIZE, IMAGE_SIZE), np.float32) - np.float32((IMAGE_SIZE - 1) / 2)
    across, along = columns - shot.right, rows - shot.down
    x = shot.cosine * across + shot.sine * along
    y = shot.cosine * along - shot.sine * across
    turned = np.maximum(1 - square(x / 20), 0)  # the head is round: its middle moves most, and the nose still more
    u = x - shot.yaw * turned
    return Grid(x, y, u, y - shot.pitch * turned, u - 0.35 * shot.yaw * turned)


def square(a: Image) -> Image:
    return a * a


def cover(distance: Image, softness: float = 1.0) -> Image:
    """Return how much of a pixel lies inside a shape; an edge is `softness` pixels wide."""
    inside = distance * np.float32(-1 / softness)
    inside += np.float32(0.5)
    return np.clip(inside, 0, 1, out=inside)


def band(offset: Image, half_width: Number, softness: float = 1.0) -> Image:
    """Return the cover of a line: `offset` is the distance from its middle."""
    return cover(np.abs(offset) - half_width, softness)


def ellipse(u: Image, v: Image, half_width: Number, half_height: Number) -> Image:
    """Return about the signed distance to an ellipse around u = v = 0."""
    return (np.sqrt(square(u / half_width) + square(v / half_height)) - 1) * np.minimum(half_width, half_height)


def bump(u: Image, v: Image, half_width: Number, half_height: Number) -> Image:
    """Return a smooth hill of height 1 that ends at an ellipse around u = v = 0."""
    return square(np.maximum(1 - square(u / half_width) - square(v / half_height), 0))


def smoothed(image: Image, axis: int, *steps: int) -> Image:
    """Return the image averaged over three pixels `step` apart, for each step in turn; its border wraps round."""
    for step in steps:
        total = image + np.roll(image, step, axis)
        total += np.roll(image, -step, axis)
        total *= np.float32(1 / 3)
        image = total
    return image


def light(relief: Image, shot: Shot) -> Image:
    """Return the change of tone under a lamp and the light of the surroundings, by Lambert's law.

    relief: the height of the face in pixels, (B, 48, 48).
    """
    across, along = np.zeros_like(relief), np.zeros_like(relief)
    across[:, :, 1:-1] = (relief[:, :, 2:] - relief[:, :, :-2]) * np.float32(0.5)
    along[:, 1:-1] = (relief[:, 2:] - relief[:, :-2]) * np.float32(0.5)
    facing = (1 - shot.light_right * across - shot.light_down * along) / np.sqrt(1 + square(across) + square(along))
    # A square root takes light to gray levels, as the gamma of a camera does.
    return np.sqrt(shot.ambient + (1 - shot.ambient) * np.maximum(facing, np.float32(0.12))) - 1


def develop(tone: Image, shot: Shot, grain: np.ndarray) -> np.ndarray:
    """Return the photographs, blurred, exposed and grainy: uint8 (B, 48, 48). grain: uint8 (B, 4, 48, 48)."""
    side = shot.blur
    for axis in (1, 2):
        width = [(0, 0), (0, 0), (0, 0)]
        width[axis] = (1, 1)
        padded = np.pad(tone, width, mode="edge")
        before, after = (padded[:, :-2], padded[:, 2:]) if axis == 1 else (padded[:, :, :-2], padded[:, :, 2:])
        tone = (1 - 2 * side) * tone + side * (before + after)
    gray = 127 + 255 * shot.contrast * (shot.exposure * tone - np.float32(0.5))
    noise = (grain.sum(axis=1, dtype=np.uint16).astype(np.float32) - 510) * np.float32(1 / 148)  # nearly normal
    return np.clip(gray + shot.noise * noise + np.float32(0.5), 0, 255).astype(np.uint8)
