"""Photos: which files they are, and their pixels."""

import logging
import os
from pathlib import Path
from typing import NoReturn

import numpy as np

from fer_keras.console import counted
from fer_keras.data.folders import IMAGE_SUFFIXES, natural_key
from fer_keras.data.image_file import is_image, of_any_size, read_image
from fer_keras.errors import UserError, refuse_other_encoding
from fer_keras.plots.style import drawn_here

_PHONE_SUFFIXES = (".heic", ".heif")  # Pillow does not read them

_log = logging.getLogger(__name__)


def find_photos(paths: list[Path]) -> list[Path]:
    """List the photos that `paths` name: files, and all images in folders and the folders inside these.

    The order is that of `paths`, inside a folder the natural one of the paths (2 before 10); a photo that is named
    twice comes once. In folders, what is hidden or is no image by its suffix is passed over, and so are pictures that
    this program has drawn. A file named by itself may have any suffix. That an image is whole shows only when
    `read_photo` decodes it.

    Raises:
        UserError: for a path that is missing, a file that is no image, a folder without one, or a name that is not
            UTF-8.
    """
    found: dict[Path, Path] = {}  # by the place that a path leads to; it keeps the order
    for path in paths:
        if path.is_dir():
            photos = _photos_in(path)
        elif not path.exists():
            raise UserError(f"{path} does not exist. Expected an image file, or a folder of images")
        elif path.suffix.lower() in IMAGE_SUFFIXES or is_image(path):
            photos = [path]
        else:
            raise UserError(f"{path} is no image. Expected {_readable(path.suffix)}; of faces in a table, a .csv file")
        for photo in photos:
            found.setdefault(photo.resolve(), photo)
    return list(found.values())


def read_photo(path: Path) -> np.ndarray:
    """Decode a photo to uint8 (H, W, 3), RGB, upright: turned as its EXIF data say that the camera was held.

    Of an animation it is the first frame; what is transparent becomes white.

    Raises:
        UserError: for a file that cannot be decoded, naming the reason.
    """
    with of_any_size():
        return np.array(read_image(path, "RGB"))


def _photos_in(folder: Path) -> list[Path]:
    images, phone, seen = [], 0, set()
    for parent, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        if (place := Path(parent).resolve()) in seen:  # links may lead round in a circle
            folders.clear()
            continue
        seen.add(place)
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = [name for name in files if not name.startswith(".")]
        images += [Path(parent, name) for name in files if name.lower().endswith(IMAGE_SUFFIXES)]
        phone += sum(name.lower().endswith(_PHONE_SUFFIXES) for name in files)
    found = [path for path in images if not drawn_here(path)]
    drawn = len(images) - len(found)
    if not found:
        but = f" but {counted(drawn, 'picture')} that this program has drawn" if drawn else ""
        raise UserError(f"{folder} holds no image{but}. Expected {_readable(_PHONE_SUFFIXES[0] if phone else '')}")
    for path in found:
        refuse_other_encoding(str(path))
    if drawn:
        _log.warning("Passed over %s in %s that this program has drawn", counted(drawn, "picture"), folder)
    if phone:
        _log.warning("Passed over %d HEIC files in %s. Convert them to JPEG first", phone, folder)
    return sorted(found, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def _raise(error: OSError) -> NoReturn:
    """Tell of a folder that may not be read: `os.walk` passes over it."""
    raise error


def _readable(suffix: str) -> str:
    names = ", ".join(name.lstrip(".") for name in IMAGE_SUFFIXES)
    hint = "; convert HEIC to JPEG first" if suffix.lower() in _PHONE_SUFFIXES else ""
    return f"one of: {names}{hint}"
