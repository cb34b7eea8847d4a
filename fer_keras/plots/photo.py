"""A photo with its faces boxed, and beside it a card for each face: what the network saw, and its probabilities."""

import math
from dataclasses import dataclass
from itertools import product

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.probability_bars import draw_probability_bars
from fer_keras.plots.sheet import new_sheet, place
from fer_keras.plots.style import EMOTION_COLORS, PRINT_DPI, house_style, shortened

# All lengths are inches.
_PHOTO = (6.0, 4.5)  # the largest photo of one face
_GROWTH = 2.25  # how much larger the photo of a group may be
_SMALLEST_PHOTO = 1.5  # its longer side
_PIXEL = 1 / 30  # at most: a tiny photo is not blown up to a large one
_HEAD, _SIDE, _NAMES, _BARS, _VALUES = 0.22, 0.92, 0.52, 0.8, 0.3
_CARD = (_SIDE + _NAMES + _BARS + _VALUES, _HEAD + _SIDE)
_GAP = 0.22
_TAG_HEIGHT, _LETTER = 0.19, 0.068  # of a tag in the photo
_TITLE_LENGTH = 70  # letters


@dataclass(frozen=True)
class _Layout:
    """Where things stand: the photo in the upper left corner, `columns` of cards from (left, top) on."""

    photo: tuple[float, float]
    left: float
    top: float
    columns: int
    card_scale: float
    width: float
    height: float

    def cost(self, faces: int) -> float:
        """How little a layout pleases: white paper, a shape that is not a screen's, small cards, a large sheet."""
        width, height = self.photo
        used = width * height + faces * _CARD[0] * _CARD[1] * self.card_scale**2
        area = self.width * self.height
        shape = abs(math.log(self.width / self.height / 1.8))
        return -used / area + 0.5 * shape - 0.2 * self.card_scale + 0.0012 * area


def photo_figure(
    photo: np.ndarray, boxes: np.ndarray, crops: np.ndarray, probabilities: np.ndarray, *, title: str = ""
) -> Figure:
    """Return the photo with a box around each of its faces and, beside or below it, their probabilities.

    photo: uint8 (H, W, 3). boxes: (F, 4), x, y, width and height in its pixels; they may reach beyond its edges.
    crops: uint8 (F, 48, 48). probabilities: float (F, 7). Boxes have the colour of the emotion, and the number of
    their card where there are several. title: one line; what does not fit is left out of its middle.
    """
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    layout = _layout(*photo.shape[1::-1], len(boxes))
    width, height = layout.photo
    with house_style():
        figure, ax = new_sheet(layout.width, layout.height, title := shortened(title, _TITLE_LENGTH))
        if title:  # in line with the photo
            figure.suptitle(title, parse_math=False, x=0.045 / figure.get_figwidth(), ha="left", fontsize=10)
        pixels = _reduced(photo, width)
        enlarged = width * PRINT_DPI > pixels.shape[1]
        ax.imshow(pixels, extent=(0, width, height, 0), interpolation="bilinear" if enlarged else "antialiased")
        for i in np.argsort(-boxes[:, 2], kind="stable"):  # small boxes last, on top of large ones
            _draw_box(ax, layout.photo, boxes[i] * width / photo.shape[1], probabilities[i], _number(i, len(boxes)))
        for i, (crop, values) in enumerate(zip(crops, probabilities, strict=True)):
            x = layout.left + i % layout.columns * (_CARD[0] * layout.card_scale + _GAP)
            y = layout.top + i // layout.columns * (_CARD[1] * layout.card_scale + _GAP)
            _draw_card(ax, x, y, layout.card_scale, crop, values, _number(i, len(boxes)))
    return figure


def _layout(width: int, height: int, faces: int) -> _Layout:
    """Choose the sizes of the photo (given in pixels) and of the cards, their columns, and whether they stand below."""
    photo = _photo_size(width, height)
    if not faces:
        return _Layout(photo, 0, 0, 1, 1, *photo)
    choices = []
    for columns, scale in product(range(1, faces + 1), (1, 1.25, 1.5)):
        counts = (columns, math.ceil(faces / columns))
        across, down = [n * (size * scale + _GAP) - _GAP for n, size in zip(counts, _CARD, strict=True)]
        w, h = _grown(photo, down / photo[1])
        choices.append(_Layout((w, h), w + _GAP, 0, columns, scale, w + _GAP + across, max(h, down)))
        w, h = _grown(photo, across / photo[0])
        choices.append(_Layout((w, h), 0, h + _GAP, columns, scale, max(w, across), h + _GAP + down))
    return min(choices, key=lambda layout: layout.cost(faces))


def _photo_size(width: int, height: int) -> tuple[float, float]:
    """Return the size in inches of a photo given in pixels, before it makes room for many faces."""
    scale = min(_PHOTO[0] / width, _PHOTO[1] / height, _PIXEL)
    scale = max(scale, min(_SMALLEST_PHOTO / max(width, height), 1))
    return width * scale, height * scale


def _grown(photo: tuple[float, float], wish: float) -> tuple[float, float]:
    """Return the size of the photo enlarged to be in line with the cards, as far as is sensible."""
    scale = min(max(wish, 1), _GROWTH)
    return photo[0] * scale, photo[1] * scale


def _reduced(photo: np.ndarray, width: float) -> np.ndarray:
    """Return a large photo at twice the pixels of the print: Matplotlib would spend seconds and gigabytes on it."""
    pixels = round(2 * width * PRINT_DPI)
    if photo.shape[1] <= pixels:
        return photo
    size = (pixels, max(1, round(photo.shape[0] * pixels / photo.shape[1])))
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX))


def _draw_box(ax: Axes, photo: tuple[float, float], box: np.ndarray, values: np.ndarray, number: str) -> None:
    """Draw a box (in inches) with its tag; the tag has the emotion's name where the box is wide enough for it."""
    x, y, width, height = box
    emotion = EMOTIONS[int(np.argmax(values))]
    color = EMOTION_COLORS[emotion]
    inside = Rectangle((0, 0), *photo, transform=ax.transData)
    for line, edge in ((3.2, (0, 0, 0, 0.45)), (1.8, color)):  # a dark rim, to be seen on any ground
        ax.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=edge, linewidth=line)).set_clip_path(inside)
    tag = f"{number} {emotion}".strip()
    if number and len(tag) * _LETTER > width:
        tag = number
    left = max(0.0, min(x, photo[0] - len(tag) * _LETTER))
    above = y >= _TAG_HEIGHT
    ax.text(
        left + 0.04,
        y - 0.045 if above else max(y, 0) + 0.045,
        tag,
        fontsize=7.5,
        color=_ink(color),
        va="bottom" if above else "top",
        bbox={"boxstyle": "square,pad=0.25", "facecolor": color, "edgecolor": "none"},
    )


def _draw_card(ax: Axes, x: float, y: float, scale: float, crop: np.ndarray, values: np.ndarray, number: str) -> None:
    best = int(np.argmax(values))
    color = EMOTION_COLORS[EMOTIONS[best]]
    head, side, names, bars = [scale * length for length in (_HEAD, _SIDE, _NAMES, _BARS)]
    large, small = 7.5 + scale, 5.5 * scale + 1  # points
    line = y + head / 2 - 0.02
    if number:
        badge = {"boxstyle": "square,pad=0.25", "facecolor": color, "edgecolor": "none"}
        ax.text(x + 0.035, line, number, fontsize=large - 1, va="center", color=_ink(color), bbox=badge)
    indent = (0.14 + 0.08 * len(number)) * large / 8.5 if number else 0
    ax.text(x + indent, line, f"{EMOTIONS[best]} {values[best]:.2f}", fontsize=large, va="center")
    top = y + head
    place(ax, crop, x, top, side)
    ax.add_patch(Rectangle((x, top), side, side, fill=False, edgecolor=color, linewidth=1.5))

    left = x + side + names
    draw_probability_bars(ax, left, top, (bars, side), values, fontsize=small, bold=best, with_numbers=True)


def _number(i: int, faces: int) -> str:
    return str(i + 1) if faces > 1 else ""


def _ink(ground: str) -> str:
    """Return black or white, whichever reads better on a colour (WCAG's relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(ground)]
    return "black" if np.dot(linear, (0.2126, 0.7152, 0.0722)) > 0.22 else "white"
