"""A drawing of a network: one slab a convolution, stage by stage, from a table of its layers."""

from collections.abc import Sequence
from typing import Protocol

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from fer_keras.plots.style import house_style, new_figure

_COLORS = {
    "input": "#B0B0B0",
    "convolution": "#0072B2",
    "convolution on a shortcut": "#9CC9E6",
    "pooling": "#D55E00",
    "dense": "#009E73",
}
_GAP, _STAGE_GAP, _STAGE_WIDTH = 0.10, 0.45, 1.75  # in units of the x axis: 0.58 inch
_INCHES_PER_UNIT = 0.58


class Layer(Protocol):
    """What is drawn of a layer; `fer_keras.models.summary.LayerRow` is one."""

    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int


def network_figure(rows: Sequence[Layer], title: str) -> Figure:
    """Draw a network by its table of layers, in order from the input.

    A slab's height goes with the square root of its maps' side, its width with the logarithm of their number; below
    each stage stand its output shape, the names of its layers and its parameters. A plus marks where a shortcut is
    added. Batch normalisation, activation and dropout are not drawn, but counted.
    """
    stages = _stages(rows)
    with house_style():
        widths = [max(_STAGE_WIDTH, sum(_width(row) + _GAP for row in stage if _kind(row))) for stage in stages]
        total = sum(widths) + _STAGE_GAP * (len(stages) - 1)
        figure = new_figure(total * _INCHES_PER_UNIT + 0.3, 3.3)
        ax = figure.add_subplot()
        left = 0.0
        for stage, width in zip(stages, widths, strict=True):
            _draw_stage(ax, stage, left, width)
            left += width + _STAGE_GAP
        ax.set(xlim=(-0.1, total + 0.1), ylim=(-0.8, 0.62))
        ax.axis("off")
        counted = ", moving statistics included" if any(row.type == "BatchNormalization" for row in rows) else ""
        ax.set_title(f"{title}: {sum(row.parameters for row in rows):,} parameters{counted}")
        kinds = {_kind(row) for row in rows}
        handles = [Patch(color=color, label=kind) for kind, color in _COLORS.items() if kind in kinds]
        if any(row.type == "Add" for row in rows):
            handles.append(Line2D([], [], color="black", marker="+", linestyle="", label="shortcut added"))
        figure.legend(
            handles=handles,
            loc="outside lower center",
            ncols=len(handles),
            fontsize=7,
            title="height: side of the maps (square root); width: their number (logarithm)",
            title_fontsize=7,
        )
    return figure


def _kind(row: Layer) -> str | None:
    """Return what a layer is drawn as, None for the layers that are not drawn."""
    if row.type == "InputLayer":
        return "input"
    if row.type == "Conv2D":
        return "convolution on a shortcut" if row.name.startswith("shortcut_") else "convolution"
    if "Pooling" in row.type:
        return "pooling"
    return "dense" if row.type == "Dense" else None


def _stages(rows: Sequence[Layer]) -> list[list[Layer]]:
    """Cut the table: the input; stages, each up to its pooling or to the next coarser convolution; the head."""
    stages = [[]]
    for row in rows:
        if _begins_stage(row, stages[-1], first=len(stages) == 1):
            stages.append([])
        stages[-1].append(row)
    return stages


def _begins_stage(row: Layer, stage: list[Layer], *, first: bool) -> bool:
    """Return whether a layer stands at the head of a new stage, after those of `stage`, which may be the input's."""
    is_convolution = row.type == "Conv2D"
    if len(row.output_shape) == 1:
        return any(len(earlier.output_shape) == 3 for earlier in stage)
    if first:
        return is_convolution
    sides = [earlier.output_shape[0] for earlier in stage if earlier.type == "Conv2D"]
    coarser = is_convolution and bool(sides) and row.output_shape[0] <= (sides[-1] + 1) // 2
    return coarser or any(_kind(earlier) == "pooling" for earlier in stage)


def _width(row: Layer) -> float:
    if _kind(row) in ("pooling", "dense"):
        return 0.12
    return 0.06 * max(row.output_shape[-1], 2).bit_length()


def _height(row: Layer) -> float:
    if len(row.output_shape) == 1:
        return 0.04 * max(row.output_shape[-1], 2).bit_length()
    return (row.output_shape[0] / 48) ** 0.5


def _draw_stage(ax: Axes, stage: list[Layer], left: float, width: float) -> None:
    drawn = [row for row in stage if _kind(row)]
    x = left + (width - sum(_width(row) + _GAP for row in drawn) + _GAP) / 2
    last = stage[0]
    for row in stage:
        kind = _kind(row)
        if kind:
            height = _height(row)
            ax.add_patch(Rectangle((x, -height / 2), _width(row), height, color=_COLORS[kind], linewidth=0))
            x += _width(row) + _GAP
            last = row
        elif row.type == "Add":
            ax.text(x - _GAP - _width(last) / 2, _height(last) / 2 + 0.05, "+", ha="center", va="center", fontsize=9)
    lines = _caption(stage)
    ax.text(left + width / 2, -0.55, lines[0], ha="center", va="top", fontsize=8, fontweight="bold")
    ax.text(left + width / 2, -0.63, "\n".join(lines[1:]), ha="center", va="top", fontsize=6.5, linespacing=1.4)


def _caption(stage: list[Layer]) -> list[str]:
    """Return the lines below a stage: shape, names, parameters."""
    convolutions = [row for row in stage if _kind(row) == "convolution"]
    shape = (convolutions or stage)[-1].output_shape
    if convolutions:
        names = [convolutions[0].name]
        if len(convolutions) > 1:
            names.append(f"to {convolutions[-1].name}")
        names += [row.name for row in stage if _kind(row) == "pooling"]
    else:
        names = [row.name for row in stage if row.type in ("InputLayer", "Flatten", "Dense") or _kind(row) == "pooling"]
    parameters = sum(row.parameters for row in stage)
    return ["x".join(map(str, shape)), *names, *([f"{parameters:,} parameters"] if parameters else [])]
