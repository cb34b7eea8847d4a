"""The sheets of faces that attribution methods and LIME both draw: the same images, under the same names."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fer_keras.console import counted
from fer_keras.emotions import EMOTIONS
from fer_keras.explanations.selection import FIRST
from fer_keras.explanations.study import Study


@dataclass(frozen=True)
class Sheet:
    """Images that are drawn together. file: its name in the method's folder; indices: of images in their split."""

    file: str
    indices: np.ndarray
    heading: str
    about: str


def sheets(study: Study) -> list[Sheet]:
    """Return correct/<Emotion>.png, wrong/<True>(<Predicted>).png, first.png, and chosen.png where images are named; of
    photos faces.png, and faces-2.png and so on of many."""
    selection, split = study.selection, f"{study.target.split}{study.limited}"
    if study.labels is None:
        return _of_photos(study)
    result = []
    for label, indices in selection.correct.items():
        there = selection.counts[label, label]
        about = _some(len(indices), there, EMOTIONS[label], split, "classified correctly")
        result.append(Sheet(f"correct/{_title(label)}.png", indices, "Classified correctly", about))
    for (true, predicted), indices in selection.wrong.items():
        there = selection.counts[true, predicted]
        about = _some(len(indices), there, EMOTIONS[true], split, f"taken for '{EMOTIONS[predicted]}'")
        file = f"wrong/{_title(true)}({_title(predicted)}).png"
        result.append(Sheet(file, indices, "The most frequent mistakes", about))
    about = f"the first {len(selection.first)} images of {split}"
    result.append(Sheet("first.png", selection.first, f"The beginning of {split}", about))
    if len(selection.chosen):
        result.append(Sheet("chosen.png", selection.chosen, "Chosen images", f"chosen images of {split}"))
    return result


def _of_photos(study: Study) -> list[Sheet]:
    about = f"{counted(len(study.selection.first), 'face')} in {study.target.faces.source}"
    return [
        Sheet(file, part, "", f"{about}, {which}" if which else about)
        for file, part, which in parts("faces", study.selection.first)
    ]


def parts(name: str, indices: np.ndarray) -> Iterator[tuple[str, np.ndarray, str]]:
    """Yield what one picture holds of images that may be too many for one: its file, `name`.png, then `name`-2.png and
    so on, the indices, and which they are ("faces 17 to 20 of 20"; "" where one picture holds them all)."""
    for number, start in enumerate(range(0, len(indices), FIRST), 1):
        part = indices[start : start + FIRST]
        first, last = start + 1, start + len(part)
        which = f"{f'faces {first} to {last}' if last > first else f'face {last}'} of {len(indices)}"
        file = f"{name}-{number}.png" if number > 1 else f"{name}.png"
        yield file, part, which if len(indices) > FIRST else ""


def _some(shown: int, there: int, emotion: str, split: str, what: str) -> str:
    if there == 1:
        return f"the one '{emotion}' face of {split} that is {what}"
    return f"{'the' if shown == there else f'{shown} of the'} {there:,} '{emotion}' faces of {split} that are {what}"


def _title(label: int) -> str:
    return EMOTIONS[label].capitalize()
