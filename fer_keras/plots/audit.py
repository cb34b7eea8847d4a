"""A picture of what the audit of a collection of faces found, a row for each kind."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure, SubFigure

from fer_keras.data.audit import Audit
from fer_keras.data.faces import Faces
from fer_keras.data.select import uniform_share
from fer_keras.emotions import EMOTIONS
from fer_keras.plots.style import house_style, new_figure

_COLUMNS = 8  # images in a row: eight single ones, or four pairs
_GAP = 0.3  # between two pairs, in widths of an image
_ROW_INCHES, _EMPTY_ROW_INCHES = 1.35, 0.25


def audit_figure(faces: Faces, audit: Audit) -> Figure:
    """Show up to eight images, or four pairs of identical ones, of each kind that `audit` found in `faces`.

    A pair is the first image of a group and the first that differs from it in what the row is about; of photographs
    that are not identical, the image and its likeness in Training.
    """
    whole_index = np.arange(len(faces))
    uniform = np.setdiff1d(audit.nearly_uniform, audit.constant)
    within = [group for split in faces.splits() for group in audit.within[split]]
    rows = [
        ("Constant images", len(audit.constant), audit.constant[:_COLUMNS]),
        ("Others with one value in more than half of their pixels", len(uniform), uniform[:_COLUMNS]),
        ("Groups of identical images within a split", len(within), _pairs(within, whole_index)),
        ("Groups of identical images across splits", len(audit.across), _pairs(audit.across, faces.usage)),
        (
            "Groups of identical images with different labels",
            len(audit.disagreeing),
            _pairs(audit.disagreeing, faces.labels),
        ),
    ]
    if audit.copies is not None:
        differ = (faces.images[audit.copies[:, 0]] != faces.images[audit.copies[:, 1]]).any(axis=(1, 2))
        others = audit.copies[differ]
        title = "Photographs that Training has too, cut, scaled or mirrored"
        rows.append((title, len(others), others[: _COLUMNS // 2]))
    heights = [_ROW_INCHES if found else _EMPTY_ROW_INCHES for _, found, _ in rows]
    with house_style():
        figure = new_figure(7.0, sum(heights))
        parts = figure.subfigures(len(rows), 1, height_ratios=heights)
        for part, (title, found, index) in zip(parts, rows, strict=True):
            part.suptitle(f"{title}: {found or 'none'}", x=0.01, ha="left", fontsize=9)
            if found:
                _draw_row(part, faces, index)
    return figure


def _pairs(groups: Sequence[np.ndarray], values: np.ndarray | None) -> np.ndarray:
    """Return up to four pairs, one a group: its first image and the first with another value. int64 (pairs, 2)."""
    pairs = [(group[0], group[values[group] != values[group[0]]][0]) for group in groups[: _COLUMNS // 2]]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _draw_row(part: SubFigure, faces: Faces, index: np.ndarray) -> None:
    """Draw single images, index (K,), or pairs of identical ones, index (K, 2), side by side."""
    paired = index.ndim == 2
    widths = [1, 1, _GAP] * (_COLUMNS // 2 - 1) + [1, 1] if paired else [1] * _COLUMNS
    grid = part.add_gridspec(1, len(widths), width_ratios=widths)
    places = [place for place, width in enumerate(widths) if width == 1]
    shares = uniform_share(faces.images[index.ravel()])
    for i, place in enumerate(places):
        axes = part.add_subplot(grid[place], xticks=[], yticks=[], anchor="N")
        if i >= index.size:
            axes.axis("off")  # it keeps its place: a face is as large in every row
            continue
        face = index.ravel()[i]
        axes.imshow(faces.images[face], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.spines[:].set(visible=True, color="0.8", linewidth=0.5)  # where a white image ends on white paper
        caption = [] if faces.labels is None else [EMOTIONS[faces.labels[face]]]
        caption += [] if paired else [f"{shares[i]:.0%}"]
        axes.set_xlabel(f"{' '.join(caption)}\n{faces.usage[face]}".strip(), fontsize=6.5)
