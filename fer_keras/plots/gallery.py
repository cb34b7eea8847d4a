"""Faces with what a network said about them."""

import numpy as np
from matplotlib.figure import Figure

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.probability_bars import draw_probability_bars
from fer_keras.plots.sheet import new_sheet, place
from fer_keras.plots.style import house_style

RIGHT_COLOR, WRONG_COLOR = "#00724F", "#B23A00"

# Both figures are one Axes whose data coordinates are inches from the upper left corner: a sheet of dozens of small
# Axes takes seconds to lay out, and training draws one each epoch.


def gallery_figure(
    images: np.ndarray,
    true: np.ndarray,
    predicted: np.ndarray,
    probabilities: np.ndarray,
    *,
    title: str = "",
    columns: int = 7,
) -> Figure:
    """Return a sheet of faces, each captioned with the prediction, the truth and the probability of both.

    images: uint8 (N, 48, 48). true, predicted: int (N,). probabilities: float (N, 7). Drawn row by row in their order.
    """
    side, step_x, step_y = 0.98, 1.08, 1.36
    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    with house_style():
        figure, ax = new_sheet(columns * step_x, rows * step_y, title)
        for i, image in enumerate(images):
            x, y = i % columns * step_x, i // columns * step_y
            place(ax, image, x, y, side)
            color = RIGHT_COLOR if predicted[i] == true[i] else WRONG_COLOR
            said = f"{EMOTIONS[predicted[i]]} {probabilities[i, predicted[i]]:.2f}"
            truth = f"true {EMOTIONS[true[i]]} {probabilities[i, true[i]]:.2f}"
            ax.text(x + side / 2, y + side + 0.11, said, fontsize=7.5, ha="center", va="center", color=color)
            ax.text(x + side / 2, y + side + 0.24, truth, fontsize=6.5, ha="center", va="center", color="0.25")
        if not len(images):
            ax.text(0, 0.5, "no images", fontsize=9, color="0.4")
    return figure


def predictions_figure(
    images: np.ndarray,
    probabilities: np.ndarray,
    true: np.ndarray | None = None,
    *,
    title: str = "",
    columns: int = 4,
) -> Figure:
    """Return a sheet of faces, each with bars of its seven probabilities beside it; the true emotion's name is bold.

    images: uint8 (N, 48, 48). probabilities: float (N, 7). true: int (N,) or None where it is not known.
    """
    side, name_width, bar_width = 0.92, 0.5, 0.55
    step_x, step_y = side + name_width + bar_width + 0.28, side + 0.34
    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    with house_style():
        figure, ax = new_sheet(columns * step_x, rows * step_y, title)
        for i, image in enumerate(images):
            x, y = i % columns * step_x, i // columns * step_y + 0.2
            place(ax, image, x, y, side)
            predicted = int(np.argmax(probabilities[i]))
            truth = None if true is None else int(true[i])
            color = "black" if truth is None else RIGHT_COLOR if truth == predicted else WRONG_COLOR
            caption = f"{EMOTIONS[predicted]} {probabilities[i, predicted]:.2f}"
            if truth is not None and truth != predicted:
                caption += f" (true {EMOTIONS[truth]})"
            ax.text(x, y - 0.08, caption, fontsize=7.5, va="center", color=color)
            left = x + side + name_width
            draw_probability_bars(ax, left, y, (bar_width, side), probabilities[i], fontsize=6, bold=truth)
    return figure
