"""The pictures that excite filters most, beside the real faces that do, and the filters' activations by emotion."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.sheet import new_sheet, place
from fer_keras.plots.style import EMOTION_COLORS, house_style

_SIDE = 1.2  # inches, of a picture


def filters_figure(
    pictures: np.ndarray,
    activations: np.ndarray,
    filters: Sequence[int],
    *,
    top_faces: np.ndarray | None = None,
    references: np.ndarray | None = None,
    emotion_means: np.ndarray | None = None,
    columns: int | None = None,
    title: str = "",
) -> Figure:
    """Return a sheet with, for each filter of a layer, its picture and what is known of it from real faces.

    Args:
        pictures: float (F, 48, 48), 0..255, by activation maximisation.
        activations: (F,), reached on the pictures.
        filters: F numbers.
        top_faces: uint8 (F, 9, 48, 48), the faces that excite each filter most, the strongest first; None: not shown.
        references: (F,), 99th percentiles of the activations over real faces.
        emotion_means: (7, F), mean activations by emotion; NaN for an emotion without faces.
        columns: filters in a row; by default two, or five where only the pictures are shown.
    """
    width = _SIDE + 0.25
    if top_faces is not None:
        width += _SIDE + 0.08
    if emotion_means is not None:
        width += 1.75
    columns = columns or (5 if width < 2 else 2)
    columns = min(columns, len(filters))
    step_y = _SIDE + 0.42
    with house_style():
        figure, ax = new_sheet(columns * width - 0.2, -(-len(filters) // columns) * step_y, title)
        for i, number in enumerate(filters):
            x, y = i % columns * width, i // columns * step_y + 0.3
            reached = f"filter {number}: {activations[i]:.3g}"
            if references is not None:
                reached += f"  (faces' 99th percentile {references[i]:.3g})"
            ax.text(x, y - 0.08, reached, fontsize=7, va="center")
            place(ax, pictures[i], x, y, _SIDE)
            x += _SIDE + 0.08
            if top_faces is not None:
                for j, face in enumerate(top_faces[i][:9]):
                    place(ax, face, x + j % 3 * _SIDE / 3, y + j // 3 * _SIDE / 3, _SIDE / 3)
                x += _SIDE + 0.08
            if emotion_means is not None:
                _draw_means(ax, emotion_means[:, i], x + 0.5, y, 1.0, _SIDE)
    return figure


def layers_figure(
    pictures: np.ndarray,
    activations: np.ndarray,
    targets: Sequence[tuple[str, int]],
    *,
    columns: int = 5,
    title: str = "",
) -> Figure:
    """Return a sheet of one picture for each (layer, filter), in their order.

    pictures: float (F, 48, 48), 0..255. activations: (F,).
    """
    columns = min(columns, len(targets))
    step_x, step_y = _SIDE + 0.12, _SIDE + 0.38
    with house_style():
        figure, ax = new_sheet(columns * step_x - 0.1, -(-len(targets) // columns) * step_y, title)
        for i, (layer, number) in enumerate(targets):
            x, y = i % columns * step_x, i // columns * step_y
            place(ax, pictures[i], x, y, _SIDE)
            ax.text(x + _SIDE / 2, y + _SIDE + 0.09, f"{layer}", fontsize=7, ha="center", va="center")
            small = f"filter {number}: {activations[i]:.3g}"
            ax.text(x + _SIDE / 2, y + _SIDE + 0.2, small, fontsize=6, ha="center", va="center", color="0.35")
    return figure


def _draw_means(ax: Axes, means: np.ndarray, x: float, y: float, width: float, height: float) -> None:
    """Draw a dot for each emotion's mean, joined to the mean of them all; the ends of the scale are written."""
    low, high, middle = np.nanmin(means), np.nanmax(means), np.nanmean(means)
    scale = width / (high - low) if high > low else 0.0
    pitch = (height - 0.16) / len(EMOTIONS)
    centre = x + (middle - low) * scale
    ax.plot([centre, centre], [y, y + pitch * len(EMOTIONS)], color="0.8", linewidth=0.7, zorder=1)
    for j, emotion in enumerate(EMOTIONS):
        at = y + pitch * (j + 0.5)
        ax.text(x - 0.08, at, emotion, fontsize=6, ha="right", va="center")
        if np.isfinite(means[j]):
            dot, color = x + (means[j] - low) * scale, EMOTION_COLORS[emotion]
            ax.plot([centre, dot], [at, at], color=color, linewidth=1.5, zorder=2)
            ax.plot(dot, at, "o", color=color, markersize=3.5, zorder=3)
    ax.text(x, y + height - 0.06, f"{low:.2g}", fontsize=5.5, ha="center", va="center", color="0.35")
    ax.text(x + width, y + height - 0.06, f"{high:.2g}", fontsize=5.5, ha="center", va="center", color="0.35")
