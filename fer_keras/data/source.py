"""Where faces come from: a CSV file or an image folder, found and read through the cache."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from fer_keras.data import csv_files, folders
from fer_keras.data.cache import through_cache
from fer_keras.data.faces import SYNTHETIC, Faces, development_sha256
from fer_keras.errors import UserError, near_miss
from fer_keras.files import expanded

CSV_PLACES = ("data/fer2013.csv", "data/fer2013/fer2013.csv", "data/icml_face_data.csv", "data/train.csv")
FOLDER_PLACES = ("data/fer2013", "data")
_LIKELY = (".csv", ".gz", ".tgz", ".zip", ".tar")


def find_data(spec: str, root: Path | str = ".") -> Path | None:
    """Return the file or folder that `--data` means; None where the built-in synthetic faces are meant.

    Args:
        spec: "auto": the first of CSV_PLACES and FOLDER_PLACES that is there below `root`, None when none is;
            "synthetic": None; anything else is a path.

    Raises:
        UserError: for a path that does not exist, and for a place of "auto" that is a link to nowhere: what comes after
            it would be taken for it.
    """
    if spec == "synthetic":
        return None
    if spec != "auto":
        return _existing(expanded(spec))
    places = [(Path(root, place), Path.is_file) for place in CSV_PLACES]
    places += [(Path(root, place), folders.is_face_folder) for place in FOLDER_PLACES]
    for place, holds_faces in places:
        _refuse_link_to_nowhere(place)
        if holds_faces(place):
            return place
    return None


def passed_over(root: Path | str = ".") -> list[str]:
    """Return what stands in data/ below `root` that may be faces, where `find_data("auto")` takes none of it."""
    data = Path(root, "data")
    entries = sorted(data.iterdir()) if data.is_dir() else []
    likely = [entry for entry in entries if not entry.name.startswith(".")]
    return [f"data/{entry.name}" for entry in likely if entry.is_dir() or entry.suffix.lower() in _LIKELY]


def read_faces(path: Path | str) -> Faces:
    """Read a CSV file or an image folder; a second read of the same content comes from the cache.

    The arrays are the caller's own: nothing is shared between two calls.

    Raises:
        UserError: for a path that does not exist or cannot be read, and for every mistake in the data; one line
            that names the file, the row, what was expected and what was received.
    """
    path = _existing(expanded(path))
    with _readable(path):
        if path.is_dir():
            images = folders.list_images(path)
            names = [image.name for image in images]
            arrays, sha256 = through_cache(path, names, partial(folders.read_images, path, images))
        else:
            arrays, sha256 = through_cache(path, None, partial(csv_files.read_csv, path))
    # A folder called "synthetic" must not be taken for the built-in faces, now or when its name is read again.
    source = f"./{path}" if str(path) in ("auto", "synthetic", SYNTHETIC) else str(path)
    images, labels, usage = arrays["images"], arrays.get("labels"), arrays["usage"]
    return Faces(images, labels, usage, arrays["ids"], source, sha256, development_sha256(images, labels, usage))


def read_unlabelled(path: Path | str) -> Faces:
    """Read the faces of a CSV file, whatever stands in its other columns but `id`: no labels, all of one split.

    It is read anew each time, and its SHA-256 is not asked for.

    Raises:
        UserError: as `read_faces`, for all that concerns the images and their ids.
    """
    path = _existing(expanded(path))
    with _readable(path):
        arrays = csv_files.read_csv(path, labelled=False)
        return Faces(arrays["images"], None, arrays["usage"], arrays["ids"], source=str(path), sha256="")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or path} cannot be read: {error.strerror or error}") from error


def _refuse_link_to_nowhere(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path} is a link to {path.readlink()}, which is not there. Mend the link, or take it away")


def _existing(path: Path) -> Path:
    if path.is_file() or path.is_dir():
        return path
    _refuse_link_to_nowhere(path)
    if path.exists():
        raise UserError(f"{path} is neither a file nor a folder, and can be read once only. Write it to a file first")
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    raise UserError(
        f"no data at '{path}'.{near_miss(path.name, beside)} Expected a CSV file, a folder of images, auto or synthetic"
    )
