"""Contact sheets: many small images, edge to edge, with names beside the rows or below the images."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from fer_keras.data.faces import Faces
from fer_keras.emotions import EMOTIONS
from fer_keras.plots.style import house_style, new_figure

_INCHES = 0.62  # side of an image: 48 pixels become 124 at print resolution
_GAP = 0.06  # between images, of their side


def faces_sheet(
    images: np.ndarray,
    titles: Sequence[str] | None = None,
    *,
    row_titles: Sequence[str] | None = None,
    columns: int = 10,
    heading: str | None = None,
) -> Figure:
    """Return a sheet of gray images, in reading order.

    Args:
        images: uint8 (N, H, W), shown with 0 black and 255 white, N >= 1.
        titles: N short names, each below its image.
        row_titles: a name to the left of each of the ceil(N / columns) rows.
        columns: images in a row.
        heading: above the sheet.
    """
    images = np.asarray(images)
    assert images.ndim == 3 and len(images) and images.dtype == np.uint8, f"images: {images.dtype} {images.shape}"
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    assert titles is None or len(titles) == len(images), "a title for each image"
    assert row_titles is None or len(row_titles) == rows, "a title for each row"
    # One pair of axes holds the whole sheet, an image being 1 wide: hundreds of axes take seconds to lay out.
    below = 0.0 if titles is None else 0.24
    step_x, step_y = 1 + _GAP, 1 + _GAP + below
    width, height = columns * step_x - _GAP, rows * step_y - _GAP
    left = 0.0 if row_titles is None else 0.09 * max(map(len, row_titles)) / _INCHES
    with house_style():
        figure = new_figure((left + width) * _INCHES + 0.1, height * _INCHES + (0.45 if heading else 0.15))
        axes = figure.add_subplot()
        axes.set_axis_off()
        for i, image in enumerate(images):
            x, y = i % columns * step_x, i // columns * step_y
            extent = (x, x + 1, y + 1, y)
            axes.imshow(image, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest")
            if titles is not None:
                axes.text(x + 0.5, y + 1.04, titles[i], ha="center", va="top", fontsize=6)
        for row, name in enumerate(row_titles or ()):
            axes.text(-0.12, row * step_y + 0.5, name, ha="right", va="center", fontsize=9)
        axes.set(xlim=(-left, width), ylim=(height, 0), aspect="equal")
        if heading:
            axes.set_title(heading, loc="left")
    return figure


def emotions_sheet(faces: Faces, *, each: int = 10) -> Figure:
    """Return a sheet with a row for each emotion there is: its first `each` faces, fewer if the rarest has fewer."""
    if faces.labels is None:
        return faces_sheet(faces.images[: each * each])
    there = np.unique(faces.labels)
    index = [np.flatnonzero(faces.labels == label) for label in there]
    columns = min(each, *map(len, index))
    chosen = np.concatenate([places[:columns] for places in index])
    names = [EMOTIONS[label] for label in there]
    return faces_sheet(faces.images[chosen], row_titles=names, columns=columns)
