"""How many images of each emotion there are."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS
from fer_keras.plots.style import TRAINING_COLOR, VALIDATION_COLOR, house_style, new_figure

_COLORS = {
    "whole": "0.62",
    "training": TRAINING_COLOR,
    "validation": VALIDATION_COLOR,
    "test": "#009E73",
    "true": "0.62",
    "predicted": TRAINING_COLOR,
}
_OTHER_COLORS = ("#56B4E9", "#E69F00", "#CC79A7", "#F0E442")


def classes_figure(counts: Mapping[str, np.ndarray], *, title: str = "Images per class") -> Figure:
    """Return a group of bars for each emotion, one bar for each set of images, with its number on it.

    counts: int (7,) by the name of the set, e.g. "whole", "training", "validation", in the order to draw.
    """
    with house_style():
        figure = new_figure(7.5, 3.6)
        ax = figure.add_subplot()
        draw_counts(ax, counts)
        ax.set_title(title, loc="left", pad=22)  # over the legend
    return figure


def draw_counts(ax: Axes, counts: Mapping[str, np.ndarray]) -> None:
    """Draw the bars of `classes_figure` into `ax`; the legend gives each set's total."""
    width = 0.86 / len(counts)
    spare = iter(_OTHER_COLORS * len(counts))
    for i, (name, values) in enumerate(counts.items()):
        values = np.asarray(values)
        assert values.shape == (NUM_EMOTIONS,), (name, values.shape)
        bars = ax.bar(
            np.arange(NUM_EMOTIONS) + (i - (len(counts) - 1) / 2) * width,
            values,
            width=0.94 * width,
            color=_COLORS.get(name) or next(spare),
            label=f"{name} ({values.sum():,})",
        )
        ax.bar_label(bars, fmt="{:,.0f}", fontsize=6.5, padding=2, rotation=90 if len(counts) > 3 else 0)
    ax.set_xticks(np.arange(NUM_EMOTIONS), EMOTIONS, fontsize=9)
    ax.tick_params(axis="x", length=0)
    ax.tick_params(axis="y", labelsize=8)
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_ylabel("images")
    ax.margins(x=0.01, y=0.14 if len(counts) > 3 else 0.08)
    # Above the bars, where it can cover none of them.
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(counts), fontsize=8, borderaxespad=0.3)
