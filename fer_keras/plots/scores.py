"""How good explanations are: scores of methods side by side, and the curves of deletion and insertion."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fer_keras.console import listed
from fer_keras.plots.style import house_style, new_figure

_METHOD, _PALE, _BASELINE = "#0072B2", "#A6CDE6", "0.45"


def scores_figure(
    means: np.ndarray,
    standard_errors: np.ndarray,
    methods: Sequence[str],
    scores: Mapping[str, tuple[str, bool]],
    *,
    ahead: np.ndarray,
    compared: Sequence[bool] | None = None,
    baselines: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """Return a panel for each score with a row for each method; what is ahead of all baselines is filled.

    Args:
        means, standard_errors: float (M, S); NaN: none.
        ahead: bool (M, S), better than every baseline, and hardly by chance.
        compared: S, whether the score is one to be ahead in (None: all are); of others the marks are pale.
        methods: M names. scores: S names, each with what it measures and whether higher is better.
        baselines: those of the methods that know no network, in gray; dotted lines lead them through the rows.
    """
    with house_style():
        figure = new_figure(12.0, 1.8 + 0.24 * len(methods))
        axes = np.atleast_1d(figure.subplots(1, len(scores), sharey=True))
        for column, (ax, (name, (about, higher))) in enumerate(zip(axes, scores.items(), strict=True)):
            filled = ahead[:, column] if compared is None or compared[column] else None
            _draw_score(ax, means[:, column], standard_errors[:, column], filled, methods, baselines)
            ax.set_title(f"{name}\n{'higher is better →' if higher else '← lower is better'}", fontsize=9)
            ax.set_xlabel(textwrap.fill(about, 24), fontsize=7)
        axes[0].set_yticks(range(len(methods)), methods, fontsize=8.5)
        axes[0].set_ylim(len(methods) - 0.5, -0.5)
        if baselines:
            _explain_marks(figure, baselines, pale=compared is not None and not all(compared))
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _explain_marks(figure: Figure, baselines: Sequence[str], *, pale: bool) -> None:
    known = listed(baselines)

    def mark(color: str, filled: str, line: str, label: str) -> Line2D:
        style = {"color": color, "markerfacecolor": filled, "linestyle": line, "linewidth": 0.7}
        return Line2D([], [], marker="o", markersize=4.5, label=label, **style)

    handles = [
        mark(_METHOD, _METHOD, "none", f"ahead of {known} on the same images, and hardly by chance"),
        mark(_METHOD, "white", "none", "not shown to be ahead of all" if len(baselines) > 1 else "not shown to be"),
        *([mark(_METHOD, _PALE, "none", "not to be compared with them")] if pale else []),
        mark(_BASELINE, _BASELINE, ":", f"{known}, which know no network"),
        Line2D([], [], color=_METHOD, linewidth=1.5, label="± one standard error"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3 if pale else 4, fontsize=8)


def _draw_score(
    ax: Axes,
    means: np.ndarray,
    errors: np.ndarray,
    ahead: np.ndarray | None,
    methods: Sequence[str],
    baselines: Sequence[str],
) -> None:
    for row, (mean, error) in enumerate(zip(means, errors, strict=True)):
        known = methods[row] in baselines
        color = filled = _BASELINE if known else _METHOD
        if not known and ahead is None:
            filled = _PALE
        elif not known and not ahead[row]:
            filled = "white"
        ax.errorbar(mean, row, xerr=np.nan_to_num(error), fmt="o", color=color, markerfacecolor=filled, markersize=4.5)
        if known:
            ax.axvline(mean, color=_BASELINE, linewidth=0.7, linestyle=":", zorder=0)
    ax.tick_params(axis="y", length=0)
    ax.tick_params(axis="x", labelsize=7.5)
    ax.grid(axis="x", color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)


def curves_figure(
    deletion: np.ndarray,
    insertion: np.ndarray,
    methods: Sequence[str],
    *,
    baselines: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """Return the mean probability of the target as pixels vanish, and as they appear: float (M, steps + 1) each.

    A method whose curves lie on those of one before it is dashed, so that both are seen.
    """
    both = np.concatenate([deletion, insertion], axis=1)
    colors = matplotlib.colormaps["tab20"].colors
    with house_style():
        figure = new_figure(9.6, 3.8)
        for ax, curves, name in zip(figure.subplots(1, 2, sharey=True), (deletion, insertion), _CURVES, strict=True):
            x = np.linspace(0, 100, curves.shape[1])
            for row, (method, curve) in enumerate(zip(methods, curves, strict=True)):
                known = method in baselines
                style = (
                    {"color": "0.4", "linestyle": (":", "--", "-.")[list(baselines).index(method) % 3]} if known else {}
                )
                style = style or {"color": colors[row % len(colors)], "linestyle": _line_over(both[:row], both[row])}
                ax.plot(x, curve, linewidth=1.3, label=method, **style)
            ax.set(xlabel=f"pixels {_CURVES[name]}, %", xlim=(0, 100), ylim=(0, 1.02))
            ax.set_title(name, fontsize=9)
        figure.axes[0].set_ylabel("mean probability of the predicted emotion")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right upper", fontsize=8)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


def _line_over(before: np.ndarray, curve: np.ndarray) -> str | tuple:
    """Return a line style that lets the curves under it be seen. before: (rows, points), drawn already."""
    under = int((np.abs(before - curve).max(axis=1, initial=0) < _SAME).sum())
    return (0, (3, 3 * under)) if under else "-"


_SAME = 0.01  # of probability: nearer than a line is wide
_CURVES = {"deletion": "vanished", "insertion": "appeared"}
