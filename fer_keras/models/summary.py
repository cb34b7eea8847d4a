"""A network as a table: every layer's name, output shape and parameters. This is where `--layer` names are found."""

from dataclasses import dataclass
from math import prod

from fer_keras.console import columns


@dataclass(frozen=True)
class LayerRow:
    """One layer: its name, the class of the layer, what it is set to, its output shape without the batch, and size."""

    name: str
    type: str  # e.g. "Conv2D"
    detail: str  # e.g. "5x5", "2x2, stride 2", "rate 0.4"; "" where the class says it all
    output_shape: tuple[int, ...]  # (H, W, C) or (C,)
    parameters: int  # moving statistics included, generators' state not


def layer_table(model) -> list[LayerRow]:
    """Return one row for each layer of a functional Keras model, from the input to the output."""
    return [
        LayerRow(
            name=layer.name,
            type=type(layer).__name__,
            detail=_detail(layer),
            output_shape=tuple(layer.output.shape[1:]),
            parameters=_size(layer.weights),
        )
        for layer in model.layers
    ]


def summary_text(model) -> str:
    """Return the table as plain text of at most 120 columns, with the totals below; it ends with a newline."""
    header = ("layer", "type", "detail", "output shape", "parameters")
    cells = [header] + [
        (row.name, row.type, row.detail, " x ".join(map(str, row.output_shape)), f"{row.parameters:,}")
        for row in layer_table(model)
    ]
    lines = columns(cells, right=(4,)).splitlines()
    rule = "-" * len(lines[0])
    trained, fixed = _size(model.trainable_weights), _size(model.non_trainable_weights)
    totals = [
        f"parameters            {trained + fixed:>12,}  ({(trained + fixed) * 4 / 1e6:.1f} MB as float32)",
        f"  trainable           {trained:>12,}",
        f"  moving statistics   {fixed:>12,}",
    ]
    return "\n".join([model.name, rule, lines[0], rule, *lines[1:], rule, *totals]) + "\n"


def _detail(layer) -> str:
    config = layer.get_config()
    size = config.get("kernel_size") or config.get("pool_size")
    if size:
        strides = config["strides"]
        return "x".join(map(str, size)) + (f", stride {strides[0]}" if max(strides) > 1 else "")
    if "rate" in config:
        return f"rate {config['rate']:.3g}"
    if "negative_slope" in config:
        return f"slope {config['negative_slope']:.3g}"
    return config.get("activation", "") if not layer.weights else ""


def _size(weights) -> int:
    return sum(prod(weight.shape) for weight in weights)
