#!/usr/bin/env python3
"""Say how good a run is, in numbers with their uncertainty and in figures.

python evaluate.py                                     the newest finished run, on a test split if there is one
python evaluate.py --run A --tta flip                  with test-time augmentation
python evaluate.py --run A B C --vote hard             an ensemble of runs, by majority
python evaluate.py --run A --run B --compare           side by side, with McNemar's test
python evaluate.py --predict test.csv --submission out.csv   a submission for an unlabelled file
python evaluate.py --predict photo.jpg holiday/        faces in photos of your own
"""

import sys

from fer_keras import cli
from fer_keras.evaluation.options import TTA, VOTES, Options


def parse() -> Options:
    parser = cli.Parser(prog="evaluate.py", description=__doc__, argument_default=cli.argparse.SUPPRESS)
    add, whole = parser.add_argument, cli.number(int)
    add("--run", nargs="+", action="extend", metavar="RUN", help="runs (default: the newest finished); several vote")
    add("--epoch", type=whole, metavar="N", help="the model that --save-every kept of this epoch")
    add("--data", metavar="PATH", help="a CSV or an image folder (default: what the run was trained on)")
    add(
        "--split",
        metavar="NAME",
        help="PrivateTest, PublicTest, Training, or validation: the images held out of training "
        "(default: a test, one that took no part in training if there is one; without tests validation, else Training)",
    )
    add("--tta", metavar="|".join(TTA), help="test-time augmentation: mean over views of each image (default: none)")
    add("--vote", metavar="|".join(VOTES), help="of an ensemble: mean probability or majority (default: soft)")
    add("--compare", action="store_true", help="put runs side by side instead of having them vote")
    add("--predict", nargs="+", action="extend", metavar="PATH", help="predict an unlabelled CSV, or photos")
    add("--submission", metavar="FILE", help="write the labels of --predict FILE.csv here")
    add("--columns", type=_names, metavar="ID,LABEL", help="names of the submission's columns (default: id,label)")
    add("--no-detect", dest="detect", action="store_false", help="the photos are faces already")
    add("--limit", type=whole, metavar="N", help="use only so many images (0: all)")
    add("--seed", type=whole, metavar="N", help="of the intervals and of --limit (default: 0)")
    add("--logdir", type=cli.folder, metavar="FOLDER", help="where runs are (default: logs)")
    add("--output", metavar="FOLDER", help="where to write (default: evaluation/ of the first run)")
    return Options(**cli.given(parser))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def main() -> None:
    options = parse()
    from fer_keras.evaluation import job  # not before: --help and mistakes answer without NumPy's and Keras's start

    job.run(options)


if __name__ == "__main__":
    sys.exit(cli.guarded(main))
