"""Recipes that build on others: what a recipe names under "after" is trained before it, once for each seed.

The recipe quick.json, trained with seed 0 for another, makes the run that is called quick-0; in the recipe that comes
after it, `"init_from": "quick"` and `"teachers": ["quick"]` mean that run. One that stands there already is used, and
one that was stopped is finished first: the same command goes on where it was.
"""

import dataclasses
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import Any

import keras

from fer_keras.config import Settings, check_each, flag, starts_in
from fer_keras.console import say
from fer_keras.data.prepare import load_faces
from fer_keras.errors import UserError
from fer_keras.models.catalog import DEFAULT_ARCHITECTURE
from fer_keras.recipe_files import read_after, read_settings
from fer_keras.runs import Run, one_network, open_run, read_config, run_called
from fer_keras.training import job

# What decides which images train a network and which select it: equal in all recipes of a chain.
SHARED = (
    *("data", "seed", "limit", "equalize", "drop_uniform", "drop_copies"),
    *("val_fraction", "folds", "fold", "keep", "precision"),
)

# Those of SHARED that files may not differ in where one builds on the other.
_ONE_FOR_ALL = tuple(name for name in SHARED if name not in ("seed", "fold", "keep", "precision"))


def train_before(
    recipe: Path, settings: Settings, given: dict[str, Any], *, logdir: str, command: list[str]
) -> Settings:
    """Train what `recipe` builds on, as far as it is missing, and return its settings with the names of those runs.

    settings: of the recipe, with the flags. given: the flags; those of SHARED hold for the whole chain.

    Raises:
        UserError: for a recipe that builds on itself, trains several networks, has another network than the one that
            it starts from, or names a run that nothing makes, before anything is trained; for a run of that name by
            another recipe.
    """
    _refuse_chain(recipe, settings, given, logdir)
    return _train_before(recipe, settings, given, logdir, command)


def _train_before(recipe: Path, settings: Settings, given: dict[str, Any], logdir: str, command: list[str]) -> Settings:
    names = {}
    for file in _needed(recipe, settings):
        chosen = _with_shared(file, given) | {"seed": settings.seed}
        own = Settings.from_json(chosen, str(file))
        word = f"{file.stem}-{settings.seed}"
        word += "" if own.fold is None else f"-fold-{own.fold}"
        own = _train_before(file, own, given, logdir, command)
        names[file.stem] = _trained(file, own, chosen, word, logdir, command).path.name
    return dataclasses.replace(
        settings,
        init_from=tuple(names.get(start, start) for start in settings.init_from),
        teachers=tuple(names.get(teacher, teacher) for teacher in settings.teachers),
    )


def _needed(recipe: Path, settings: Settings) -> list[Path]:
    """Return what comes before a recipe, but for a start or teachers of its file that flags have replaced."""
    own = read_settings(recipe)
    check_each(own, str(recipe))
    replaced = {*starts_in(own), *own.get("teachers", ())} - {*settings.init_from, *settings.teachers}
    return [file for file in read_after(recipe) if file.stem not in replaced]


def _refuse_chain(
    recipe: Path, settings: Settings, given: dict[str, Any], logdir: str, after: tuple[Path, ...] = ()
) -> None:
    """Refuse circles, runs that nothing makes and what is unfit, in a recipe and in all that comes before it."""
    files, path = _needed(recipe, settings), (*after, recipe.resolve())
    for file in files:
        if file.resolve() in path:
            raise UserError(f'{recipe}: "after": {file} builds on itself. Leave it out')
        _refuse_chain(file, Settings.from_json(_with_shared(file, given), str(file)), given, logdir, path)
    if files:
        asked = {*read_settings(recipe), *(() if after else given)}
        _refuse_unfit(recipe, settings, files, given)
        _refuse_other_networks(recipe, settings, files, asked, logdir)
    made = {file.stem for file in files}
    named = [("--init-from", name) for name in settings.init_from]
    named += [("--teachers", name) for name in settings.teachers]
    for by, name in named:
        if name not in made:
            one_network(by, name, logdir)
    if settings.drop_disputed is not None:
        open_run(settings.drop_disputed, logdir)


def _with_shared(file: Path, given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a recipe, with those flags that hold for the whole chain."""
    return read_settings(file) | {name: value for name, value in given.items() if name in SHARED}


def _refuse_unfit(recipe: Path, settings: Settings, files: list[Path], given: dict[str, Any]) -> None:
    """Refuse what could not be trained after the others, hours later.

    given: the flags, of which those of SHARED hold for the others too.
    """
    if settings.networks > 1:
        many = "--members" if settings.members > 1 else "--folds without --fold"
        raise UserError(
            f"{recipe} builds on other runs, whose validation part it shares: expected one network, received {many}. "
            f"Train it by each --seed, or each --fold, by itself"
        )
    for file in files:
        if file.stem in (*settings.init_from, *settings.teachers):
            _refuse_other_images(recipe, settings, file, given)


def _refuse_other_networks(
    recipe: Path, settings: Settings, files: list[Path], asked: Collection[str], logdir: str
) -> None:
    """Refuse starts of other networks than the recipe's, or than the first of them. asked: names of its settings."""
    starts = {name: _arch_of_start(name, files, logdir) for name in settings.init_from}
    expected = settings.arch if "arch" in asked else next(iter(starts.values()), None)
    for name, arch in starts.items():
        if arch == expected:
            continue
        of = next((file.name for file in files if file.stem == name), name)
        if len(starts) == 1:
            raise UserError(f"{recipe}: expected --arch {arch}, as {of} has it, received {expected}")
        raise UserError(f"{recipe}: expected starts of one network, {expected}, received {of} of {arch}")


def _refuse_other_images(recipe: Path, settings: Settings, file: Path, given: dict[str, Any]) -> None:
    """Refuse a start or a teacher that is several networks, or that sees other images than its pupil."""
    own = Settings.from_json(_with_shared(file, given), str(file))
    if own.networks > 1:
        raise UserError(f"{recipe}: expected one network of {file.name}, received a recipe of {own.networks}")
    for name in _ONE_FOR_ALL:
        theirs, ours = getattr(own, name), getattr(settings, name)
        if theirs != ours:
            raise UserError(
                f"{recipe}: expected the {flag(name)} of {file.name}, which is {theirs}, received {ours}. "
                f"Give the two the same, or one flag for both"
            )


def _arch_of(recipe: Path, logdir: str) -> str:
    """Return the network of a recipe: the one it names, or that of the first whose weights it starts from."""
    values = read_settings(recipe)
    starts = starts_in(values)
    if "arch" in values or not starts:
        return values.get("arch", DEFAULT_ARCHITECTURE)
    return _arch_of_start(starts[0], read_after(recipe), logdir)


def _arch_of_start(name: str, files: list[Path], logdir: str) -> str:
    """Return the network of what a recipe starts from. files: what is trained before it; else it is a run there is."""
    for file in files:
        if file.stem == name:
            return _arch_of(file, logdir)
    return read_config(one_network("--init-from", name, logdir)).settings.arch


def _trained(file: Path, settings: Settings, chosen: dict[str, Any], word: str, logdir: str, command: list[str]) -> Run:
    """Return the finished run that is called `word`: the one there is, gone on with if need be, or a new one."""
    run = run_called(word, logdir)
    if run is not None:
        _refuse_other_recipe(run, file, settings, chosen, logdir)
        if run.finished:
            say(f"{file.name}: {run.path} stands there already")
            return run
    say(f"{file.name}, which comes first: {'going on with ' + str(run.path) if run else 'training'}\n")
    again = shlex.join(["python", *command])  # finishes this run, and trains what comes after it
    if run is None:
        run = job.start(settings, logdir=logdir, name=word, command=command, given=chosen, go_on=again)
    else:
        run = job.resume(str(run.path), logdir=logdir, data=settings.data, command=command, go_on=again)
    keras.utils.clear_session()
    say("")
    return run


def _refuse_other_recipe(run: Run, file: Path, settings: Settings, chosen: dict[str, Any], logdir: str) -> None:
    config = read_config(run)
    expected = job.as_recorded(settings, chosen, config.data.get("training", 0), logdir)
    recorded = config.settings.to_json()
    for name, ours in expected.to_json().items():
        theirs = recorded[name]
        if name == "data" or (name == "precision" and name not in chosen):
            continue  # told by the content, and as the machine has it
        if theirs != ours:
            raise UserError(
                f"{run.path}: expected a run by {file}, with {flag(name)} {ours}, received one with {theirs}. "
                f"Move it elsewhere, or give it another name"
            )
    faces = load_faces(expected.data, limit=expected.limit, seed=settings.seed)
    if faces.sha256 != config.data["sha256"]:
        raise UserError(
            f"{run.path}: expected a run by {file} on {faces.source} as it is now, received one on other data "
            f"({config.data['source']}, SHA-256 {config.data['sha256'][:12]}...). Move it elsewhere"
        )
