"""Is a prediction of 80% right 80% of the time?"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from fer_keras.metrics import ReliabilityBins
from fer_keras.plots.style import VALIDATION_COLOR, fitted, house_style, new_figure

_BAR_COLOR = "#8FC1E3"  # light, so that the hatching is seen on it
_NARROW = {"borderaxespad": 0.2, "borderpad": 0.2, "columnspacing": 1.2, "handlelength": 1.6}


def reliability_figure(bins: ReliabilityBins, *, title: str = "") -> Figure:
    """Return the reliability diagram (Guo et al. 2017): accuracy by confidence, over how many images have which.

    The gap between a bar and the bin's mean confidence is drawn, and the expected calibration error written.
    """
    full = bins.count > 0
    left, width = bins.edges[:-1][full], np.diff(bins.edges)[full]
    accuracy, confidence = bins.accuracy[full], bins.confidence[full]
    with house_style():
        figure = new_figure(4.6, 5.4)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
        top.bar(left, accuracy, width=width, align="edge", color=_BAR_COLOR, edgecolor="white", label="accuracy")
        top.bar(
            left,
            confidence - accuracy,
            width=width,
            bottom=accuracy,
            align="edge",
            facecolor="none",
            edgecolor=VALIDATION_COLOR,
            hatch="////",
            linewidth=0.6,
            label="gap to mean confidence",
        )
        top.plot([0, 1], [0, 1], color="0.3", linewidth=1, linestyle="--", label="perfect calibration")
        top.set(xlim=(0, 1), ylim=(0, 1), ylabel="accuracy")
        error = f"expected calibration error {bins.expected_calibration_error:.3f}"
        top.set_title(fitted(f"{title}\n{error}" if title else error, 3.8), loc="left", pad=22)

        share = bins.count / bins.count.sum()
        bottom.bar(left, share[full], width=width, align="edge", color="0.6", edgecolor="white")
        bottom.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        bottom.set(xlabel="confidence: the probability of the predicted emotion", ylabel="images")
        _mark_mean(bottom, bins.mean_confidence, "mean confidence", VALIDATION_COLOR, "-")
        _mark_mean(bottom, np.sum(share[full] * accuracy), "accuracy", "black", "--")
        for ax in (top, bottom):
            # Above the panel, where it can cover no bar.
            ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=7.5, **_NARROW)
            ax.tick_params(labelsize=8)
    return figure


def _mark_mean(ax: Axes, value: float, name: str, color: str, style: str) -> None:
    ax.axvline(value, color=color, linestyle=style, linewidth=1.2, label=f"{name} {value:.3f}")
