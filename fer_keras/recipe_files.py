"""Recipes: settings in JSON files, and what may stand in one or be asked for beside it on the command line."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from fer_keras.config import DEFAULT_LEARNING_RATE, WITHOUT_EPOCHS, Settings, check_each, flag, read_json_object
from fer_keras.errors import UserError

_ASKS_FOR_NOTHING = (0, None, (), "none")


def read_settings(path: Path | str) -> dict[str, Any]:
    """Return the settings in a JSON file as a dictionary: a recipe of one's own, or the config.json of a run.

    The keys "about", for people, and "after" (see `read_after`) are passed over. UserError for a file that is missing
    or not a JSON object, or one that asks for the last epoch and for an early stop.
    """
    values = read_json_object(path)
    if isinstance(of_run := values.get("settings"), dict):  # all of them, those too that the run's version had not yet
        return Settings.from_json(of_run, str(path)).to_json()
    refuse_early_stop(values, file=path)
    return {key: value for key, value in values.items() if key not in ("about", "after")}


def read_after(path: Path | str) -> list[Path]:
    """Return the recipes that the one at `path` builds on: the files, in its folder, that its key "after" names.

    UserError for anything but a list of names of files that are there.
    """
    names = read_json_object(path).get("after", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f'{path}: "after": expected a list of file names, received {names!r}')
    files = [Path(path).parent / name for name in names]
    for file in files:
        if not file.is_file():
            raise UserError(f'{path}: "after": no file {file}. Expected a recipe in the same folder')
    return files


def without_training(values: dict[str, Any], given: Collection[str], source: str) -> dict[str, Any]:
    """Return those settings of a recipe's file that have a part in a run of no epochs, where a flag has made it one.

    given: the names of the flags' settings. source: the file to name. UserError for unknown keys and for wrong values,
    of settings that have no part too.
    """
    check_each(values, source)
    parts = WITHOUT_EPOCHS - {"keep"}
    if values.get("fold") is None and "fold" not in given:
        parts -= {"folds"}
    if values.get("data") == "auto":  # what a recorded run has where nobody named any
        parts -= {"data"}
    return {name: value for name, value in values.items() if name in parts}


def without_other_rates(values: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Return a file's settings without the learning rate and weight decay of its optimizer, where a flag names one that
    takes others: Muon's and SGD's 0.1 is a hundred times Adam's, and a weight decay is all that AdamW differs by.
    given: the flags' settings.
    """
    own = values.get("optimizer", Settings.optimizer)
    if not isinstance(own, str):  # refused where the settings are made
        return values
    named = given.get("optimizer", own)
    theirs = []
    if DEFAULT_LEARNING_RATE.get(named) != DEFAULT_LEARNING_RATE.get(own):
        theirs = ["learning_rate", "weight_decay"]
    elif named != own and {named, own} & {"adam", "adamw"}:
        theirs = ["weight_decay"]
    return {name: value for name, value in values.items() if name not in theirs}


def refuse_early_stop(asked: dict[str, Any], *, keep: str = "best", file: Path | str | None = None) -> None:
    """Raise UserError if what was asked for in one place stops early a run that is to keep its last epoch.

    keep: what holds where `asked` does not say. file: where it was asked; None: on the command line.
    """
    if asked.get("keep", keep) == "last" and asked.get("early_stop"):
        where = "" if file is None else f"{file}: "
        raise UserError(f"{where}--keep last trains to the last epoch: expected no --early-stop (or 0)")


def refuse_idle(asked: dict[str, Any], settings: Settings) -> None:
    """Raise UserError if the command line asks for what has no part in a run with these settings.

    Not for `Settings` to say: a recorded run has a value in every field, and may be trained anew without that part.
    """
    for name, value in asked.items():
        if name not in settings.idle:
            continue
        if not settings.epochs:
            if value in _ASKS_FOR_NOTHING or (name == "members" and value == 1):
                continue
            raise UserError(f"--epochs 0 trains nothing: expected no {flag(name)}")
        if name == "warmup_epochs":
            raise UserError("--warmup-epochs: --schedule one-cycle is its own warm-up. Leave one of them out")
        raise UserError(f"{flag(name)} is of the fine-tuning phase: expected --fine-tune-epochs too")
    if not settings.epochs and asked.get("keep") == "best":
        raise UserError("--epochs 0 has one network to keep, and nothing to choose by: expected no --keep best")
