"""Faces out of folders of images, one folder an emotion.

    train/<emotion>/*.jpg with test/, or val/, beside it       or       <emotion>/*.jpg alone

Names of folders count in any case. An image whose own name starts with a split, as the image copies of FER2013 write
it (`PublicTest_123.jpg`), belongs to that split, wherever it lies. Otherwise it is the folder: train/ is Training,
val/ (valid/, validation/) is PublicTest, which selects the model, test/ is PrivateTest, which only tests it.
"""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fer_keras.console import counted
from fer_keras.data.faces import SPLIT_WORDS, SPLITS
from fer_keras.data.image_file import read_image
from fer_keras.emotions import EMOTIONS, IMAGE_SIZE, SYNONYMS, emotion_index
from fer_keras.errors import UserError, near_miss, refuse_other_encoding

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")

_JUNK = frozenset(("thumbs.db", "desktop.ini", "__macosx"))  # left behind by file managers
_SPLITS = {split.lower(): split for split in SPLITS}
_SPLIT_PREFIX = re.compile(f"({'|'.join(SPLITS)})_", re.IGNORECASE)
_LAYOUTS = "train/<emotion>/*.jpg with test/ or val/ beside it, or <emotion>/*.jpg"
_CHUNK = 64  # images a task: one alone is too little work to hand to a thread

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ImageFile:
    """One image file. name: its path inside the folder, with forward slashes; label: 0..6; usage: one of SPLITS."""

    name: str
    label: int
    usage: str


def is_face_folder(folder: Path) -> bool:
    """Tell whether `folder` has a folder of an emotion in it, itself or in a folder of a split."""
    if not folder.is_dir():
        return False
    names = [entry.name for entry in _entries(folder) if entry.is_dir()]
    inner = [e.name for name in names if name.lower() in SPLIT_WORDS for e in _entries(folder / name) if e.is_dir()]
    return any(emotion_index(name) is not None for name in names + inner)


def list_images(folder: Path | str) -> list[ImageFile]:
    """List the images of a folder with their labels and splits, in the natural order of their paths (2 before 10).

    Hidden files and those of file managers are passed over; other files that are no images, and images outside the
    folders of emotions, are too, and told.

    Raises:
        UserError: for a folder that is neither an emotion's nor a split's, where there is no image at all, or for a
            name that is not UTF-8.
    """
    folder = Path(folder)
    passed_over: list[str] = []
    found = list(_walk(folder, passed_over))
    stray = [path for path in passed_over if path.lower().endswith(IMAGE_SUFFIXES)]
    if not found:
        raise _no_images(folder, stray, passed_over)
    if stray:
        _log.warning("Passed over %d images outside the folders of emotions, e.g. %s", len(stray), min(stray))
    others = [path for path in passed_over if not path.lower().endswith(IMAGE_SUFFIXES)]
    if others:
        _log.warning("Passed over %d files that are no images, e.g. %s", len(others), min(others))
    renamed = [image.name for image in found if _moved_by_its_name(image)]
    if renamed:
        _log.warning(
            "%d files are named after another split than that of their folder, e.g. %s: the names count. To have the "
            "folders count, take Training_, PublicTest_ and PrivateTest_ off the names",
            len(renamed),
            min(renamed, key=natural_key),
        )
    for image in found:
        refuse_other_encoding(image.name)
    return sorted(found, key=lambda image: natural_key(image.name))


def _no_images(folder: Path, stray: Sequence[str], passed_over: Sequence[str]) -> UserError:
    """Return what to say of a folder without faces. stray: images that stand in no folder of an emotion."""
    if not stray:
        others = [path for path in passed_over if not path.lower().endswith(".csv")]
        of = f", but {counted(len(others), 'file')} of other kinds, e.g. {min(others)}" if others else ""
        of += " (convert HEIC and RAW to JPEG)" if others else ""
        return UserError(f"{folder} holds no images{of}. Expected {_LAYOUTS}{_tables_in(folder)}")
    said = f"{folder} holds {counted(len(stray), 'image')}, none in the folder of an emotion. Expected {_LAYOUTS}"
    if emotion_index(folder.resolve().name) is not None:
        return UserError(f"{said}. It is itself that of an emotion: give the one around it, {folder.resolve().parent}")
    return UserError(f"{said}{_tables_in(folder)}")


def _tables_in(folder: Path) -> str:
    """Return a hint at the CSV files in a folder; "" where there is none."""
    tables = [entry.name for entry in _entries(folder) if entry.name.lower().endswith(".csv")]
    return f". It holds '{min(tables)}': give that path to read it" if tables else ""


def _moved_by_its_name(image: ImageFile) -> bool:
    """Tell whether the name of a file in the folder of a split moves it between training and tests."""
    folder = SPLIT_WORDS.get(image.name.split("/")[0].lower())
    return folder is not None and (folder == "Training") != (image.usage == "Training")


def natural_key(name: str) -> tuple:
    """Return a key that sorts names as people do, their numbers by value: Training_9 before Training_10."""
    parts = re.split(r"([0-9]+)", name)
    parts[1::2] = map(int, parts[1::2])  # the odd parts are the numbers: text never meets a number in a comparison
    return parts, name


def _walk(folder: Path, passed_over: list[str]) -> Iterator[ImageFile]:
    names = _directories(folder, passed_over)
    splits = [name for name in names if name.lower() in SPLIT_WORDS]
    if not splits:
        yield from _walk_emotions(folder, "", names, "Training", passed_over)
    elif others := [name for name in names if name not in splits]:
        guess = near_miss(others[0].lower(), SPLIT_WORDS)
        raise UserError(f"{folder}: '{others[0]}' stands beside '{splits[0]}'.{guess} Expected {_LAYOUTS}")
    for split in splits:
        emotions = _directories(folder / split, passed_over)
        yield from _walk_emotions(folder, f"{split}/", emotions, SPLIT_WORDS[split.lower()], passed_over)


def _walk_emotions(
    folder: Path, prefix: str, names: Sequence[str], usage: str, passed_over: list[str]
) -> Iterator[ImageFile]:
    for name in names:
        label = emotion_index(name)
        if label is None:
            others_are_emotions = any(emotion_index(other) is not None for other in names)
            tables = "" if others_are_emotions else _tables_in(folder)
            inside = next((other for other in names if is_face_folder(folder / prefix / other)), None)
            if not tables and inside is not None:
                tables = f". Faces stand in '{inside}': give the path {folder / prefix / inside}"
            guess = "" if tables else near_miss(name.lower(), (*EMOTIONS, *SYNONYMS))
            expected = f"Expected one of: {', '.join(EMOTIONS)}; laid out as {_LAYOUTS}"
            raise UserError(f"{folder / prefix / name}: no emotion '{name}'.{guess} {expected}{tables}")
        for entry in _entries(folder / prefix / name):
            if entry.name.lower().endswith(IMAGE_SUFFIXES):
                named = _SPLIT_PREFIX.match(entry.name)
                yield ImageFile(f"{prefix}{name}/{entry.name}", label, _SPLITS[named[1].lower()] if named else usage)
            elif entry.is_dir():
                raise UserError(f"{entry.path} is a folder inside that of an emotion. Expected images: {_LAYOUTS}")
            else:
                passed_over.append(entry.path)


def _entries(folder: Path) -> list[os.DirEntry]:
    """Return what stands in a folder, without hidden files and those of file managers."""
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".") and entry.name.lower() not in _JUNK]


def _directories(folder: Path, passed_over: list[str]) -> list[str]:
    """Return the names of the directories in a folder, sorted; files stand in the wrong place there."""
    entries = _entries(folder)
    passed_over += [entry.path for entry in entries if not entry.is_dir()]
    return sorted(entry.name for entry in entries if entry.is_dir())


# --- decoding -------------------------------------------------------------------------------------------------------


def read_images(folder: Path | str, images: Sequence[ImageFile]) -> dict[str, np.ndarray]:
    """Decode the listed images of `folder` with a pool of threads.

    Returns:
        The fields of `Faces` by name: images uint8 (N, 48, 48); labels int64 (N,); usage str (N,); ids str (N,), the
        path inside `folder`, with forward slashes.

    Raises:
        UserError: for an image that cannot be decoded, naming the file; the first in order, should there be more.
    """
    paths = [Path(folder, image.name) for image in images]
    chunks = [paths[start : start + _CHUNK] for start in range(0, len(paths), _CHUNK)]
    _log.info("Decoding %d images of %s", len(paths), folder)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        decoded = pool.map(lambda chunk: np.stack([decode_face(path) for path in chunk]), chunks)
        pixels = np.concatenate(list(decoded))
    return {
        "images": pixels,
        "labels": np.array([image.label for image in images], dtype=np.int64),
        "usage": np.array([image.usage for image in images]),
        "ids": np.array([image.name for image in images]),
    }


def decode_face(path: Path | str) -> np.ndarray:
    """Decode one image file to uint8 (48, 48).

    Read by `read_image`: turned as its camera held it, white where it is transparent, colour as its luma.
    """
    return squeezed(read_image(path, "L"))


def squeezed(image: Image.Image) -> np.ndarray:
    """Return a gray image as uint8 (48, 48): another size is resampled with antialiasing.

    The face is taken to fill the image: one that is not square gets squeezed, not cropped.
    """
    if image.size != (IMAGE_SIZE, IMAGE_SIZE):
        image = image.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    return np.array(image)
