#!/usr/bin/env python3
"""Show what a network looks at, and what its layers respond to, in pictures under the run's explanations/.

python visualize.py                                  the newest finished run: saliency, activation, outputs, lime
python visualize.py --layer conv2d_24                one layer's filters and feature maps
python visualize.py --method saliency grad-cam --score   how good these explanations are, in numbers
python visualize.py --method grad-cam regions        where grad-cam lies, by the parts of the face
python visualize.py --method activation --layer logits   the face of each emotion, as the network has it
python visualize.py --run pretrained --photo me.jpg   what it looks at in your face
python visualize.py --model other.keras --data data/fer2013.csv   a network made elsewhere
"""

import sys

from fer_keras import cli
from fer_keras.explanations.methods import (
    ALL,
    DEFAULT_METHODS,
    DEFAULT_METHODS_OF_PHOTOS,
    METHODS,
    SEGMENTATIONS,
    STYLES,
)
from fer_keras.explanations.options import Options


def parse() -> Options:
    epilog = "methods:\n" + "\n".join(f"  {name:<21} {about}" for name, about in METHODS.items())
    parser = cli.Parser(prog="visualize.py", description=__doc__, epilog=epilog, argument_default=cli.argparse.SUPPRESS)
    add, whole = parser.add_argument, cli.number(int)
    add("--run", metavar="RUN", help="the run to explain (default: the newest finished)")
    add("--epoch", type=whole, metavar="N", help="the model that --save-every kept of this epoch")
    add("--model", metavar="FILE", help="a network in Keras's format that another program made, not a run")
    add("--data", metavar="PATH", help="a CSV or an image folder (default: what the run was trained on)")
    add(
        "--split",
        metavar="NAME",
        help="PublicTest, PrivateTest, Training or validation (default: one that was not trained on, if any)",
    )
    add(
        "--photo",
        nargs="+",
        action="extend",
        metavar="PATH",
        help="explain the faces in these photos, or folders of them; several in one are numbered from the left",
    )
    add("--no-detect", dest="detect", action="store_false", help="the photos are faces already")
    add("--layer", metavar="NAME", help="the layer to look at (default: the last convolution)")
    add(
        "--method",
        nargs="+",
        action="extend",
        metavar="NAME",
        help=f"what to do, see below; {ALL} for everything (default: {' '.join(DEFAULT_METHODS)}; "
        f"of photos {' '.join(DEFAULT_METHODS_OF_PHOTOS)})",
    )
    add("--score", action="store_true", help="say how good the attributions are too: the method scores")
    add("--per-class", type=whole, metavar="N", help="images of each emotion and of each frequent mistake (default: 5)")
    add(
        "--index",
        nargs="+",
        action="extend",
        type=whole,
        metavar="I",
        help="these images too, by number (with --limit: in what it leaves); of outputs and comparison these alone",
    )
    add("--filters", type=whole, metavar="N", help="the first N filters of the layer (default: 10)")
    add("--filter", nargs="+", action="extend", type=whole, metavar="F", help="these filters instead")
    add("--channels", type=whole, metavar="N", help="channels of each layer in outputs/ (default: 5)")
    add("--style", metavar="|".join(STYLES), help="of activation maximisation (default: robust)")
    add("--lime-samples", type=whole, metavar="N", help="perturbed images of each image (default: 500)")
    add("--lime-segments", metavar="|".join(SEGMENTATIONS), help="how superpixels are made (default: slic)")
    add("--lime-top-labels", type=whole, metavar="N", help="explain the N most probable emotions (default: 1)")
    add("--lime-positive-only", action="store_true", help="show what speaks for the emotion alone")
    add("--limit", type=whole, metavar="N", help="use only so many images of the split (0: all)")
    add("--seed", type=whole, metavar="N", help="of every choice at random (default: 0)")
    add("--force", action="store_true", help="do finished methods again")
    add("--logdir", type=cli.folder, metavar="FOLDER", help="where runs are (default: logs)")
    add("--output", type=cli.folder, metavar="FOLDER", help="where to write (default: explanations/ of the run)")
    return Options(**cli.given(parser))


def main() -> None:
    options = parse()
    from fer_keras.explanations.target import find_target  # not before: --help and mistakes answer without NumPy

    target = find_target(options)
    cli.import_quietly()
    from fer_keras.explanations import job

    job.explain_target(target, options)


if __name__ == "__main__":
    sys.exit(cli.guarded(main))
