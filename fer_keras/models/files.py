"""Networks on disk: written atomically, read in Keras's safe mode."""

import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from fer_keras.emotions import IMAGE_SIZE, NUM_EMOTIONS
from fer_keras.errors import UserError
from fer_keras.files import written_aside

# What zipfile, h5py and Keras's deserialization raise on damaged, foreign or unsafe files.
_DAMAGE = (
    *(ValueError, TypeError, LookupError, AttributeError, RuntimeError),
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error),
)


def save_model(model: keras.Model, path: Path | str) -> None:
    """Write a model atomically in Keras's own format; `path` ends in .keras."""
    with written_aside(path) as aside:
        model.save(aside)


def open_model(path: Path | str) -> keras.Model:
    """Read a network that classifies faces, uncompiled. Code in the file (a Lambda layer) is never run.

    Returns a model of (N, 48, 48, 1) images, 0..255, to (N, 7) probabilities.

    Raises:
        UserError: for a file that is missing or damaged, that safe mode refuses, whose weights are no numbers, or
            whose network takes or gives anything else.
    """
    model = open_any_model(path)
    taken, given = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if taken != (None, IMAGE_SIZE, IMAGE_SIZE, 1) or given != (None, NUM_EMOTIONS):
        raise UserError(
            f"{path}: expected a network of {IMAGE_SIZE} x {IMAGE_SIZE} gray images to {NUM_EMOTIONS} emotions, "
            f"received one of {taken} to {given}. Choose a run of train.py"
        )
    return model


def open_any_model(path: Path | str) -> keras.Model:
    """Read whatever model Keras saved, uncompiled and in safe mode, as `open_model` does.

    Raises:
        UserError: for a file that is missing or damaged, that safe mode refuses, or whose weights are no numbers.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"no file {path}. Expected a trained network. Train one: python train.py")
    if _is_hdf5(path):
        raise UserError(
            f"{path}: expected a network in Keras's own format (.keras), received one in HDF5. Open it in Keras "
            f"and save it anew: model.save('network.keras')"
        )
    if not zipfile.is_zipfile(path):
        raise _no_network(path, "it is no archive, or cut short")
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except _DAMAGE as error:
        raise _no_network(path, _reason(error)) from error
    if not all(np.isfinite(keras.ops.convert_to_numpy(weight)).all() for weight in model.weights):
        raise UserError(f"{path}: expected a network that did not diverge, received one whose weights are no numbers")
    return model


def _is_hdf5(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8) == b"\x89HDF\r\n\x1a\n"


def _no_network(path: Path, reason: str) -> UserError:
    return UserError(
        f"{path}: expected a network saved by Keras, received a damaged or unsafe file ({reason}). "
        f"Take another copy of it, or train anew"
    )


def _reason(error: Exception, longest: int = 90) -> str:
    """Return the beginning of what was said first, for a message of one line."""
    said = error.args[0] if isinstance(error, KeyError) and error.args else error  # str() would quote a KeyError's
    said = " ".join(str(said).split()) or type(error).__name__
    first = said.split(". ")[0]
    return first if len(first) <= longest else first[:longest] + "..."
