"""On which part of the face explanations lie, by emotion."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fer_keras.data.synthetic import PARTS
from fer_keras.emotions import EMOTIONS
from fer_keras.plots.style import EMOTION_COLORS, house_style, new_figure

PART_COLORS = ("#FFFFFF", "#F5C99B", "#8C6D46", "#332288", "#0072B2", "#E69F00", "#CC79A7", "#D55E00", "#009E73")


def regions_figure(
    shares: np.ndarray,
    standard_errors: np.ndarray,
    density_ratios: np.ndarray,
    *,
    counts: np.ndarray,
    parts: np.ndarray,
    face: np.ndarray | None = None,
    parts_from: str,
    title: str = "",
) -> Figure:
    """Return the shares of an explanation by part and emotion, and how they compare with the parts' areas.

    Args:
        shares, standard_errors, density_ratios: float (7, P), as in `explain.regions.RegionMeans`; NaN: nothing there.
        counts: int (7,), the images of each emotion.
        parts: uint8 (48, 48), a part map to show: the template, or that of one synthetic face.
        face: (48, 48), 0..255, drawn below it.
        parts_from: where the parts come from, for the reader, e.g. "fixed template of FER2013's aligned faces".
    """
    there = [part for part in range(len(PARTS)) if np.isfinite(density_ratios[:, part]).any()]
    names = [PARTS[part] for part in there]
    with house_style():
        figure = new_figure(10.0, 6.2)
        upper, lower = figure.subfigures(2, 1, height_ratios=(1.15, 1))
        _draw_shares(upper.add_subplot(), shares[:, there], standard_errors[:, there], names)
        map_ax, ratio_ax = lower.subplots(1, 2, width_ratios=(1, 2))
        _draw_parts(map_ax, parts, face, parts_from)
        _draw_ratios(ratio_ax, density_ratios[:, there], names, counts)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _draw_shares(ax: Axes, shares: np.ndarray, errors: np.ndarray, names: list[str]) -> None:
    width = 0.8 / len(EMOTIONS)
    for i, emotion in enumerate(EMOTIONS):
        x = np.arange(len(names)) + (i - (len(EMOTIONS) - 1) / 2) * width
        ax.bar(x, shares[i], width, color=EMOTION_COLORS[emotion], label=emotion)
        ax.errorbar(x, shares[i], errors[i], fmt="none", ecolor="0.2", elinewidth=0.7)
    ax.set_xticks(range(len(names)), names)
    ax.tick_params(axis="x", length=0)
    ax.set(ylabel="share of the attribution, ± standard error", ylim=(0, None))
    ax.legend(ncols=len(EMOTIONS), fontsize=7.5, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _draw_parts(ax: Axes, parts: np.ndarray, face: np.ndarray | None, parts_from: str) -> None:
    if face is not None:
        ax.imshow(face, cmap="gray", vmin=0, vmax=255)
    shown = np.ma.masked_equal(parts, PARTS.index("background"))
    alpha = 1.0 if face is None else 0.5
    ax.imshow(shown, cmap=ListedColormap(PART_COLORS), vmin=-0.5, vmax=len(PARTS) - 0.5, alpha=alpha)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(True)
    ax.set_title(f"parts: {parts_from}", fontsize=8)
    present = [part for part in np.unique(parts) if part != PARTS.index("background")]
    handles = [Patch(color=PART_COLORS[part], label=PARTS[part]) for part in present]
    ax.legend(handles=handles, fontsize=6.5, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_ratios(ax: Axes, ratios: np.ndarray, names: list[str], counts: np.ndarray) -> None:
    """Draw a table: white where a part has just its share of pixels, red where more, blue where less."""
    logs = np.log2(np.maximum(ratios, 1e-3))  # where there is nothing, as blue as it gets
    ax.imshow(logs, cmap="RdBu_r", vmin=-2, vmax=2, aspect="auto")
    for (row, column), ratio in np.ndenumerate(ratios):
        if np.isfinite(ratio):
            dark = abs(logs[row, column]) > 1.3
            text = f"{ratio:.2f}"
            ax.text(column, row, text, fontsize=7, ha="center", va="center", color="white" if dark else "black")
    ax.set_xticks(range(len(names)), [name.replace(" and ", "\nand ") for name in names], fontsize=7)
    rows = [f"{emotion} ({count:,})" for emotion, count in zip(EMOTIONS, counts, strict=True)]
    ax.set_yticks(range(len(EMOTIONS)), rows, fontsize=8)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title("density: share of the attribution / share of the area; (images)", fontsize=9, loc="left")
