"""The confusion matrix in scikit-learn's conventions: a row for each true class, a column for each predicted one."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from fer_keras.emotions import EMOTIONS
from fer_keras.plots.raster import figure_to_array
from fer_keras.plots.style import fitted, house_style, new_figure


def confusion_figure(matrix: np.ndarray, *, normalize: bool = False, title: str = "") -> Figure:
    """Return a confusion matrix with a number on every cell and a colour bar.

    matrix: int (7, 7), counts, rows true. normalize: show each row as fractions of its true class, 0..1.
    """
    with house_style():
        figure = new_figure(6.0, 5.2)
        ax = figure.add_subplot()
        image = draw_confusion(ax, matrix, normalize=normalize)
        ax.set_title(fitted(title, 4.2))
        bar = figure.colorbar(image, ax=ax, shrink=0.9)
        bar.set_label("fraction of the true class" if normalize else "images", fontsize=8)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    return figure


def draw_confusion(ax: Axes, matrix: np.ndarray, *, normalize: bool, fontsize: float = 8) -> AxesImage:
    """Draw a confusion matrix (see `confusion_figure`) into `ax`, without a colour bar. Return its image."""
    matrix = np.asarray(matrix)
    support = matrix.sum(axis=1, keepdims=True)
    shown = matrix / np.maximum(support, 1) if normalize else matrix
    top = 1.0 if normalize else max(int(matrix.max()), 1)
    image = ax.imshow(shown, cmap="Blues", vmin=0, vmax=top, interpolation="nearest")
    for (row, column), value in np.ndenumerate(shown):
        if normalize:
            text = f"{value:.2f}" if support[row, 0] else "–"  # noqa: RUF001 - a dash: the class has no images
        else:
            text = f"{value:,}"
        color = "white" if _is_dark(image.to_rgba(value)) else "black"
        ax.text(column, row, text, ha="center", va="center", color=color, fontsize=fontsize)
    ticks = np.arange(len(EMOTIONS))
    ax.set_xticks(ticks, EMOTIONS, fontsize=fontsize)
    ax.set_yticks(ticks, EMOTIONS, fontsize=fontsize)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("predicted emotion", fontsize=fontsize + 1)
    ax.set_ylabel("true emotion", fontsize=fontsize + 1)
    return image


def confusion_image(matrix: np.ndarray, *, normalize: bool = True, title: str = "", dpi: float = 100) -> np.ndarray:
    """Return a small confusion matrix as pixels for TensorBoard: uint8 (H, W, 3), about 450 x 450 at 100 dpi."""
    with house_style():
        figure = new_figure(4.5, 4.5)
        ax = figure.add_subplot()
        draw_confusion(ax, matrix, normalize=normalize, fontsize=7)
        ax.set_title(title, fontsize=9)
        return figure_to_array(figure, dpi)


def _is_dark(rgba: tuple[float, float, float, float]) -> bool:
    red, green, blue, _ = rgba
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5
