"""Which emotion excites which filter, and which pixels move a layer, by emotion."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.style import EMOTION_COLORS, house_style, new_figure

FULL_COLOR = 1.0  # a standout of this and more has the emotion's full colour
_NAMED = 6  # filters of each layer that are named
_COLORS = np.array([to_rgb(EMOTION_COLORS[emotion]) for emotion in EMOTIONS])


def emotion_filters_figure(
    layers: Sequence[str],
    top_emotions: Sequence[np.ndarray],
    standout: Sequence[np.ndarray],
    *,
    counts: np.ndarray,
    title: str = "",
) -> Figure:
    """Return a strip for each layer of all its filters, coloured by the emotion that excites them most.

    Filters are ordered by emotion, and within one by how far it stands out, which is also how strong the colour is.
    Beside the strip, the filters of the layer whose emotion stands out furthest.

    Args:
        layers: names, from the input on.
        top_emotions: for each layer int (C,), labels; -1 for a filter that never changes (left white).
        standout: for each layer float (C,), the top emotion's lead in standard deviations; NaN where there is none.
        counts: int (7,), images of each emotion: of a few, the means are chance.
    """
    with house_style():
        figure = new_figure(10.0, max(1.8, 0.9 + 0.24 * len(layers)))
        strips, names = figure.subplots(1, 2, width_ratios=(1.25, 1), sharey=True)
        for row, (top, lead) in enumerate(zip(top_emotions, standout, strict=True)):
            lead = np.nan_to_num(lead)
            order = np.lexsort((-lead, np.where(top < 0, len(EMOTIONS), top)))
            colors = _shades(top[order], lead[order])[None]  # (1, C, 3)
            strips.imshow(colors, extent=(0, 1, row + 0.4, row - 0.4), aspect="auto", interpolation="nearest")
            _name_filters(names, row, top, lead)
        strips.set(xlim=(0, 1), ylim=(len(layers) - 0.5, -0.5), xlabel="share of the layer's filters")
        strips.set_yticks(range(len(layers)), layers, fontsize=7)
        strips.set_title("filters by the emotion that excites them most", loc="left", fontsize=9)
        names.set(xlim=(0, _NAMED), xticks=[])
        names.set_title("furthest apart: filter, lead in standard deviations of an image", loc="left", fontsize=9)
        for ax in (strips, names):
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
        handles = [
            Patch(color=EMOTION_COLORS[emotion], label=f"{emotion} ({count:,})")
            for emotion, count in zip(EMOTIONS, counts, strict=True)
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=len(EMOTIONS), fontsize=8)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def pixel_weights_figure(weights: np.ndarray, counts: np.ndarray, *, title: str = "") -> Figure:
    """Return the mean input gradient of a layer by emotion, one map for each, each with a scale of its own beneath it.

    One scale for all would show the emotion that moves the layer most and leave the others blank.

    weights: float (7, 48, 48); with a negative value anywhere they are drawn from blue to red about 0, else from 0 up.
    NaN for an emotion without images. counts: int (7,), images of each.
    """
    signed = np.nanmin(weights) < 0
    with house_style():
        figure = new_figure(9.6, 2.1)
        axes = figure.subplots(1, len(EMOTIONS))
        for ax, emotion, one, count in zip(axes, EMOTIONS, weights, counts, strict=True):
            ax.set_title(f"{emotion} ({count})", fontsize=8)
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if np.isnan(one).all():
                continue
            largest = np.percentile(np.abs(one), 99.5) or 1.0  # of few images, single pixels would pale the rest
            low = -largest if signed else 0
            ax.imshow(one, cmap="RdBu_r" if signed else "magma", vmin=low, vmax=largest, interpolation="nearest")
            ax.set_xlabel(f"{'±' if signed else '0 to '}{largest:.1e}", fontsize=7)
        figure.supxlabel("colour scale: activation per gray level", fontsize=7)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _shades(top: np.ndarray, lead: np.ndarray) -> np.ndarray:
    """Return the emotion's colour mixed with white: (C, 3), white for -1."""
    strength = np.where(top >= 0, 0.15 + 0.85 * np.clip(lead / FULL_COLOR, 0, 1), 0)[:, None]
    return 1 - strength * (1 - _COLORS[top])


def _name_filters(ax: Axes, row: int, top: np.ndarray, lead: np.ndarray) -> None:
    for column, number in enumerate(np.argsort(-lead, kind="stable")[:_NAMED]):
        if top[number] < 0 or not lead[number]:
            continue
        color = _shades(top[[number]], lead[[number]])[0]
        ax.add_patch(Rectangle((column + 0.02, row - 0.4), 0.96, 0.8, color=color))
        dark = color @ (0.299, 0.587, 0.114) < 0.5
        label = f"{number}: {lead[number]:.2f}"
        ax.text(column + 0.5, row, label, fontsize=6.5, ha="center", va="center", color="white" if dark else "black")
