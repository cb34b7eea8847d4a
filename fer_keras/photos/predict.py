"""From photos to pictures of what a network reads in their faces."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from fer_keras.console import counted, say
from fer_keras.data.folders import squeezed
from fer_keras.emotions import IMAGE_SIZE, NUM_EMOTIONS
from fer_keras.errors import UserError
from fer_keras.photos.crop import face_crop
from fer_keras.photos.detect import Box, find_faces
from fer_keras.photos.find import read_photo
from fer_keras.plots.photo import photo_figure
from fer_keras.plots.style import drawn_here, save_figure

NO_FACE = "no face found"
_FACE_ALREADY = 160  # pixels; who gives a smaller image may well mean that it is a face, cut out


@dataclass(frozen=True)
class PhotoResult:
    """What was found in one photo, its faces from left to right.

    boxes: of the F faces. crops: uint8 (F, 48, 48), what the network was shown. probabilities: float (F, 7).
    picture: the annotated picture that was written, or None.
    problem: one line on why there is no picture, else None. unreadable: whether it is that no photo can be read there.
    """

    path: Path
    boxes: tuple[Box, ...]
    crops: np.ndarray
    probabilities: np.ndarray
    picture: Path | None
    problem: str | None
    unreadable: bool = False


def annotate(
    searched: list[PhotoResult], predict: Callable[[np.ndarray], np.ndarray], output: Path
) -> list[PhotoResult]:
    """Read the emotions in photos, and write for each with a face `<output>/<its name>.png`.

    searched: what `search_all` found in them. predict: uint8 (N, 48, 48) -> probabilities, float (N, 7); called once,
    with the faces of all photos. output: a folder, made where it is missing. Nothing in it is written over but pictures
    of an earlier time.
    """
    photos = [result.path for result in searched]
    crops = np.concatenate([result.crops for result in searched]) if searched else _no_faces()
    probabilities = np.asarray(predict(crops)) if len(crops) else np.zeros((0, NUM_EMOTIONS), np.float32)
    assert probabilities.shape == (len(crops), NUM_EMOTIONS), probabilities.shape

    ends = np.cumsum([len(result.boxes) for result in searched])
    results = []
    for result, end, name in zip(searched, ends, picture_names(photos, output), strict=True):
        mine = probabilities[end - len(result.boxes) : end]
        results.append(_save(replace(result, probabilities=mine), output / name) if len(mine) else result)
    return results


def picture_names(photos: list[Path], output: Path) -> list[str]:
    """Name the picture of each photo: its stem and .png, numbered where two are equal or a file stands there.

    A picture that this program drew, and is not asked about now, gives its place to the new one.
    """
    taken = {path.name.lower() for path in photos if path.parent.resolve() == output.resolve()}
    there = output.iterdir() if output.is_dir() else ()
    taken |= {path.name.lower() for path in there if path.suffix.lower() == ".png" and not drawn_here(path)}
    names = []
    for path in photos:
        name, number = f"{path.stem}.png", 1
        while name.lower() in taken:  # some file systems do not tell upper case from lower
            number += 1
            name = f"{path.stem}-{number}.png"
        taken.add(name.lower())
        names.append(name)
    return names


def search_all(photos: list[Path], *, detect: bool = True, tell: Callable[[str], None] = say) -> list[PhotoResult]:
    """Return the faces of each photo, their probabilities not known yet.

    detect: False takes each photo as one face that fills it, whole and squeezed to 48 x 48 as the readers of data do.
    tell: is called with a line on each photo as it is searched: progress for people.

    A photo that is damaged or without a face is told in its result's `problem`, and the others go on.
    """
    results = []
    for number, path in enumerate(photos, 1):
        result = _search(path, detect=detect)
        tell(f"{number}/{len(photos)} {path}: {result.problem or counted(len(result.boxes), 'face')}")
        results.append(result)
    return results


def _search(path: Path, *, detect: bool) -> PhotoResult:
    nothing = PhotoResult(path, (), _no_faces(), np.zeros((0, NUM_EMOTIONS), np.float32), None, None)
    try:
        photo = read_photo(path)
        if detect:
            gray = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
            boxes = tuple(find_faces(gray))
            crops = [face_crop(gray, box) for box in boxes]
        else:
            boxes = (Box(0, 0, photo.shape[1], photo.shape[0]),)
            crops = [squeezed(Image.fromarray(photo).convert("L"))]
    except UserError as error:
        return replace(nothing, problem=str(error).removeprefix(f"{path} "), unreadable=True)
    if not boxes:
        hint = ". If it is a face already, cut out: --no-detect" if max(photo.shape) <= _FACE_ALREADY else ""
        return replace(nothing, problem=NO_FACE + hint)
    return replace(nothing, boxes=boxes, crops=np.stack(crops))


def draw(result: PhotoResult) -> Figure:
    """Return the photo with its faces boxed, and numbered where they are several. UserError where it cannot be read."""
    photo = read_photo(result.path)  # decoded again: to keep all of them would take gigabytes
    boxes = np.array([(box.x, box.y, box.width, box.height) for box in result.boxes])
    return photo_figure(photo, boxes, result.crops, result.probabilities, title=result.path.name)


def _save(result: PhotoResult, picture: Path) -> PhotoResult:
    try:
        figure = draw(result)
    except UserError as error:  # it was whole a moment ago
        return replace(result, problem=str(error).removeprefix(f"{result.path} "), unreadable=True)
    save_figure(figure, picture)
    return replace(result, picture=picture)


def _no_faces() -> np.ndarray:
    return np.zeros((0, IMAGE_SIZE, IMAGE_SIZE), np.uint8)
