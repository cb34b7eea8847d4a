#!/usr/bin/env python3
"""Saliency maps and LIME explanations a second: this project against tf-keras-vis and lime, in turn.

    python benchmarks/explanations.py --arch vgg25

Saliency: |d logit / d pixel| of the predicted emotion of drawn faces, by `explain.gradients.Saliency` and by
tf_keras_vis.saliency.Saliency, at the same batch sizes; LIME: `explain.lime_images` and a plain call of lime's
`explain_instance` with the same superpixels and number of samples. The peers take turns
in one process; the ratio is the figure to quote. Both get TensorFlow with the same settings.
"""

import contextlib
import io
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fer_keras import cli
from fer_keras.models.catalog import ARCHITECTURES

BATCHES = (16, 32, 64, 128)
LIME_FACES = 4


def saliency_peers(model, faces, batch: int) -> dict[str, Callable]:
    """Return by name a function without arguments that makes the saliency maps (N, 48, 48) of all faces."""
    import numpy as np
    from tf_keras_vis.saliency import Saliency as TheirSaliency
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    from fer_keras.explain.gradients import Saliency

    ours = Saliency(model, batch_size=batch)
    theirs = TheirSaliency(model, model_modifier=ReplaceToLinear(), clone=True)
    targets = model.predict(faces[..., None], verbose=0).argmax(axis=1)

    def by_theirs():
        maps = []
        for start in range(0, len(faces), batch):
            part = slice(start, start + batch)
            score = CategoricalScore(targets[part].tolist())
            maps.append(theirs(score, faces[part, ..., None].astype("float32"), normalize_map=False))
        return np.concatenate(maps)

    return {"fer_keras": lambda: ours.explain(faces), "tf-keras-vis": by_theirs}


def lime_peers(model, faces, samples: int) -> dict[str, Callable]:
    """Return by name a function without arguments that explains every face by LIME, on the same superpixels."""
    from lime.lime_image import LimeImageExplainer

    from fer_keras.explain.lime_images import Lime, superpixels

    ours = Lime(model, num_samples=samples)
    theirs = LimeImageExplainer(random_state=0)

    def predict(images):
        return model.predict(images[..., :1], verbose=0)

    def explain_one(face):
        segments = superpixels(face)
        theirs.explain_instance(
            face.astype("double"), predict, top_labels=1, num_samples=samples, segmentation_fn=lambda _: segments
        )

    def by_theirs():
        with contextlib.redirect_stderr(io.StringIO()):  # its progress bars
            for face in faces:
                explain_one(face)

    return {"fer_keras": lambda: ours.explanations(faces), "lime": by_theirs}


def take_turns(ways: dict[str, Callable], count: int, rounds: int) -> dict[str, list[float]]:
    """Return by name the faces a second of each round, after one round that is not counted."""
    speed = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, run in ways.items():
            start = time.perf_counter()
            run()
            if round_:
                speed[name].append(count / (time.perf_counter() - start))
    return speed


def report(title: str, ways: dict[str, Callable], count: int, rounds: int) -> None:
    """Print the faces a second of each of two ways, and the ratio of the first to the second."""
    speed = take_turns(ways, count, rounds)
    print(title)
    for name, found in speed.items():
        print(f"  {name:<14} {statistics.median(found):8.2f} faces/s ({min(found):.2f} to {max(found):.2f})")
    ours, theirs = speed.values()
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    print(f"  {'ratio':<14} {statistics.median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})", flush=True)


def main() -> None:
    parser = cli.Parser(description=__doc__)
    parser.add_argument("--arch", default="vgg25", choices=ARCHITECTURES, help="a network with its initial weights")
    parser.add_argument("--faces", type=cli.at_least_one, default=256, help="for saliency; LIME explains four")
    parser.add_argument("--samples", type=cli.at_least_one, default=500, help="of LIME")
    parser.add_argument("--rounds", type=cli.at_least_one, default=3)
    arguments = parser.parse_args()
    cli.import_quietly("tf_keras_vis")

    from fer_keras.data.synthetic import synthetic_faces
    from fer_keras.models.registry import build

    model = build(arguments.arch)
    faces = synthetic_faces(training=arguments.faces, public=0, private=0).images
    for batch in BATCHES:
        ways = saliency_peers(model, faces, batch)
        report(f"saliency, batches of {batch}", ways, len(faces), arguments.rounds)
    report("LIME", lime_peers(model, faces[:LIME_FACES], arguments.samples), LIME_FACES, arguments.rounds)


if __name__ == "__main__":
    sys.exit(cli.guarded(main))
