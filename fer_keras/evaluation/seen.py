"""What runs have seen of the images that they are evaluated on, by the pixels: in training, or to choose an epoch.

A run has seen what its own data show it and, where it started from the weights of other runs or learned from them, what
theirs showed those: config.json tells both (`starts_from`). Pixels and not the names of splits or files, for the same
images come in other files too, and data sets repeat images.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fer_keras.config import PRETRAINED
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import at_hand, load_faces
from fer_keras.data.protocol import SplitRecipe
from fer_keras.evaluation.runs_to_evaluate import Candidate
from fer_keras.metrics import leaks


@dataclass(frozen=True)
class Seen:
    """What one run has seen of N images.

    known: whether the data that it was trained on itself are at hand, unchanged; where not, nothing here counts them.
    trained: bool (N,), images that trained it or a run that it comes from, or stand in what was held out of Training.
    chose: bool (N,), images that chose the epoch of one of those.
    strangers: the names of the runs that it comes from whose data are not at hand; what they have seen does not count.
    may_have_chosen: whether an epoch was chosen on data that are not at hand.
    """

    known: bool
    trained: np.ndarray
    chose: np.ndarray
    strangers: tuple[str, ...]
    may_have_chosen: bool

    def selected_on(self) -> bool | None:
        """Tell whether most of the images chose an epoch; None where that cannot be told.

        Most, for data sets repeat images: FER2013's PrivateTest has a few of PublicTest's.
        """
        if self.chose.mean() > 0.5:
            return True
        return None if self.may_have_chosen else False

    def at(self, places: np.ndarray) -> "Seen":
        """Return the same of the images at `places`, int64."""
        return Seen(self.known, self.trained[places], self.chose[places], self.strangers, self.may_have_chosen)


@dataclass(frozen=True)
class _Trained:
    """One trained run, as it or one that came of it has recorded it. recipes: of the images of each of its networks."""

    name: str
    recipes: list[SplitRecipe]
    validation_split: str
    keep: str
    source: str | None

    @property
    def chose(self) -> bool:
        """Whether held-out images have chosen its epoch."""
        return self.keep == "best" and bool(self.validation_split)


class Library:
    """The data that runs were trained on, as far as they are at hand and unchanged, by their SHA-256."""

    def __init__(self, whole: Faces):
        self._faces = {whole.sha256: whole}

    def find(self, run: _Trained) -> Faces | None:
        """Return the data of a run; None if they are not at hand."""
        sha256, limit = run.recipes[0].sha256, run.recipes[0].limit
        if self._faces.get(sha256) is None:
            self._faces[sha256] = at_hand(run.source, sha256, limit=limit)
        return self._faces[sha256]


def data_of(candidate: Candidate) -> Faces | None:
    """Return what lies where the run's data lay when it was trained, or the synthetic faces that it was trained on.

    The shipped run was trained elsewhere: without its data at hand it gets what `--data auto` finds.
    """
    source = _source_of(candidate)
    there = source in ("auto", "synthetic") or Path(source).exists()
    return load_faces(source, limit=candidate.config.settings.limit if source == "synthetic" else 0) if there else None


def _source_of(candidate: Candidate) -> str:
    record = candidate.config.data
    if candidate.name == PRETRAINED and not Path(record["source"]).exists():
        return "auto"
    return "synthetic" if record["synthetic"] else record["source"]


def seen_by(candidate: Candidate, faces: Faces, library: Library, *, own_validation: bool) -> Seen:
    """Return what `candidate` has seen of `faces`.

    own_validation: whether these are the images that were held out of its training, each judged by a network that was
    not trained on it. Then only what trained others has trained it.
    """
    trained, chose, strangers, may_have_chosen = _none_of(faces), _none_of(faces), [], False
    own, *before = _lineage(candidate)
    known = library.find(own) is not None
    for run in (own, *before):
        data = library.find(run)
        if data is None:
            may_have_chosen |= run.chose
            strangers += [run.name] if run is not own else []
            continue
        training, held_out = _places(run, data)
        if run is own:
            training = np.array([], dtype=np.int64) if own_validation else _of_training(data, training, held_out)
        trained |= leaks(faces.images, data.images[training])
        if run.chose:
            chose |= leaks(faces.images, data.images[held_out])
    return Seen(known, trained, chose, tuple(strangers), may_have_chosen)


def _none_of(faces: Faces) -> np.ndarray:
    return np.zeros(len(faces), dtype=bool)


def _lineage(candidate: Candidate) -> Iterator[_Trained]:
    """Yield the run, then those that it started or learned from."""
    record, settings = candidate.config.data, candidate.config.settings
    recipes = [
        SplitRecipe.of(own, record["sha256"], limit_seed=candidate.split.limit_seed) for own in settings.each_member()
    ]
    yield _Trained(candidate.name, recipes, record["validation_split"], settings.keep, _source_of(candidate))
    for run in record.get("starts_from", []):  # those of before --keep had no choice, and did not say where they read
        recipe = SplitRecipe(**run["split"])
        yield _Trained(run["run"], [recipe], run["validation_split"], run.get("keep", "best"), run.get("source"))


def _places(run: _Trained, data: Faces) -> tuple[np.ndarray, np.ndarray]:
    """Return where the images that trained the run's networks and those that validated them stand in its data."""
    training, held_out = zip(*(recipe.indices(data) for recipe in run.recipes), strict=True)
    return np.unique(np.concatenate(training)), np.unique(np.concatenate(held_out))


def _of_training(data: Faces, training: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Return the places of what trained, with what was held out of Training: that is no test of any network either."""
    return np.union1d(training, held_out[data.usage[held_out] == "Training"])
