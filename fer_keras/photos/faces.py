"""The faces in photos as data: unlabelled `Faces`, called by the photo that they stand in."""

import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_keras.console import counted, say
from fer_keras.data.faces import Faces
from fer_keras.errors import UserError
from fer_keras.photos.find import find_photos
from fer_keras.photos.predict import PhotoResult, search_all


def faces_in_photos(
    paths: list[Path], *, detect: bool = True, tell: Callable[[str], None] = say
) -> tuple[Faces, list[PhotoResult]]:
    """Find the faces in photos, from left to right in each.

    paths: of photos, or folders of them. detect: False takes each photo as one face. tell: is called with a line on
    each photo as it is searched.

    Returns:
        (faces, photos). Of faces there are N, at least 1: labels None; ids the photos' names, with the face's number
        where a photo has several, and with as many of its folders as tell photos of one name apart; usage
        "PrivateTest", for nobody has trained on them; source the photo, or how many have faces; sha256 of the pixels.
        photos: those with faces, in the same order, their probabilities not known yet.

    Raises:
        UserError: for a path that is missing or no image, or where no photo has a face.
    """
    photos = find_photos(paths)
    searched = search_all(photos, detect=detect, tell=tell)
    with_faces = [found for found in searched if found.boxes]
    if all(found.unreadable for found in searched):
        raise UserError(f"--photo: {photos[0]} {searched[0].problem}")
    if not with_faces:
        advice = "If these are faces already, cut out: --no-detect" if detect else "Choose others"
        raise UserError(f"--photo: expected a face, received {counted(len(photos), 'photo')} without any. {advice}")
    names, short = [], _shortest_names(photos)
    for name, faces in ((short[found.path], len(found.boxes)) for found in with_faces):
        names += [name] if faces == 1 else [f"{name} {face}" for face in range(1, faces + 1)]
    images = np.concatenate([found.crops for found in with_faces])
    faces = Faces(
        images=images,
        labels=None,
        usage=np.full(len(images), "PrivateTest"),
        ids=np.array(names),
        source=with_faces[0].path.name if len(with_faces) == 1 else f"{len(with_faces)} photos",
        sha256=hashlib.sha256(images).hexdigest(),
    )
    return faces, with_faces


def _shortest_names(photos: list[Path]) -> dict[Path, str]:
    """Return of each photo the end of its path, whole names of folders and its own, that no other photo has."""
    ends = {photo: ["/".join(photo.parts[-n:]) for n in range(1, len(photo.parts) + 1)] for photo in photos}
    times = Counter(end for own in ends.values() for end in own)
    return {photo: next((end for end in own if times[end] == 1), own[-1]) for photo, own in ends.items()}
