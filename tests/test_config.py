import dataclasses
import json

import pytest

from fer_keras.config import Settings, check_run_name
from fer_keras.errors import UserError


def test_settings_survive_json():
    settings = Settings(
        arch="cnn4", learning_rate=0.003, rollback=True, dropout=None, init_from=("logs/a",), teachers=("a", "b")
    )
    text = json.dumps(settings.to_json())
    assert Settings.from_json(json.loads(text), "test") == settings


def test_one_start_may_stand_by_itself_and_null_for_none():
    def starts(value):
        return Settings.from_json({"init_from": value}, "test").init_from

    assert starts("a") == ("a",) and starts(["a", "b"]) == ("a", "b") and starts(None) == starts([]) == ()


def test_a_whole_number_will_do_for_a_number():
    assert Settings.from_json({"learning_rate": 1}, "test").learning_rate == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"epochz": 3}, "no key 'epochz'. Did you mean 'epochs'?"),
        ({"epochs": -1}, "--epochs: expected a whole number of at least 0, received -1"),
        ({"epochs": 0}, "--epochs: expected a whole number of at least 1, or --init-from too, received 0"),
        ({"epochs": 0, "init_from": "a", "teachers": ["b"]}, "--epochs 0 trains nothing: expected no --teachers"),
        ({"epochs": 0, "init_from": "a", "fine_tune_epochs": 2}, "trains nothing: expected no --fine-tune-epochs"),
        ({"epochs": 0, "init_from": "a", "members": 2}, "--epochs 0 trains nothing: expected no --members"),
        ({"epochs": 0, "init_from": "a", "folds": 2}, "trains nothing: expected no --folds without --fold"),
        ({"epochs": 0, "init_from": "a", "drop_disputed": "b"}, "trains nothing: expected no --drop-disputed"),
        (
            {"coarse_epochs": 2, "arch": "cnn4"},
            "--coarse-epochs: cnn4 takes 48x48 images alone. Expected 0, or --arch vgg25",
        ),
        ({"coarse_epochs": 6, "epochs": 5}, "--coarse-epochs: expected at most the 5 of --epochs, received 6"),
        ({"mixup": -0.1}, "--mixup: expected a number of at least 0, received -0.1"),
        ({"mixup": 0.001}, "--mixup: expected 0, or a number of at least 0.01, received 0.001"),
        ({"seed": 10**30}, "--seed: expected a whole number of at most 4294967295, received a larger one"),
        ({"epochs": "3"}, "--epochs: expected a whole number, received '3'"),
        ({"epochs": 3.5}, "--epochs: expected a whole number, received 3.5"),
        ({"epochs": True}, "--epochs: expected a whole number, received True"),
        ({"epochs": None}, "--epochs: expected a whole number, received None"),
        ({"epochs": 10**5000}, "--epochs: expected a whole number of at most 4294967296, received a larger one"),
        ({"batch_size": -1}, "at least 1, received -1"),
        ({"learning_rate": 0}, "--learning-rate: expected a number above 0, received 0"),
        ({"learning_rate": float("inf")}, "received inf"),
        ({"dropout": 1.0}, "--dropout: expected a number of at least 0 and below 1, received 1.0"),
        ({"rollback": 1}, "--rollback: expected true or false, received 1"),
        ({"augment": "hard"}, "Expected one of: none, light, standard, strong"),
        ({"arch": "vgg52"}, "Did you mean 'vgg25'?"),
        ({"seed": 2**32}, "--seed: expected a whole number of at least 0 and at most 4294967295, received 4294967296"),
        ({"seed": 2**32 - 2, "members": 3}, "--seed: member 3 would have a seed above 4294967295"),
        ({"init_from": " "}, "--init-from: expected a run's folder, received an empty name"),
        ({"init_from": ["a", ""]}, "--init-from: expected a run's folder, received an empty name"),
        ({"init_from": 3}, "--init-from: expected a list of texts, received 3"),
        ({"init_from": ["a", 3]}, "--init-from: expected a list of texts, received ['a', 3]"),
        ({"drop_disputed": ""}, "--drop-disputed"),
        ({"teachers": ["a", ""]}, "--teachers: expected a run's folder, received an empty name"),
        ({"teachers": None}, "--teachers: expected a list of texts, received None"),
        ({"teachers": "a"}, "--teachers: expected a list of texts, received 'a'"),
        ({"teachers": ["a", 3]}, "--teachers: expected a list of texts, received ['a', 3]"),
        ({"epochs": [3]}, "--epochs: expected a whole number, received [3]"),
        ({"teacher_weight": 0}, "--teacher-weight: expected a number above 0 and at most 1, received 0"),
        ({"teacher_weight": 1.1}, "--teacher-weight: expected a number above 0 and at most 1, received 1.1"),
        ({"teacher_weight": 0.5}, "--teacher-weight is the share of what --teachers say: expected --teachers too"),
        ({"keep": "first"}, "--keep: no 'first'. Expected one of: best, last"),
        ({"keep": "last", "rollback": True}, "--keep last lets no validation image decide: expected no --rollback"),
        ({"keep": "last", "schedule": "plateau"}, "expected another --schedule than plateau"),
        ({"folds": 1}, "--folds: expected 2 or more"),
        ({"fold": 0}, "--fold says which part of --folds validates: expected --folds too"),
        ({"folds": 3, "fold": 3}, "--fold: expected 0 to 2 with --folds 3, received 3"),
        ({"folds": 3, "members": 2}, "expected no --members (or 1)"),
        ({"folds": 3, "val_fraction": 0.1}, "expected no --val-fraction (or 0)"),
    ],
)
def test_wrong_settings_are_refused_with_the_reason(values, said):
    with pytest.raises(UserError) as refused:
        Settings.from_json(values, "recipe.json")
    assert said in str(refused.value) and str(refused.value).startswith("recipe.json: ")


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().epochs = 3


@pytest.mark.parametrize("name", ["", "a/b", "../x", ".hidden", "a b", "x" * 65, "pretrained"])
def test_names_that_make_no_folder_are_refused(name):
    with pytest.raises(UserError, match="--name"):
        check_run_name(name)


def test_flags_win_over_a_file_before_the_two_are_judged_together():
    file = {"coarse_epochs": 60, "keep": "last", "schedule": "plateau", "fold": 1, "teacher_weight": 0.5}
    flags = {"epochs": 100, "schedule": "cosine", "folds": 5, "teachers": ("a",)}
    settings = Settings.from_json({**file, **flags}, "recipe.json")
    assert (settings.coarse_epochs, settings.schedule, settings.fold, settings.teachers) == (60, "cosine", 1, ("a",))
    with pytest.raises(UserError, match=r"^recipe\.json: --coarse-epochs"):
        Settings.from_json(file, "recipe.json")
    with pytest.raises(UserError, match=r"^--epochs"):
        Settings.from_json({"epochs": 0}, None)
