"""What `--resume` needs, in one file: every variable of the network and its optimizer, bit for bit, and the progress.

Keras's BackupAndRestore leaves an optimizer that is not yet built without its state (keras issue 19389); here the
optimizer is built first, and a variable that is missing, or of another shape, is an error.
"""

from pathlib import Path

import keras
import numpy as np

from fer_keras.errors import UserError
from fer_keras.files import DamagedFile, read_npz, write_npz
from fer_keras.training.progress import Progress


def save_checkpoint(path: Path, model: keras.Model, progress: Progress) -> None:
    """Write the variables of `model` (weights, batch statistics, dropout seeds), of its optimizer, and `progress`."""
    arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in _variables(model).items()}
    write_npz(path, progress=np.array(progress.to_json()), **arrays)


def read_progress(path: Path) -> Progress:
    """Return the progress in a checkpoint. UserError for a damaged file, or one of another version."""
    stored = str(_read(path, ["progress"])["progress"])
    try:
        return Progress.from_json(stored)
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{path}: expected how far training is, received {error!r}. Train anew") from None


def load_checkpoint(path: Path, model: keras.Model, *, with_optimizer: bool = True) -> None:
    """Set the variables of `model`, and of its optimizer, to those of the checkpoint. UserError if they do not fit."""
    variables, stored = _variables(model), _read(path)
    stored.pop("progress", None)
    if not with_optimizer:
        variables = {name: variable for name, variable in variables.items() if name.startswith("model.")}
        stored = {name: value for name, value in stored.items() if name.startswith("model.")}
    missing = sorted(set(variables) ^ set(stored))
    if missing:
        raise UserError(f"{path}: expected the state of this network, received another: {missing[0]} differs")
    for name, variable in variables.items():
        if tuple(variable.shape) != stored[name].shape:
            raise UserError(f"{path}: {name}: expected shape {tuple(variable.shape)}, received {stored[name].shape}")
        variable.assign(stored[name])


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    if not model.optimizer.built:  # a second build would reset what scales float16's loss
        model.optimizer.build(model.trainable_variables)
    groups = (("model", model.variables), ("optimizer", model.optimizer.variables))
    return {f"{group}.{index}": variable for group, found in groups for index, variable in enumerate(found)}


def _read(path: Path, names: list[str] | None = None) -> dict[str, np.ndarray]:
    """Return the arrays of a checkpoint, these or all. UserError for a damaged file."""
    try:
        return read_npz(path, names)
    except DamagedFile as error:
        raise UserError(f"{path}: expected a checkpoint, received a damaged file ({error}). Train anew") from None
