"""The command in a card trains again with the settings of the run."""

import shlex

import pytest

from fer_keras import cli
from fer_keras.config import MANY, Settings
from fer_keras.evaluation.card import images_said, recipe_command
from fer_keras.recipe_files import refuse_idle
from fer_keras.runs import RunConfig
from fer_keras.training.defaults import in_force


@pytest.mark.parametrize(
    ("keep", "record", "said"),
    [
        ("best", {"training": 25838, "validation": 2871}, " (25,838 images; 2,871 chose the epoch)"),
        ("last", {"training": 25838, "validation": 2871}, " (25,838 images; 2,871 held out)"),
        ("last", {"training": 28709, "validation": 0}, " (28,709 images)"),
        ("best", {}, ""),
    ],
)
def test_what_the_images_did_is_said(keep, record, said):
    assert images_said(RunConfig(Settings(keep=keep), record)) == said


def test_members_that_all_select_on_the_datas_own_split_do_so_again():
    assert "--val-fraction 0.0" in recipe_command(Settings(members=5, val_fraction=0.0))
    for other in ({}, {"members": 5, "keep": "last"}, {"members": 5, "val_fraction": 0.1}):
        assert "--val-fraction 0.0" not in recipe_command(Settings(**other))


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
        {"augment": "standard"},
        {"epochs": 0, "init_from": ("pupil 1", "pupil-2"), "keep": "last", "seed": 3},
    ],
)
def test_the_recipe_command_gives_the_same_settings_again(asked, images, monkeypatch):
    settings = in_force(Settings(**asked), set(asked), images)
    parser = cli.Parser()
    cli.add_settings(parser)
    program, script, *flags = shlex.split(recipe_command(settings))
    assert (program, script) == ("python", "train.py")
    given = cli.given_settings(parser.parse_args(flags))
    refuse_idle(given, settings)
    assert in_force(Settings(**given), set(given), images) == settings
