"""The curves of a training run."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from fer_keras.console import duration
from fer_keras.emotions import IMAGE_SIZE
from fer_keras.plots.style import TRAINING_COLOR, VALIDATION_COLOR, house_style, new_figure

_MOST_MARKED_EPOCHS = 40  # more points than this run into each other


def history_figure(
    rows: Iterable[Mapping],
    *,
    title: str = "",
    kept: int = 0,
    keep: str = "best",
    soft: bool = False,
    coarse: int = 0,
) -> Figure:
    """Return accuracy, loss and learning rate against the epoch, with the epoch that was kept and the phases marked.

    rows: one mapping an epoch, with the columns of history.csv (phase, epoch, loss, accuracy, val_loss, val_accuracy,
        learning_rate, seconds), numbers or their text; or a pandas.DataFrame of them. NaN, None, "" and a missing
        column are gaps. A new value of `phase` starts a phase; an `epoch` that starts again from 1 is counted on.
    kept: whose network was kept, 1 for the first of the rows (`best_epoch` in result.json); 0: none of them.
    keep: what it is called there: the "best" epoch or the "last", as in training.
    soft: whether training learned from teachers or mixed images: its accuracy is then how often the network names the
        largest share of a target, and no more than akin to the accuracy of validation, which the legend tells.
    coarse: so many of the first rows trained on smaller images; where they end curves may jump, and a mark says why.
    """
    rows = rows.to_dict("records") if hasattr(rows, "to_dict") else list(rows)
    assert rows, "no epoch to draw"
    epoch = _column(rows, "epoch")
    if not (np.diff(epoch) > 0).all() or not np.isfinite(epoch).all():
        epoch = np.arange(1, len(rows) + 1, dtype=float)
    marks = [(i, "fine-tuning", 0.04) for i in range(1, len(rows)) if rows[i].get("phase") != rows[i - 1].get("phase")]
    if 0 < coarse < len(rows):
        # Above the other, which may start at the same epoch.
        marks.append((coarse, f"{IMAGE_SIZE}x{IMAGE_SIZE} images", 0.14))
    validated = np.isfinite(_column(rows, "val_accuracy")).any()

    with house_style():
        figure = new_figure(7.0, 6.2)
        axes = figure.subplots(3, 1, sharex=True, height_ratios=(4, 4, 1.3))
        for ax, name in zip(axes, ("accuracy", "loss"), strict=False):
            _draw_curve(ax, epoch, _column(rows, name), TRAINING_COLOR, "training" + " (soft targets)" * soft)
            _draw_curve(ax, epoch, _column(rows, f"val_{name}"), VALIDATION_COLOR, "validation")
            if kept:
                _ring(ax, epoch[kept - 1], _column(rows, f"val_{name}" if validated else name)[kept - 1], keep)
            ax.set_ylabel(name)
            ax.margins(y=0.08)
            ax.grid(axis="y", color="0.92", linewidth=0.8)
            # Above the panel, where it can cover no curve.
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8, borderaxespad=0.2)
        _draw_learning_rate(axes[2], epoch, _column(rows, "learning_rate"))
        for start, name, height in marks:
            where = ((epoch[start - 1] + epoch[start]) / 2, height)
            _mark_phase(axes, where, name, late=start > 0.8 * len(rows))
        margin = max(0.5, 0.015 * len(rows))
        axes[2].set_xlim(epoch[0] - margin, epoch[-1] + margin)
        axes[2].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes[2].set_xlabel(_epoch_label(_column(rows, "seconds")))
        for ax in axes:
            ax.tick_params(labelsize=8)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _column(rows: list[Mapping], name: str) -> np.ndarray:
    """Return one column as float64 (epochs,), NaN where there is no number."""
    values = [row.get(name) for row in rows]
    return np.array([math.nan if value is None or value == "" else float(value) for value in values])


def _draw_curve(ax: Axes, epoch: np.ndarray, values: np.ndarray, color: str, label: str) -> None:
    known = np.isfinite(values)  # a line drawn over the known points alone bridges the gaps
    if known.any():
        marker = "o" if len(epoch) <= _MOST_MARKED_EPOCHS else ""
        ax.plot(epoch[known], values[known], marker=marker, markersize=3, linewidth=1.4, color=color, label=label)


def _ring(ax: Axes, epoch: float, value: float, keep: str) -> None:
    """Ring the point of the epoch that was kept, best or last; its value stands in the legend."""
    if math.isfinite(value):
        ax.axvline(epoch, color="0.75", linewidth=0.8, linestyle=":", zorder=0)
        style = {"linestyle": "none", "marker": "o", "markersize": 8, "markerfacecolor": "none"}
        ax.plot(epoch, value, **style, markeredgecolor="black", label=f"{keep} epoch ({epoch:.0f}): {value:.4f}")


def _draw_learning_rate(ax: Axes, epoch: np.ndarray, rate: np.ndarray) -> None:
    marker = "o" if len(epoch) <= _MOST_MARKED_EPOCHS else ""
    ax.plot(epoch, rate, drawstyle="steps-mid", marker=marker, markersize=2, linewidth=1.2, color="0.3")
    positive = rate[rate > 0]
    if positive.size and positive.max() > 10 * positive.min():
        ax.set_yscale("log", nonpositive="mask")
        ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")  # Matplotlib's own is mathematics, in $
        ax.yaxis.set_minor_formatter(NullFormatter())
    elif positive.size:
        top = positive.max()
        ax.set_ylim(0, 1.25 * top)
        ax.set_yticks([0, top], ["0", f"{top:g}"])
    ax.set_ylabel("learning\nrate")


def _mark_phase(axes: Sequence[Axes], where: tuple[float, float], name: str, *, late: bool) -> None:
    """Draw where a phase starts through all panels, and its name in the first.

    where: the epoch, and the name's height as a share of the panel's. late: too near the right edge for the name there.
    """
    for ax in axes:
        ax.axvline(where[0], color="0.35", linewidth=1, linestyle="--", zorder=0)
    axes[0].annotate(
        f"{name} →" if late else f"→ {name}",
        where,
        xycoords=("data", "axes fraction"),
        xytext=(-4 if late else 4, 0),
        textcoords="offset points",
        ha="right" if late else "left",
        fontsize=8,
        color="0.35",
    )


def _epoch_label(seconds: np.ndarray) -> str:
    if not np.isfinite(seconds).any():
        return "epoch"
    return f"epoch ({np.nanmedian(seconds):.3g} s each, {duration(np.nansum(seconds))} in all)"
