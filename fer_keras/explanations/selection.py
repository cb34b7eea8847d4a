"""Which images of a split are explained: right ones and wrong ones of each kind, the first ones, chosen ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fer_keras.console import counted
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError

FIRST = 16  # images of the sheet that shows the beginning of the split
KINDS_OF_MISTAKE = 5


@dataclass(frozen=True)
class Selection:
    """Indices of images in their split, in increasing order but for `chosen`.

    correct: by emotion (0..6), images that are classified correctly; emotions without any are left out.
    wrong: by (true, predicted), of the most frequent kinds of mistake, the most frequent first.
    counts: how many images of the split there are of each of these kinds; none where nobody has said the emotions.
    first: the first images of the split.
    chosen: those named by `--index`, in the order given.
    notes: sentences about what is not there.
    """

    correct: dict[int, np.ndarray]
    wrong: dict[tuple[int, int], np.ndarray]
    counts: dict[tuple[int, int], int]
    first: np.ndarray
    chosen: np.ndarray
    notes: tuple[str, ...]

    def everything(self) -> np.ndarray:
        """Return every selected image once: int64, increasing."""
        return np.unique(np.concatenate([*self.correct.values(), *self.wrong.values(), self.first, self.chosen]))

    def one_of_each(self) -> np.ndarray:
        """Return the chosen images, else one correctly classified face for each emotion, else the first ones.

        Of photos, which have no label, that is all.
        """
        if len(self.chosen):
            return self.chosen
        if self.correct:
            return np.array([images[0] for images in self.correct.values()])
        if not self.counts:
            return self.first
        return self.first[: len(EMOTIONS)]


def select_images(
    labels: np.ndarray,
    predictions: np.ndarray,
    *,
    per_class: int,
    index: Sequence[int] = (),
    seed: int = 0,
    split: str = "the split",
) -> Selection:
    """Choose the images to explain.

    Where there are more of a kind than `per_class`, `seed` decides: neither the order of the file nor anything about
    the images, so that a figure shows what is usual and not what is striking.

    Args:
        labels, predictions: int (N,), 0..6; N of at least 1.
        per_class: images of each kind.
        index: numbers of images that are wanted besides.
        split: its name, for messages.

    Raises:
        UserError: an index out of range.
    """
    check_index(index, len(labels), split)
    notes = []

    def some(true: int, predicted: int) -> np.ndarray:
        of_this_kind = np.flatnonzero((labels == true) & (predictions == predicted))
        rng = np.random.default_rng([seed, true, predicted])
        return np.sort(rng.permutation(of_this_kind)[:per_class])

    table = np.zeros((len(EMOTIONS), len(EMOTIONS)), np.int64)  # rows true, columns predicted
    np.add.at(table, (labels, predictions), 1)
    for label, emotion in enumerate(EMOTIONS):
        if not table[label].sum():
            notes.append(f"{split} has no '{emotion}' faces: nothing to show of them.")
        elif not table[label, label]:
            count = table[label].sum()
            none = f"None of the {count:,} '{emotion}' faces is" if count > 1 else f"The one '{emotion}' face is not"
            notes.append(f"{none} classified correctly.")
    mistakes = table - np.diag(np.diag(table))
    if not mistakes.any():
        notes.append(f"No mistake among the {len(labels):,} images: no wrong ones to show.")
    by_frequency = np.argsort(-mistakes, axis=None, kind="stable")[:KINDS_OF_MISTAKE]
    kinds = [divmod(int(flat), len(EMOTIONS)) for flat in by_frequency if mistakes.flat[flat]]
    right = [label for label in range(len(EMOTIONS)) if table[label, label]]
    return Selection(
        correct={label: some(label, label) for label in right},
        wrong={kind: some(*kind) for kind in kinds},
        counts={kind: int(table[kind]) for kind in [*((label, label) for label in right), *kinds]},
        first=np.arange(min(FIRST, len(labels))),
        chosen=np.array(list(dict.fromkeys(index)), np.int64),
        notes=tuple(notes),
    )


def every_image(n: int, *, index: Sequence[int] = ()) -> Selection:
    """Select all of n images whose emotions nobody has said. index: as for `select_images`."""
    chosen = np.array(list(dict.fromkeys(index)), np.int64)
    return Selection(correct={}, wrong={}, counts={}, first=np.arange(n), chosen=chosen, notes=())


def check_index(index: Sequence[int], n: int, split: str) -> None:
    """Raise UserError unless every index is that of one of the n images of the split."""
    outside = [number for number in index if not 0 <= number < n]
    if outside:
        places = f"0 to {n - 1}" if n > 1 else "0"
        raise UserError(f"--index: expected {places} ({counted(n, 'image')} in {split}), received {outside[0]}")
