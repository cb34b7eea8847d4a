"""What the layers of a network give for one face."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_keras.plots.sheet import new_sheet, place
from fer_keras.plots.style import house_style, new_figure

CMAP = "viridis"


def first_filter_figure(image: np.ndarray, feature_map: np.ndarray, *, title: str = "", number: int = 0) -> Figure:
    """Return a face beside one filter's feature map, with the scale of its values.

    image: (48, 48), 0..255. feature_map: float (h, w).
    """
    with house_style():
        figure = new_figure(6.2, 3.0)
        face, ax = figure.subplots(1, 2)
        face.imshow(image, cmap="gray", vmin=0, vmax=255)
        shown = ax.imshow(feature_map, cmap=CMAP)
        figure.colorbar(shown, ax=ax, shrink=0.9)
        height, width = feature_map.shape
        for axes, name in ((face, "face"), (ax, f"filter {number}, {height} x {width}")):
            axes.set_title(name)
            axes.set_axis_off()
        if title:
            figure.suptitle(title, parse_math=False, x=0.01, ha="left", fontsize=10)
    return figure


def feature_maps_figure(image: np.ndarray, maps: np.ndarray, *, columns: int = 16, title: str = "") -> Figure:
    """Return a sheet of all feature maps of a layer, numbered, after the face that they are of.

    Each map is scaled from its own smallest to its own largest value; a constant map is dark.

    image: (48, 48), 0..255. maps: float (C, h, w).
    """
    side, step_x, step_y = 0.56, 0.61, 0.72
    columns = min(columns, len(maps))
    left = 1.3
    with house_style():
        figure, ax = new_sheet(left + columns * step_x, max(1.3, -(-len(maps) // columns) * step_y), title)
        place(ax, image, 0, 0, 1.15)
        for i, one in enumerate(maps):
            _place_map(ax, one, left + i % columns * step_x, i // columns * step_y, side, str(i))
    return figure


def network_sample_figure(
    image: np.ndarray, samples: Sequence[tuple[str, np.ndarray, np.ndarray]], *, title: str = ""
) -> Figure:
    """Return one sheet of a whole network: a column for each stage, a row in it for each convolution.

    A stage is a run of layers with outputs of the same size. Each map is scaled on its own.

    Args:
        image: (48, 48), 0..255.
        samples: for each convolution, from the input on: its name, its channels' numbers (K,), their maps (K, h, w).
    """
    side, step_x, step_y, between = 0.46, 0.5, 0.74, 0.25
    stages = [list(group) for _, group in groupby(samples, key=lambda sample: sample[2].shape[1:])]
    widths = [max(len(channels) for _, channels, _ in stage) * step_x for stage in stages]
    left = 1.25
    with house_style():
        height = 0.28 + max(1.1, max(map(len, stages)) * step_y)  # at least the face's
        figure, ax = new_sheet(left + sum(widths) + between * len(stages), height, title)
        place(ax, image, 0, 0.28, 1.05)
        for stage, width in zip(stages, widths, strict=True):
            rows, columns = stage[0][2].shape[1:]
            ax.text(left, 0.06, f"{rows} x {columns}", fontsize=9, va="center", weight="bold")
            for row, (name, channels, maps) in enumerate(stage):
                y = 0.28 + row * step_y
                ax.text(left, y - 0.05, name, fontsize=7, va="center")
                for k, (channel, one) in enumerate(zip(channels, maps, strict=True)):
                    _place_map(ax, one, left + k * step_x, y + 0.02, side, str(channel))
            left += width + between
    return figure


def _place_map(ax: Axes, feature_map: np.ndarray, x: float, y: float, side: float, caption: str) -> None:
    low, high = float(feature_map.min()), float(feature_map.max())
    place(ax, feature_map, x, y, side, cmap=CMAP, vmin=low, vmax=high if high > low else low + 1)
    ax.text(x + side / 2, y + side + 0.065, caption, fontsize=5, ha="center", va="center", color="0.35")
