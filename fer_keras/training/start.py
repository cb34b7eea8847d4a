"""The network that a run starts from (`--init-from`): that of another run, or the mean of the weights of several.

Networks that have gone on apart from one start often lie in one valley of the loss: the mean of their weights then has
most of what their vote has, at the cost of one network: Wortsman et al., "Model soups", 2022 (arXiv:2203.05482).
Between networks of different starts there is a barrier, and their mean is of no use: Frankle et al., "Linear Mode
Connectivity and the Lottery Ticket Hypothesis", 2020 (arXiv:1912.05671). Whether there is one is measured, and said.
"""

import dataclasses
from collections.abc import Collection

import keras
import numpy as np

from fer_keras.config import PRETRAINED, Settings
from fer_keras.console import say
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import at_hand
from fer_keras.errors import UserError
from fer_keras.files import is_there
from fer_keras.inference import predict_probabilities
from fer_keras.metrics import log_loss
from fer_keras.models.catalog import DEFAULT_ARCHITECTURE
from fer_keras.models.files import open_model
from fer_keras.models.registry import copy_weights, weights_by_path
from fer_keras.runs import Run, limit_seed, one_network, read_config
from fer_keras.same_network import refuse_same_network
from fer_keras.training.calibration import calibrate_batch_norm, calibration_places, normalisations

BARRIER = 1.05  # a loss that is more than so many times another is worse; a mean worse than each has crossed one


def with_starting_network(settings: Settings, given: Collection[str], logdir: str) -> Settings:
    """Return the settings with the network of the runs whose weights are the start, unless another was asked for."""
    if not settings.init_from or settings.arch != DEFAULT_ARCHITECTURE or "arch" in given:
        return settings
    return dataclasses.replace(settings, arch=read_config(_starts(settings, logdir)[0]).settings.arch)


def with_starting_data(settings: Settings, given: Collection[str], logdir: str) -> Settings:
    """Return the settings with the data of the first of the starts, where nothing is trained and no data are named.

    A mean has its batch statistics from the data that its networks have learned, limited and cleaned alike, not from
    whatever lies at hand; a part that they held out is among them. The shipped run was trained elsewhere: without its
    data at hand it gets what `--data auto` finds. UserError if those of another are gone, or others now.
    """
    if settings.epochs or not settings.init_from or settings.data != "auto" or "data" in given:
        return settings
    first = _starts(settings, logdir)[0]
    config = read_config(first)
    source, theirs = config.source, config.settings
    if at_hand(source, config.data["sha256"], limit=theirs.limit) is not None:
        same = {name: getattr(theirs, name) for name in ("limit", "drop_uniform", "drop_copies")}
        same["seed"] = limit_seed(first, config) if theirs.limit else settings.seed
        return dataclasses.replace(settings, data=source, **{k: v for k, v in same.items() if k not in given})
    if first.path.name == PRETRAINED:
        return settings
    found = "others" if is_there(source) else "none"
    raise UserError(
        f"--epochs 0: expected the data that {settings.init_from[0]} was trained on at {source}, found {found}. "
        f"Give them with --data PATH"
    )


def refuse_unfit_start(settings: Settings, logdir: str) -> None:
    """Raise UserError if the weights that the run starts from are missing, damaged, or another network's.

    Where the network stays as it starts, its runs must have seen the pixels that the new one says it sees.
    """
    runs = _starts(settings, logdir)
    for run, name in zip(runs, settings.init_from, strict=True):
        theirs = read_config(run).settings
        if theirs.arch != settings.arch:
            advice = "Name runs of one network"
            if len(runs) == 1:
                advice = f"Leave out --arch, or give --arch {theirs.arch}"
            raise UserError(
                f"--init-from: expected a run of {settings.arch}, received {name}, one of {theirs.arch}. {advice}"
            )
        if theirs.equalize != settings.equalize and not settings.epochs:
            as_it = "without" if settings.equalize else "with"
            raise UserError(f"--init-from: {name} was trained {as_it} --equalize. Expected {as_it} it here too")
    models = [open_model(run.model_file) for run in runs]
    if models:
        mean_of_weights(models)


def starting_network(settings: Settings, training: Faces, logdir: str) -> keras.Model | None:
    """Return the network whose weights the run starts from; None where it starts from none.

    Of several runs it is the mean, calibrated on images of `training`, and how it compares with each of them is said.
    UserError for a run without a model.
    """
    models = [open_model(run.model_file) for run in _starts(settings, logdir)]
    if len(models) < 2:
        return models[0] if models else None
    mean = mean_of_weights(models)
    few = training.take(calibration_places(len(training), settings.seed))
    calibrate_batch_norm(mean, few.images)
    losses = [log_loss(few.labels, predict_probabilities(model, few.images)) for model in (mean, *models)]
    measured = ", batch statistics measured anew" if normalisations(mean) else ""
    say(f"mean of {len(models)} networks{measured}: loss {losses[0]:.4f} on {len(few):,} training images")
    _say_barrier(losses[0], dict(zip(settings.init_from, losses[1:], strict=True)))
    return mean


def mean_of_weights(models: list[keras.Model]) -> keras.Model:
    """Return a network whose weights, moving statistics too, are the means of those of `models`.

    models: one or more builds of one network, which stay as they are. UserError for others.
    """
    mean = keras.models.clone_model(models[0])
    weights = [weights_by_path(model) for model in models]
    try:
        for model in models:
            copy_weights(model, mean)
    except ValueError as error:
        raise UserError(f"--init-from: expected runs of one network, received others: {error}") from None
    for path, variable in weights_by_path(mean).items():
        values = [keras.ops.convert_to_numpy(theirs[path]) for theirs in weights]
        variable.assign(np.mean(values, axis=0, dtype=np.float64).astype(values[0].dtype))
    return mean


def _starts(settings: Settings, logdir: str) -> list[Run]:
    """Return the runs of --init-from. UserError for one that is missing, unfinished, or the same as another."""
    runs = [one_network("--init-from", name, logdir) for name in settings.init_from]
    refuse_same_network("--init-from", [(str(run.path), run.model_file) for run in runs], "would count twice")
    return runs


def _say_barrier(mean: float, alone: dict[str, float]) -> None:
    """Say how the mean compares with the networks that it is of. mean: its loss. alone: of each network, by name."""
    say("alone: " + ", ".join(f"{name} {loss:.4f}" for name, loss in alone.items()))
    best = min(alone, key=alone.get)
    if mean > BARRIER * max(alone.values()):
        say(
            "It is worse than each of them: they do not lie in one valley. Expected runs that went on from one network "
            "(--init-from), and not far from it."
        )
    elif mean > BARRIER * alone[best]:
        say(f"It is worse than {best} alone on these; evaluate.py --compare tells whether it is on new faces too.")
