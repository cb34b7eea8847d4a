"""Emotion by emotion: how many are recognised, and how often each is predicted."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS
from fer_keras.metrics import Metrics, Rest
from fer_keras.plots.classes import draw_counts
from fer_keras.plots.style import EMOTION_COLORS, fitted, house_style, new_figure

_ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # numbers stay readable on lines and bands


def class_accuracy_figure(metrics: Metrics, *, title: str = "") -> Figure:
    """Return the accuracy (recall) of each emotion with its 95% interval, beside the accuracy over all images.

    Emotions without images get no bar. Diamonds are the recall on new images (`Metrics.new`), with its interval.
    """
    present = np.flatnonzero(metrics.support > 0)
    recall, interval = metrics.recall[present], metrics.recall_ci95[present]
    whiskers = np.abs(interval.T - recall)  # (2, present): below and above
    with house_style():
        figure = new_figure(6.2, 3.6)
        ax = figure.add_subplot()
        colors = [EMOTION_COLORS[EMOTIONS[i]] for i in present]
        ax.barh(present, recall, height=0.72, color=colors)
        ax.errorbar(recall, present, xerr=whiskers, fmt="none", ecolor="0.15", elinewidth=1, capsize=2.5)
        for i, value, high in zip(present, recall, interval[:, 1], strict=True):
            ax.text(max(high, value) + 0.012, i, f"{value:.3f}", fontsize=8, va="center", bbox=_ON_WHITE)
        low, high = metrics.accuracy_ci95
        label = f"all images {metrics.accuracy:.3f} ({low:.3f} to {high:.3f})"
        ax.axvline(metrics.accuracy, color="0.25", linewidth=1, linestyle="--", zorder=1.5, label=label)
        ax.axvspan(low, high, color="0.9", zorder=-1)
        if metrics.new is not None:
            _mark_new(ax, *metrics.new)
        names = [f"{emotion} ({count:,})" for emotion, count in zip(EMOTIONS, metrics.support, strict=True)]
        ax.set_yticks(np.arange(NUM_EMOTIONS), names, fontsize=9)
        ax.set(xlim=(0, 1.08), ylim=(NUM_EMOTIONS - 0.4, -0.6), xlabel="accuracy, with 95% intervals")
        ax.set_xticks(np.linspace(0, 1, 6))
        ax.tick_params(axis="y", length=0)
        ax.tick_params(axis="x", labelsize=8)
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=8, borderaxespad=0.2, ncols=2)
        ax.set_title(fitted(title, 5.2), loc="left", pad=22)
    return figure


def _mark_new(ax: Axes, name: str, rest: Rest) -> None:
    metrics = rest.metrics
    present = np.flatnonzero(metrics.support > 0)
    recall = metrics.recall[present]
    ax.errorbar(
        recall,
        present + 0.24,  # in the lower half of the bar, beside the interval of all images
        xerr=np.abs(metrics.recall_ci95[present].T - recall),
        fmt="D",
        color="0.15",
        markerfacecolor="white",
        markersize=4.5,
        elinewidth=0.8,
        label=f"{name} {metrics.accuracy:.3f}, of {rest.n:,}",
    )


def counts_figure(matrix: np.ndarray, *, title: str = "") -> Figure:
    """Return bars of how many images are of each emotion and how many are predicted to be.

    matrix: int (7, 7), the confusion matrix, rows true.
    """
    with house_style():
        figure = new_figure(6.6, 3.4)
        ax = figure.add_subplot()
        draw_counts(ax, {"true": matrix.sum(axis=1), "predicted": matrix.sum(axis=0)})
        ax.set_title(fitted(title, 5.2), loc="left", pad=22)
    return figure
