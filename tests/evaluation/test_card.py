"""The command in a card trains again with the settings of the run."""

import shlex

import pytest

from fer_keras import cli
from fer_keras.config import MANY, Settings
from fer_keras.evaluation.card import recipe_command
from fer_keras.training.defaults import in_force


@pytest.mark.parametrize("images", [MANY, MANY - 1])
@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"arch": "cnn4", "epochs": 30, "optimizer": "adam", "batch_size": 64, "label_smoothing": 0.0},
        {"learning_rate": 0.03, "weight_decay": 0.0, "coarse_epochs": 0, "rollback": True, "dropout": 0.0},
        {"data": "my faces/all.csv", "members": 3, "val_fraction": 0.125},
        {"teachers": ("logs/my first", "logs/b"), "teacher_weight": 1.0, "arch": "cnn4"},
        {"keep": "last"},
    ],
)
def test_therecipe_command_gives_the_same_settings_again(asked, images, monkeypatch):
    settings = in_force(Settings(**asked), set(asked), images)
    parser = cli.Parser()
    cli.add_settings(parser)
    program, script, *flags = shlex.split(recipe_command(settings))
    assert (program, script) == ("python", "train.py")
    given = cli.given_settings(parser.parse_args(flags))
    assert in_force(Settings(**given), set(given), images) == settings
