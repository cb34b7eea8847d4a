"""The look that all figures share, and how they are saved."""

import textwrap
import warnings
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from fer_keras.data.image_file import software_of
from fer_keras.files import written_aside

_DRAWN_BY = "fer_keras"  # stands in every picture: PNG's field "Software"
PRINT_DPI = 200  # a figure 7 inches wide fills a page at 1,400 pixels

# One colour for each emotion, the same in every figure (Okabe and Ito's palette, told apart by the colour-blind too).
EMOTION_COLORS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#CC79A7",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#56B4E9",
    "neutral": "#7F7F7F",
}
TRAINING_COLOR, VALIDATION_COLOR = "#0072B2", "#D55E00"

_RC = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "text.parse_math": False,  # people's files may be called $_$
    "figure.dpi": 100,
    "savefig.dpi": PRINT_DPI,
}


@contextmanager
def house_style():
    """Apply the shared settings to the figures made inside the block, and to no others."""
    with matplotlib.rc_context(_RC):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return a figure of `width` x `height` inches that belongs to no window and to no global list.

    It is `matplotlib.figure.Figure`, not pyplot: nothing to close, and no display needed.
    """
    return Figure(figsize=(width, height), layout="constrained")


def fitted(title: str, inches: float) -> str:
    """Return a title broken into lines that fit above axes of so many inches at the usual size."""
    letters = int(inches * 12.5)  # of DejaVu Sans at 10 points, on average
    return "\n".join(textwrap.fill(line, letters, break_on_hyphens=False) for line in title.split("\n"))


def shortened(name: str, letters: int) -> str:
    """Return a file's name on one line of so many letters, with what does not fit left out of its middle."""
    name = " ".join(name.encode("utf-8", "replace").decode().split())
    return name if len(name) <= letters else f"{name[: letters // 2 - 1]}…{name[-(letters // 2) :]}"


def save_figure(figure: Figure, path: Path | str, *, note: str | None = None) -> None:
    """Write a figure as PNG at print resolution, atomically; `note` goes below it in small type.

    Use `note` for what a reader must not miss about the data, e.g. that the faces are synthetic.
    """
    with warnings.catch_warnings(), written_aside(path) as aside:
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # a name in another script
        if note:
            _write_below(figure, note)
        figure.savefig(aside, format="png", dpi=PRINT_DPI, metadata={"Software": _DRAWN_BY})


def _write_below(figure: Figure, note: str) -> None:
    label = figure.get_supxlabel()
    if (legend := _legend_below(figure)) is not None:  # it stands where the note would: they share the place
        title = legend.get_title().get_text()
        legend.set_title(f"{note}\n{title}" if title else note, prop={"size": 7})
        legend.get_title().set_multialignment("center")
    else:
        figure.supxlabel(f"{label}\n{note}" if label else note, fontsize=7, color="0.35")


def _legend_below(figure: Figure) -> Legend | None:
    """Return the legend of the figure that stands below its axes, if it has one."""
    if not figure.legends:
        return None
    figure.draw_without_rendering()  # decides where everything stands
    floor = min(ax.get_position().y0 for ax in figure.axes) * figure.bbox.height
    return next((one for one in figure.legends if one.get_window_extent().y1 < floor), None)


def drawn_here(path: Path | str) -> bool:
    """Tell whether a file is a picture that `save_figure` wrote, and no picture of somebody's."""
    return software_of(path) == _DRAWN_BY
