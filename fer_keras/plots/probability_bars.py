"""The seven probabilities of a face as bars, each beside its emotion's name."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.style import EMOTION_COLORS


def draw_probability_bars(
    ax: Axes,
    left: float,
    top: float,
    size: tuple[float, float],
    probabilities: np.ndarray,
    *,
    fontsize: float,
    bold: int | None,
    with_numbers: bool = False,
) -> None:
    """Draw them on a sheet (`plots.sheet`: inches, y downwards), the names to the left of `left`.

    size: width of a probability of 1, height of all seven, in inches. probabilities: float (7,). fontsize: in points.
    bold: the emotion whose name stands out, 0..6, or none. with_numbers: with each probability to the right of its bar.
    """
    width, height = size
    pitch = height / len(EMOTIONS)
    middle = top + pitch * (np.arange(len(EMOTIONS)) + 0.5)
    ax.add_patch(Rectangle((left, top), width, height, facecolor="0.95"))  # as wide as a probability of 1
    colors = [EMOTION_COLORS[emotion] for emotion in EMOTIONS]
    ax.barh(middle, width * np.asarray(probabilities), height=0.75 * pitch, left=left, color=colors)
    ax.plot([left, left], [top, top + height], color="0.6", linewidth=0.6)
    for i, (emotion, probability) in enumerate(zip(EMOTIONS, probabilities, strict=True)):
        weight, ink = ("bold", "black") if i == bold else ("normal", "0.35")
        ax.text(left - 0.04, middle[i], emotion, fontsize=fontsize, ha="right", va="center", weight=weight, color=ink)
        if with_numbers:
            ax.text(left + width + 0.05, middle[i], f"{probability:.2f}", fontsize=fontsize, va="center", color=ink)
