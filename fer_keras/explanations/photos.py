"""The photos whose faces are explained, each face with its number and its probabilities."""

from dataclasses import replace

import numpy as np

from fer_keras.console import counted
from fer_keras.explanations.folder import MethodFolder
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.study import Study
from fer_keras.photos.predict import draw


def write_faces(study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write a picture of each photo with a face: photo-1.png and so on, in their order."""
    photos = study.target.photos
    ends = np.cumsum([len(photo.boxes) for photo in photos])[:-1]
    of_each = zip(photos, np.split(study.images, ends), np.split(study.probabilities, ends), strict=True)
    folder.reading = (
        "Each photo with what the network was shown of it, and the probabilities; where a photo has several faces they "
        "are numbered from the left, as in all that follows."
    )
    for number, (photo, crops, probabilities) in enumerate(of_each, 1):
        caption = f"{counted(len(photo.boxes), 'face')} in {photo.path}"  # not first: it would be capitalised
        folder.figure(f"photo-{number}.png", draw(replace(photo, crops=crops, probabilities=probabilities)), caption)
        tell(number, len(photos))
