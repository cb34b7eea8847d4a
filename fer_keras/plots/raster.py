"""Figures as arrays of pixels, for TensorBoard."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def figure_to_array(figure: Figure, dpi: float = 100) -> np.ndarray:
    """Draw a figure at `dpi` pixels an inch. Return uint8 (H, W, 3), RGB."""
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()
