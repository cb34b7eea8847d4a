"""Runs side by side, emotion by emotion."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from fer_keras.emotions import EMOTIONS
from fer_keras.metrics import Metrics
from fer_keras.plots.style import fitted, house_style, new_figure

# Okabe and Ito's palette without the yellow, dark ones first; with more runs the marks tell them apart.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
_MARKS = "osD^vP"
_WIDTH = 6.6  # inches


def compare_figure(metrics: Sequence[Metrics], names: Sequence[str], *, title: str = "") -> Figure:
    """Return the accuracy of R runs over all images, without leaks and copies, and by emotion, with 95% intervals.

    metrics: of the same images, so that the supports are equal. Emotions without images are left out, and so is what
    would leave all images or none.
    """
    assert len(metrics) == len(names) > 0, (len(metrics), len(names))
    support = metrics[0].support
    assert all((one.support == support).all() for one in metrics), "the runs were evaluated on different images"
    present = np.flatnonzero(support > 0)
    rests = {name: rest.n for name, rest in metrics[0].rests.items() if rest.n < metrics[0].n}
    whole = {"all images": metrics[0].n, **rests}
    rows = [f"{name} ({n:,})" for name, n in [*whole.items(), *((EMOTIONS[i], support[i]) for i in present)]]
    step = min(0.22, 0.7 / len(names))
    legend = []
    with house_style():
        figure = new_figure(_WIDTH, 1.3 + 0.2 * len(names) + max(0.34, 0.12 * len(names)) * len(rows))
        ax = figure.add_subplot()
        for r, (one, name) in enumerate(zip(metrics, names, strict=True)):
            left = [one.rests[name] for name in rests]
            value = np.array([one.accuracy, *(rest.accuracy for rest in left), *one.recall[present]])
            interval = np.vstack([one.accuracy_ci95, *(rest.accuracy_ci95 for rest in left), one.recall_ci95[present]])
            marks = ax.errorbar(
                value,
                np.arange(len(rows)) + (r - (len(names) - 1) / 2) * step,
                xerr=np.abs(interval.T - value),
                fmt=_MARKS[r // len(_COLORS) % len(_MARKS)] if len(names) > len(_COLORS) else _MARKS[r],
                color=_COLORS[r % len(_COLORS)],
                markersize=4.5,
                elinewidth=1,
                capsize=2,
            )
            legend.append((marks, f"{name}: {one.accuracy:.3f}"))  # by hand: one that begins with _ is no label
        for between in np.arange(len(rows) - 1) + 0.5:
            ax.axhline(between, color="0.5" if between == len(whole) - 0.5 else "0.92", linewidth=0.8, zorder=0)
        ax.set_yticks(range(len(rows)), rows, fontsize=9)
        ax.set(xlim=(0, 1), ylim=(len(rows) - 0.5, -0.5), xlabel="accuracy, with 95% intervals")
        ax.grid(axis="x", color="0.92", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", labelsize=8)
        handles, labels = zip(*legend, strict=True)
        where = {"loc": "outside upper left", "alignment": "left"}
        figure.legend(handles, labels, title=fitted(title, _WIDTH) or None, title_fontsize=10, fontsize=8, **where)
    return figure
