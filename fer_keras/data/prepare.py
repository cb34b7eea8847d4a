"""From what a person names by `--data` to the faces that a network sees."""

import dataclasses

from fer_keras.data.faces import Faces
from fer_keras.data.select import equalize as equalize_histograms
from fer_keras.data.select import stratified_limit
from fer_keras.data.source import find_data, read_faces
from fer_keras.data.synthetic import SIZES, synthetic_faces
from fer_keras.errors import UserError
from fer_keras.files import is_there


def load_faces(data: str, *, equalize: bool = False, limit: int = 0, seed: int = 0) -> Faces:
    """Return the faces of `data`: "auto", "synthetic", or the path of a CSV or an image folder.

    "auto" is the first data set found in ./data, else synthetic faces. limit: so many images of each split, chosen
    stratified by `seed` (0: all). equalize: with equalised histograms; a network that was trained with it must be
    evaluated with it. `sha256` stays that of the whole source. UserError for whatever is wrong with the data.
    """
    path = find_data(data)
    if path is None:  # balanced whatever their number: only so many are drawn
        faces = synthetic_faces(**{split: min(limit or n, n) for split, n in SIZES.items()})
    else:
        faces = read_faces(path)
        faces = stratified_limit(faces, limit, seed) if limit else faces
    if equalize:
        faces = dataclasses.replace(faces, images=equalize_histograms(faces.images))
    return faces


def lies_there(source: str) -> bool:
    """Tell whether there is something to read where a run has recorded its data. source: as `--data`."""
    return source in ("auto", "synthetic") or is_there(source)


def at_hand(source: str | None, sha256: str, *, limit: int) -> Faces | None:
    """Return the data that a run has recorded, whole; None where they are not there, changed since, or damaged.

    source: as `--data`; None: not recorded. limit: the run's, which decides how many synthetic faces are drawn.
    """
    if source is None or not lies_there(source):
        return None
    try:
        found = load_faces(source, limit=limit if source == "synthetic" else 0)
    except UserError:
        return None
    return found if found.sha256 == sha256 else None
