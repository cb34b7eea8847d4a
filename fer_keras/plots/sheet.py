"""Sheets of many small pictures on one Axes measured in inches: dozens of Axes would take seconds to lay out."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from fer_keras.plots.style import fitted, new_figure

_NARROWEST = 4.0  # inches: of a title's lines above a sheet of one or two pictures


def new_sheet(width: float, height: float, title: str = "") -> tuple[Figure, Axes]:
    """Return a figure with one bare Axes whose data coordinates are inches from its upper left corner.

    The title goes above the sheet, broken into lines that fit; a narrow sheet is widened for it.
    """
    title = fitted(title, max(width, _NARROWEST))
    lines = title.split("\n")
    width = max(width, 0.075 * max(map(len, lines)))
    figure = new_figure(width + 0.15, height + (0.25 + 0.17 * len(lines) if title else 0.1))
    ax = figure.add_subplot()
    ax.set_axis_off()
    ax.set(xlim=(0, width), ylim=(height, 0), aspect="equal", autoscale_on=False)
    if title:
        figure.suptitle(title, parse_math=False, x=0.01, ha="left", fontsize=10)
    return figure, ax


def place(ax: Axes, image: np.ndarray, x: float, y: float, side: float, *, cmap: str = "gray", vmin=0, vmax=255):
    """Draw a picture (h, w) or (h, w, 3) with its upper left corner at x, y and `side` inches wide; return it."""
    extent = (x, x + side, y + side, y)
    return ax.imshow(image, cmap=cmap, vmin=vmin, vmax=vmax, extent=extent, interpolation="nearest")


def draw_borders(ax: Axes, segments: np.ndarray, x: float, y: float, side: float, *, color: str = "#FFE100") -> None:
    """Draw the borders between the segments (h, w) of a picture that is placed at x, y.

    Lines between the pixels: painted into the pixels, as is usual, they would cover a third of a small face.
    """
    height, width = segments.shape
    rows, columns = np.nonzero(segments[:, 1:] != segments[:, :-1])
    upright = [[(c + 1, r), (c + 1, r + 1)] for r, c in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(segments[1:] != segments[:-1])
    level = [[(c, r + 1), (c + 1, r + 1)] for r, c in zip(rows, columns, strict=True)]
    lines = np.array(upright + level, float).reshape(-1, 2, 2) * (side / width, side / height) + (x, y)
    ax.add_collection(LineCollection(lines, colors=color, linewidths=0.6, capstyle="projecting"))
