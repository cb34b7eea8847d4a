"""Attribution maps beside the faces they are of, side by side for many methods, and their means by emotion."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.sheet import new_sheet, place
from fer_keras.plots.style import house_style, new_figure

UNSIGNED_CMAP, SIGNED_CMAP = "inferno", "RdBu_r"
_TOP = 99.5  # percentile of a map that has the full colour: a few pixels would pale the rest
_SIDE = 0.98
_SMOOTHING = 1.5  # pixels, standard deviation, of the map over a face
_STRENGTH = 0.75  # of the strongest colour over a face
_KEY = 0.24  # inches below a sheet


def attribution_figure(
    images: np.ndarray,
    maps: np.ndarray,
    captions: Sequence[str] | None = None,
    *,
    signed: bool,
    columns: int = 2,
    title: str = "",
) -> Figure:
    """Return a sheet of faces, each with its map beside it, and the smoothed map over the face.

    Each map has its own scale: from 0 to its 99.5th percentile, or as far to both sides of 0 where it is signed. Below
    the first three pictures stands what they are, with the scale of the maps.

    Args:
        images: (N, 48, 48), 0..255; N of at least 1.
        maps: float (N, 48, 48).
        captions: N, above each face.
        signed: draw from blue (against) over white to red (for); else from dark to bright.
    """
    columns = min(columns, len(images))
    step_x, step_y = 3 * (_SIDE + 0.03) + 0.22, _SIDE + 0.27
    with house_style():
        height = -(-len(images) // columns) * step_y
        figure, ax = new_sheet(columns * step_x - 0.2, height + _KEY, title)
        for i, (image, one) in enumerate(zip(images, maps, strict=True)):
            x, y = i % columns * step_x, i // columns * step_y + 0.2
            if captions is not None:
                ax.text(x, y - 0.085, captions[i], fontsize=7.5, va="center", parse_math=False)
            place(ax, image, x, y, _SIDE)
            _place_map(ax, one, x + _SIDE + 0.03, y, _SIDE, signed)
            place(ax, overlay(image, one, signed=signed), x + 2 * (_SIDE + 0.03), y, _SIDE)
        _draw_key(ax, height, signed)
    return figure


def comparison_figure(
    images: np.ndarray,
    maps: Mapping[str, np.ndarray],
    signed: Mapping[str, bool],
    captions: Sequence[str],
    *,
    title: str = "",
) -> Figure:
    """Return a table of maps: a row for each face, a column for each method, each map on its own scale.

    Args:
        images: (N, 48, 48), 0..255.
        maps: by method float (N, 48, 48), in the order of the columns.
        signed: by method, as for `attribution_figure`.
        captions: N, beside the rows; may have two lines.
    """
    step, left = _SIDE - 0.1, 0.95
    side = step - 0.04
    with house_style():
        height = 0.34 + len(images) * step + 0.2
        figure, ax = new_sheet(left + (1 + len(maps)) * step, height, title)
        for column, name in enumerate(("face", *maps)):
            words = name.replace("-", "-\n", 1) if len(name) > 10 else name
            x = left + column * step + side / 2
            ax.text(x, 0.3, words, fontsize=7, ha="center", va="bottom", linespacing=1.0)
        for row, image in enumerate(images):
            y = 0.34 + row * step
            ax.text(left - 0.08, y + side / 2, captions[row], fontsize=7, ha="right", va="center", parse_math=False)
            place(ax, image, left, y, side)
            for column, (name, of_method) in enumerate(maps.items(), start=1):
                _place_map(ax, of_method[row], left + column * step, y, side, signed[name])
        key = "bright: much" + ("; of methods with a sign red: for, blue: against" if any(signed.values()) else "")
        ax.text(left, height - 0.08, f"{key}; each map has its own scale", fontsize=6.5, va="center", color="0.3")
    return figure


def mean_maps_figure(
    faces: np.ndarray, maps: np.ndarray, counts: np.ndarray, *, signed: bool, title: str = ""
) -> Figure:
    """Return the mean map of each emotion below the mean face that it is of, all maps on one scale.

    Args:
        faces: float (7, 48, 48), mean faces, 0..255; NaN for an emotion without images.
        maps: float (7, 48, 48), mean shares of the attribution; likewise.
        counts: int (7,), images of each emotion.
        signed: as for `attribution_figure`.
    """
    there = np.isfinite(maps).all(axis=(1, 2))
    values = maps[there]
    limit = (float(np.percentile(np.abs(values), _TOP)) if values.size else 0.0) or 1.0
    scale = {"cmap": SIGNED_CMAP if signed else UNSIGNED_CMAP, "vmin": -limit if signed else 0.0, "vmax": limit}
    with house_style():
        figure = new_figure(9.6, 2.95)
        axes = figure.subplots(2, len(EMOTIONS))
        for ax in axes.flat:
            ax.set_axis_off()
        shown = None
        for i, emotion in enumerate(EMOTIONS):
            axes[0, i].set_title(f"{emotion} ({counts[i]:,})", fontsize=8)
            if there[i]:
                axes[0, i].imshow(faces[i], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                shown = axes[1, i].imshow(maps[i], **scale, interpolation="nearest")
            else:
                axes[1, i].text(0.5, 0.5, "none", ha="center", va="center", fontsize=8, color="0.4")
        if shown is not None:
            bar = figure.colorbar(shown, ax=axes, shrink=0.8, pad=0.01, extend="both" if signed else "max")
            bar.set_label("share of a map in each pixel", fontsize=7)
            bar.ax.tick_params(labelsize=6)
            bar.formatter.set_powerlimits((-2, 3))
            bar.ax.yaxis.get_offset_text().set_fontsize(6)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def overlay(image: np.ndarray, one: np.ndarray, *, signed: bool) -> np.ndarray:
    """Return a map in colour over its face, the stronger the less of the face is seen: uint8 (48, 48, 3).

    The map is smoothed: single bright pixels, which maps of gradients are made of, would hide where they crowd. Of a
    map without a sign, what is below its median is left out.

    image: (48, 48), 0..255. one: float (48, 48).
    """
    one = gaussian_filter(np.asarray(one, float), _SMOOTHING)
    if not signed:
        one = np.maximum(one - np.median(one), 0)
    scaled = one / _limit(one)
    strength = _STRENGTH * np.clip(np.abs(scaled), 0, 1)[..., None]
    position = (np.clip(scaled, -1, 1) + 1) / 2 if signed else np.clip(scaled, 0, 1)
    color = 255 * colormaps[SIGNED_CMAP if signed else UNSIGNED_CMAP](position)[..., :3]
    gray = np.asarray(image, float)[..., None]
    return np.round((1 - strength) * gray + strength * color).astype(np.uint8)


def _place_map(ax: Axes, one: np.ndarray, x: float, y: float, side: float, signed: bool) -> None:
    limit = _limit(one)
    cmap = SIGNED_CMAP if signed else UNSIGNED_CMAP
    place(ax, one, x, y, side, cmap=cmap, vmin=-limit if signed else 0.0, vmax=limit)


def _draw_key(ax: Axes, y: float, signed: bool) -> None:
    """Say below the first column of a sheet what its three pictures are, and what the colours of the maps mean."""
    words = {"fontsize": 6.5, "va": "center", "color": "0.3"}
    left = _SIDE + 0.03
    ax.text(0, y + 0.07, "the face", **words)
    ax.text(2 * left, y + 0.07, "smoothed, over it" if signed else "its upper half, over it", **words)
    strip = np.linspace(-1 if signed else 0, 1, 256)[None]
    cmap = SIGNED_CMAP if signed else UNSIGNED_CMAP
    extent = (left, left + _SIDE, y + 0.1, y + 0.04)
    ax.imshow(strip, cmap=cmap, extent=extent, interpolation="nearest")
    ends = ("against", "0", "for") if signed else ("0", "", "much")
    for at, (end, align) in enumerate(zip(ends, ("left", "center", "right"), strict=True)):
        ax.text(left + at * _SIDE / 2, y + 0.17, end, ha=align, **words)


def _limit(one: np.ndarray) -> float:
    return float(np.percentile(np.abs(one), _TOP)) or float(np.abs(one).max()) or 1.0
