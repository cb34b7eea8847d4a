"""The faces in photos as data: unlabelled `Faces`, called by the photo that they stand in."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fer_keras.console import counted
from fer_keras.data.faces import Faces
from fer_keras.errors import UserError
from fer_keras.photos.find import find_photos
from fer_keras.photos.predict import search


def faces_in_photos(paths: list[Path], *, detect: bool = True, tell: Callable[[str], None] = print) -> Faces:
    """Find the faces in photos, from left to right in each.

    paths: of photos, or folders of them. detect: False takes each photo as one face. tell: is called with a line on
    each photo as it is searched.

    Returns:
        N of at least 1: labels None; ids the photos' names, with the face's number where a photo has several; usage
        "PrivateTest", for nobody has trained on them; source the photo, or how many have faces; sha256 of the pixels.

    Raises:
        UserError: for a path that is missing or no image, or where no photo has a face.
    """
    photos = find_photos(paths)
    crops, names, with_faces = [], [], []
    for number, photo in enumerate(photos, 1):
        found = search(photo, detect=detect)
        tell(f"{number}/{len(photos)} {photo}: {found.problem or counted(len(found.boxes), 'face')}")
        crops += list(found.crops)
        with_faces += [photo] if found.boxes else []
        many = len(found.boxes) > 1
        names += [f"{photo.name} {face}" if many else photo.name for face, _ in enumerate(found.boxes, 1)]
    if not crops:
        advice = "If these are faces already, cut out: --no-detect" if detect else "Choose others"
        raise UserError(f"--photo: expected a face, received {counted(len(photos), 'photo')} without any. {advice}")
    images = np.stack(crops)
    return Faces(
        images=images,
        labels=None,
        usage=np.full(len(images), "PrivateTest"),
        ids=np.array(names),
        source=with_faces[0].name if len(with_faces) == 1 else f"{len(with_faces)} photos",
        sha256=hashlib.sha256(images).hexdigest(),
    )
