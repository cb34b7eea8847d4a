#!/usr/bin/env python3
"""Train a network that reads facial expressions, into a new run under logs/.

python train.py                                       the default network on the data there are
python train.py --data data/fer2013.csv --epochs 50   FER2013: train on Training, select on PublicTest
python train.py --arch cnn4 --epochs 30               a small network, quick on a CPU
python train.py --members 5                           an ensemble
python train.py --config configs/standard.json        a recipe, and before it those that it builds on
python train.py --resume logs/20260101-120000-vgg25   go on where a run was stopped

Defaults "from 10,000 training images on" are for networks that learn from scratch; with --init-from the first holds.
"""

import sys
from pathlib import Path

from fer_keras import cli
from fer_keras.config import Settings, check_run_name, flag
from fer_keras.errors import UserError
from fer_keras.recipe_files import (
    read_after,
    read_settings,
    refuse_early_stop,
    refuse_idle,
    without_other_rates,
    without_training,
)


def parse() -> cli.argparse.Namespace:
    parser = cli.Parser(prog="train.py", description=__doc__)
    parser.add_argument("--config", metavar="FILE", help="settings from a JSON file; flags win over it")
    parser.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped, with its own settings")
    parser.add_argument("--name", type=check_run_name, help="a word to add to the name of the run's folder")
    parser.add_argument(
        "--logdir", type=cli.folder, default="logs", metavar="FOLDER", help="where runs go (default: logs)"
    )
    cli.add_settings(parser)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    from fer_keras.files import expanded  # not before: --help answers without NumPy's start

    given = cli.given_settings(arguments)
    if arguments.config is not None:
        arguments.config = str(expanded(arguments.config))
    if arguments.resume is not None:
        refused = [flag(name) for name in given if name != "data"]
        refused += [f"--{name}" for name in ("config", "name") if getattr(arguments, name) is not None]
        if refused:
            raise UserError(f"--resume goes on with the run's own settings: expected no {refused[0]}. Leave it out")
    else:
        from_file = read_settings(arguments.config) if arguments.config else {}
        if arguments.config and given.get("epochs") == 0:
            from_file = without_training(from_file, given, arguments.config)
        chosen = {**without_other_rates(from_file, given), **given}
        settings = Settings.from_json(chosen, arguments.config)
        refuse_early_stop(given, keep=settings.keep)
        refuse_idle(given, settings)
        builds_on = read_after(arguments.config) if arguments.config else []

    cli.import_quietly("tensorflow")  # not before: --help and mistakes answer without it
    from fer_keras.training import job

    if arguments.resume is not None:
        job.resume(arguments.resume, logdir=arguments.logdir, data=given.get("data"), command=sys.argv)
        return
    if builds_on:
        from fer_keras.training.chain import train_before

        settings = train_before(Path(arguments.config), settings, given, logdir=arguments.logdir, command=sys.argv)
    job.start(settings, logdir=arguments.logdir, name=arguments.name, command=sys.argv, given=chosen)


if __name__ == "__main__":
    sys.exit(cli.guarded(main))
