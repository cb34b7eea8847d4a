import json
from pathlib import Path

import pytest

from fer_keras.config import Settings
from fer_keras.errors import UserError
from fer_keras.recipe_files import (
    read_settings,
    refuse_early_stop,
    refuse_idle,
    without_other_rates,
    without_training,
)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"optimizer": "sgd"}, "--epochs 0 trains nothing: expected no --optimizer"),
        ({"save_every": 2}, "--epochs 0 trains nothing: expected no --save-every"),
        ({"keep": "best"}, "--epochs 0 has one network to keep, and nothing to choose by: expected no --keep best"),
    ],
)
def test_what_has_no_part_in_a_run_of_no_epochs_is_refused(asked, said):
    start = {"epochs": 0, "init_from": ("a", "b")}
    refuse_idle(start | {"keep": "last", "seed": 3, "val_fraction": 0.1}, Settings(**start))
    nothing = {"coarse_epochs": 0, "members": 1, "rollback": False, "teachers": (), "augment": "none"}
    refuse_idle(start | nothing, Settings(**start | nothing))
    with pytest.raises(UserError) as refused:
        refuse_idle(start | asked, Settings(**start | asked))
    assert str(refused.value) == said


def test_a_recipe_that_a_flag_makes_one_of_no_epochs_keeps_what_has_a_part_in_it():
    images = {"data": "x.csv", "equalize": True, "val_fraction": 0.1}
    values = images | {"coarse_epochs": 20, "teachers": ["a"], "folds": 5, "members": 5, "keep": "best"}
    assert without_training(values, ["epochs"], "x.json") == images
    assert without_training({"folds": 5, "fold": 1}, ["epochs"], "x.json") == {"folds": 5, "fold": 1}
    assert without_training({"folds": 5}, ["epochs", "fold"], "x.json") == {"folds": 5}
    assert without_training({"data": "auto", "init_from": None}, ["epochs"], "x.json") == {"init_from": None}
    for wrong, said in (
        ({"limt": 9}, r"x\.json: no key 'limt'"),
        ({"augment": "bogus"}, r"x\.json: --augment"),
        ({"init_from": 3}, r"x\.json: --init-from"),
    ):
        with pytest.raises(UserError, match=said):
            without_training(wrong, ["epochs"], "x.json")


def test_a_rate_of_the_files_optimizer_is_none_of_the_one_that_a_flag_names():
    muon = {"optimizer": "muon", "learning_rate": 0.1, "weight_decay": 0.005, "epochs": 3}
    assert without_other_rates(muon, {"optimizer": "adam"}) == {"optimizer": "muon", "epochs": 3}
    assert without_other_rates(muon, {"optimizer": "muon"}) == without_other_rates(muon, {"epochs": 2}) == muon
    assert without_other_rates(muon, {"optimizer": "sgd"}) == muon  # of one scale: docs/results.md compares them so
    unnamed = {"learning_rate": 0.002}  # Adam's, as Settings has it
    assert without_other_rates(unnamed, {"optimizer": "adam"}) == unnamed
    assert without_other_rates(unnamed, {"optimizer": "sgd"}) == {}
    for own, other, decay in (("adam", "adamw", 0.0), ("adamw", "adam", 0.004)):  # which is all that they differ by
        recorded = {"optimizer": own, "learning_rate": 0.002, "weight_decay": decay}
        assert without_other_rates(recorded, {"optimizer": other}) == {"optimizer": own, "learning_rate": 0.002}
        assert without_other_rates(recorded, {"optimizer": own}) == recorded


def test_a_recipe_and_a_runs_config_both_give_settings(tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"about": "quick", "epochs": 3}')
    assert read_settings(recipe) == {"epochs": 3}
    config = tmp_path / "config.json"
    config.write_text('{"format": 1, "settings": {"epochs": 4}, "emotions": [], "data": {}}')
    assert read_settings(config) == Settings(epochs=4).to_json()  # all of them, later ones too


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b"1" * 5000, b"[" * 100_000])
def test_a_file_that_is_no_json_object_is_refused_by_name(tmp_path, content):
    path = tmp_path / "broken.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken\.json: expected"):
        read_settings(path)


def test_a_missing_settings_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(UserError, match="no file"):
        read_settings(tmp_path / "none.json")
    with pytest.raises(UserError, match="received a folder"):
        read_settings(tmp_path)


@pytest.mark.parametrize("recipe", sorted(Path(__file__).parents[1].glob("configs/*.json")), ids=lambda path: path.stem)
def test_every_recipe_in_the_box_is_whole_and_says_what_it_costs_and_gives(recipe):
    assert Settings.from_json(read_settings(recipe), recipe.name) != Settings()
    about = json.loads(recipe.read_text())["about"]
    assert set(about) >= {"what", "command", "machine", "time", "accuracy"}
    assert f"--config configs/{recipe.name}" in about["command"]


def test_an_early_stop_asked_for_beside_the_last_epoch_is_refused(tmp_path):
    recipe = tmp_path / "recipe.json"
    recipe.write_text('{"keep": "last", "early_stop": 5}')
    with pytest.raises(UserError, match=r"recipe.json: --keep last .*: expected no --early-stop \(or 0\)"):
        read_settings(recipe)
    with pytest.raises(UserError, match=r"^--keep last trains to the last epoch"):
        refuse_early_stop({"early_stop": 5}, keep="last")
    refuse_early_stop({"early_stop": 5})
    refuse_early_stop({"early_stop": 0}, keep="last")


@pytest.mark.parametrize("optimizer", [["adam"], {"name": "adam"}, 3])
def test_an_optimizer_that_is_no_name_is_left_to_be_refused(optimizer):
    values = {"optimizer": optimizer, "learning_rate": 0.1}
    with pytest.raises(UserError, match="--optimizer: expected a text"):
        Settings.from_json(without_other_rates(values, {"epochs": 3}), "recipe.json")
