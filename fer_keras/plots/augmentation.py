"""What augmentation does to real batches: each face before, and below it after."""

import textwrap

import numpy as np
from matplotlib.figure import Figure

from fer_keras.emotions import EMOTIONS, IMAGE_SIZE
from fer_keras.plots.style import house_style, new_figure

COLUMNS, ROWS = 8, 4  # of pairs


def augmentation_figure(
    before: np.ndarray, after: np.ndarray, level: str, labels: np.ndarray, *, ranges: str = ""
) -> Figure:
    """Return the figure of up to 32 faces, each above its augmented self.

    before, after: uint8 or float (N, 48, 48) or (N, 48, 48, 1), 0..255, the same faces in the same order. level: the
    name of the augmentation. labels: integers (N,), 0..6, or one-hot (N, 7). ranges: what the level does, such as
    `Augmentation.describe()`, for the title.
    """
    assert len(before) == len(after) == len(labels) > 0, (len(before), len(after), len(labels))
    before, after = (np.reshape(faces, (-1, IMAGE_SIZE, IMAGE_SIZE)) for faces in (before, after))
    labels = np.argmax(labels, axis=1) if np.ndim(labels) == 2 else np.asarray(labels)
    shown = min(len(before), COLUMNS * ROWS)
    rows = -(-shown // COLUMNS)
    with house_style():
        figure = new_figure(0.8 * COLUMNS + 0.6, 1.75 * rows + 0.6)
        # A thin empty row after each pair keeps a face nearer to its own augmented self than to the next pair.
        grid = figure.add_gridspec(3 * rows, COLUMNS, height_ratios=(1, 1, 0.1) * rows)
        for i in range(shown):
            row, column = divmod(i, COLUMNS)
            for offset, faces in enumerate((before, after)):
                axes = figure.add_subplot(grid[3 * row + offset, column])
                axes.imshow(faces[i], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
                if column == 0:
                    axes.set_ylabel(("before", "after")[offset])
                if offset == 0:
                    axes.set_title(EMOTIONS[labels[i]], fontsize=8, pad=3)
        figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
        title = f"Augmentation: {level}" + (f" ({ranges})" if ranges else "")
        # The empty line parts the title from the faces.
        figure.suptitle("\n".join(textwrap.wrap(title, 100)) + "\n", fontsize=9)
    return figure
