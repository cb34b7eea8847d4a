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
    starts = np.cumsum([0] + [len(photo.boxes) for photo in photos])
    folder.reading = (
        "Each photo with what the network was shown of it, and the probabilities; where a photo has several faces they "
        "are numbered from the left, as in all that follows."
    )
    for number, (photo, start, end) in enumerate(zip(photos, starts, starts[1:], strict=False), 1):
        shown = replace(photo, crops=study.images[start:end], probabilities=study.probabilities[start:end])
        caption = f"{photo.path}: {counted(len(photo.boxes), 'face')}"
        folder.figure(f"photo-{number}.png", draw(shown), caption)
        tell(number, len(photos))
