#!/usr/bin/env python3
"""Images a second in training: this package's layers against Keras's own that they equal, in turn.

    python benchmarks/training_step.py --arch cnn4 --precision float32
    python benchmarks/training_step.py --arch vgg25 --precision bfloat16 --stock-precision float32

Random images, Adam, no data pipeline: what the network alone costs. The two take turns, some steps each, so that a
machine whose speed drifts treats both alike; the ratio is the figure to quote.
"""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fer_keras import cli
from fer_keras.models.catalog import ARCHITECTURES


def training_step(arch: str, precision: str, batch: int, *, fast: bool):
    """Return a function that takes `steps` training steps and returns the seconds they took."""
    import keras
    import numpy as np

    from fer_keras.data.pipeline import training_batches
    from fer_keras.models.registry import build
    from fer_keras.training.device import find_device

    network = build(arch, precision=precision, fast=fast)
    model = keras.Model(network.inputs, network.get_layer("logits").output)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=loss, jit_compile=find_device(precision).jit_compile)
    images = np.random.default_rng(0).integers(0, 256, (batch, 48, 48), dtype=np.uint8)
    batches = training_batches(images, np.arange(batch) % 7, batch_size=batch, seed=0, augment="none")

    def run(steps: int) -> float:
        start = time.perf_counter()
        model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
        return time.perf_counter() - start

    return run


def main() -> None:
    parser = cli.Parser(description=__doc__)
    parser.add_argument("--arch", default="cnn4", choices=ARCHITECTURES)
    precisions = ("float32", "bfloat16", "float16")
    parser.add_argument("--precision", default="float32", choices=precisions)
    parser.add_argument("--stock-precision", choices=precisions, help="of Keras's own layers (default: the same)")
    parser.add_argument("--batch", type=cli.at_least_one, default=64)
    parser.add_argument("--steps", type=cli.at_least_one, default=10)
    parser.add_argument("--rounds", type=cli.at_least_one, default=5)
    arguments = parser.parse_args()
    cli.import_quietly("tensorflow")

    ways = {
        name: training_step(arguments.arch, precision, arguments.batch, fast=name == "fast")
        for name, precision in (
            ("fast", arguments.precision),
            ("stock", arguments.stock_precision or arguments.precision),
        )
    }
    for run in ways.values():
        run(3)  # traces, and warms up
    speed = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, run in ways.items():
            speed[name].append(arguments.batch * arguments.steps / run(arguments.steps))
    for name, found in speed.items():
        print(f"{name}: {statistics.median(found):8.0f} images/s ({min(found):.0f} to {max(found):.0f})")
    ratios = [fast / stock for fast, stock in zip(speed["fast"], speed["stock"], strict=True)]
    print(f"ratio: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    sys.exit(cli.guarded(main))
