"""Superpixels for and against an emotion."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fer_keras.plots.sheet import draw_borders, new_sheet, place
from fer_keras.plots.style import house_style

FOR, AGAINST = (0, 158, 60), (213, 40, 30)  # green and red
WHITE = (255, 255, 255)
_WEIGHTS = LinearSegmentedColormap.from_list("for and against", [[c / 255 for c in t] for t in (AGAINST, WHITE, FOR)])
_STRENGTH = 0.45  # of the colour over the face
_SIDE = 1.25


def tinted(image: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return the face with superpixels for the emotion tinted green and those against it red: uint8 (48, 48, 3).

    image: (48, 48), 0..255. signs: (48, 48), 1 for, -1 against, 0 left as it was.
    """
    color = np.repeat(np.asarray(image, float)[..., None], 3, axis=-1)
    for sign, tint in ((1, FOR), (-1, AGAINST)):
        color[signs == sign] = (1 - _STRENGTH) * color[signs == sign] + _STRENGTH * np.array(tint)
    return np.round(color).astype(np.uint8)


def lime_figure(
    images: np.ndarray,
    segments: np.ndarray,
    signs: np.ndarray,
    captions: Sequence[str] | None = None,
    *,
    columns: int = 3,
    positive_only: bool = False,
    title: str = "",
) -> Figure:
    """Return a sheet of faces, each beside its superpixels for (green) and against (red); yellow borders around those.

    Args:
        images: (N, 48, 48), 0..255.
        segments: int (N, 48, 48), the superpixel of each pixel.
        signs: int (N, 48, 48), 1 for, -1 against, 0 neither.
        captions: N, above each pair.
        positive_only: superpixels against were not asked for, and the key has none.
    """
    columns = min(columns, len(images))
    step_x, step_y = 2 * _SIDE + 0.25, _SIDE + 0.3
    with house_style():
        height = -(-len(images) // columns) * step_y + 0.16
        figure, ax = new_sheet(columns * step_x - 0.2, height, title)
        for i, image in enumerate(images):
            x, y = i % columns * step_x, i // columns * step_y + 0.22
            place(ax, image, x, y, _SIDE)
            place(ax, tinted(image, signs[i]), x + _SIDE + 0.04, y, _SIDE)
            # Superpixels that are neither for nor against are one: no borders inside the rest of the face.
            draw_borders(ax, np.where(signs[i] != 0, segments[i], -1), x + _SIDE + 0.04, y, _SIDE)
            if captions is not None:
                ax.text(x, y - 0.09, captions[i], fontsize=7.5, va="center", parse_math=False)
        _draw_key(ax, height - 0.08, against=not positive_only)
    return figure


def _draw_key(ax: Axes, y: float, *, against: bool) -> None:
    for x, color, word in ((0.0, FOR, "for"), (0.5, AGAINST, "against"))[: 1 + against]:
        ax.add_patch(Rectangle((x, y - 0.05), 0.1, 0.1, color=[level / 255 for level in color], linewidth=0))
        ax.text(x + 0.14, y, word, fontsize=6.5, va="center", color="0.3")


def lime_steps_figure(
    image: np.ndarray,
    segments: np.ndarray,
    weights: np.ndarray,
    signs: np.ndarray,
    samples: np.ndarray,
    probabilities: Sequence[float] | None = None,
    *,
    emotion: str = "",
    title: str = "",
) -> Figure:
    """Return how one explanation came about: face, superpixels, their weights, the result; below, perturbed images.

    Args:
        image: (48, 48), 0..255.
        segments: int (48, 48), 0..S-1.
        weights: (S,), of the superpixels.
        signs: int (48, 48), as for `lime_figure`.
        samples: (n, 48, 48), perturbed images; six fill the row.
        probabilities: n, of the emotion on the samples.
        emotion: its name.
    """
    step = _SIDE + 0.12
    small = (4 * step - 0.12 - 0.08 * (len(samples) - 1)) / max(len(samples), 4)
    largest = np.abs(weights).max() or 1.0
    count = int(segments.max()) + 1
    with house_style():
        figure, ax = new_sheet(4 * step - 0.12 + 0.62, _SIDE + small + 0.75, title)
        shown = None
        for i, name in enumerate(("face", f"{count} superpixels", "for and against", f"weight for {emotion}")):
            x, y = i * step, 0.2
            ax.text(x, y - 0.09, name, fontsize=8, va="center")
            if i == 3:
                shown = place(ax, weights[segments], x, y, _SIDE, cmap=_WEIGHTS, vmin=-largest, vmax=largest)
            else:
                place(ax, tinted(image, signs) if i == 2 else image, x, y, _SIDE)
            if i in (1, 2):
                draw_borders(ax, np.where(signs != 0, segments, -1) if i == 2 else segments, x, y, _SIDE)
        bar = ax.inset_axes((4 * step - 0.04, 0.2, 0.09, _SIDE), transform=ax.transData)
        figure.colorbar(shown, cax=bar).ax.tick_params(labelsize=6)
        y = _SIDE + 0.52
        name = "samples" if probabilities is None else f"samples, with the probability of {emotion}"
        ax.text(0, y - 0.1, name, fontsize=8, va="center")
        for i, sample in enumerate(samples):
            x = i * (small + 0.08)
            place(ax, sample, x, y, small)
            if probabilities is not None:
                ax.text(x + small / 2, y + small + 0.1, f"{probabilities[i]:.2f}", fontsize=7, ha="center", va="center")
    return figure
