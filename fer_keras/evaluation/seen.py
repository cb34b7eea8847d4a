"""What runs have seen of the images that they are evaluated on, by the pixels: in training, or to choose an epoch.

A run has seen what its own data show it and, where it started from the weights of other runs or learned from them, what
theirs showed those: config.json tells both (`starts_from`). Pixels and not the names of splits or files, for the same
images come in other files too, and data sets repeat images.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from fer_keras.config import PRETRAINED
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import at_hand, lies_there, load_faces
from fer_keras.data.protocol import indices
from fer_keras.data.select import stand_among
from fer_keras.emotions import IMAGE_SIZE
from fer_keras.evaluation.runs_to_evaluate import Candidate
from fer_keras.files import is_there
from fer_keras.provenance import SplitRecipe


@dataclass(frozen=True)
class Seen:
    """What one run has seen of N images.

    candidate: the run. known: whether the data that it was trained on itself are at hand, unchanged; where not, nothing
    here counts them.
    trained: bool (N,), images that trained it or a run that it comes from, or stand in what was held out of Training.
    chose: bool (N,), images that chose the epoch of one of those.
    elsewhere: bool (N,), those of both that a run which it comes from has seen in other data than its own.
    strangers: the names of the runs that it comes from whose data are not at hand; what they have seen does not count.
    may_have_chosen: whether an epoch was chosen on data that are not at hand.
    """

    candidate: Candidate
    known: bool
    trained: np.ndarray
    chose: np.ndarray
    elsewhere: np.ndarray
    strangers: tuple[str, ...]
    may_have_chosen: bool

    @property
    def only_chose(self) -> np.ndarray:
        """Images that chose an epoch and trained nothing, bool (N,)."""
        return self.chose & ~self.trained

    def take(self, places: np.ndarray) -> "Seen":
        """Return what it has seen of these images alone. places: integers."""
        return replace(self, **{name: getattr(self, name)[places] for name in ("trained", "chose", "elsewhere")})

    def trained_on(self) -> bool | None:
        """Tell whether it was trained on most of the images, or they were held out of Training; None: not known."""
        if self.trained.mean() > 0.5:
            return True
        return False if self.known and not self.strangers else None

    def selected_on(self) -> bool | None:
        """Tell whether most of the images chose an epoch; None where that cannot be told.

        Most, for data sets repeat images: FER2013's PrivateTest has a few of PublicTest's.
        """
        if self.chose.mean() > 0.5:
            return True
        return None if self.may_have_chosen else False


@dataclass(frozen=True)
class _Trained:
    """One trained run, as it or one that came of it has recorded it.

    recipes: of the images of each of its networks. chose: whether held-out images have chosen its epoch.
    """

    name: str
    recipes: tuple[SplitRecipe, ...]
    chose: bool
    source: str | None

    @property
    def sha256(self) -> str:
        return self.recipes[0].sha256


class Library:
    """The data that runs were trained on, as far as they are at hand and unchanged.

    Each is looked for wherever one of the runs has read it: those of before it was recorded do not say where.
    """

    def __init__(self, whole: Faces, candidates: list[Candidate]):
        self._faces: dict[str, Faces | None] = {whole.sha256: whole}
        self._places: dict[tuple[SplitRecipe, ...], tuple[np.ndarray, np.ndarray]] = {}
        runs = [run for candidate in candidates for run in _lineage(candidate)]
        self._sources = {(run.sha256, run.source, run.recipes[0].limit): None for run in runs}  # in order, each once

    def find(self, sha256: str) -> Faces | None:
        """Return the data of that SHA-256; None if they are not at hand."""
        if sha256 not in self._faces:
            places = [(source, limit) for of, source, limit in self._sources if of == sha256]
            found = (at_hand(source, sha256, limit=limit) for source, limit in places)
            self._faces[sha256] = next((faces for faces in found if faces is not None), None)
        return self._faces[sha256]

    def places(self, run: _Trained) -> tuple[np.ndarray, np.ndarray]:
        """Return where the images that trained the run's networks, and those held out of each, stand in its data."""
        if run.recipes not in self._places:
            data = self.find(run.sha256)
            training, held_out = zip(*(indices(recipe, data) for recipe in run.recipes), strict=True)
            self._places[run.recipes] = np.unique(np.concatenate(training)), np.unique(np.concatenate(held_out))
        return self._places[run.recipes]


def data_of(candidate: Candidate) -> Faces | None:
    """Return what lies where the run's data lay when it was trained, or the synthetic faces that it was trained on.

    The shipped run was trained elsewhere: without its data at hand it gets what `--data auto` finds.
    """
    source = _source_of(candidate)
    if not lies_there(source):
        return None
    return load_faces(source, limit=candidate.config.settings.limit if source == "synthetic" else 0)


def _source_of(candidate: Candidate) -> str:
    record = candidate.config.data
    if candidate.name == PRETRAINED and not is_there(record["source"]):
        return "auto"
    return candidate.config.source


def seen_by(candidate: Candidate, faces: Faces, library: Library, *, validation: bool, crossed: bool) -> Seen:
    """Return what `candidate` has seen of `faces`.

    validation: whether these are what was held out of its training. crossed: whether each image is judged by a network
    that was not trained on it, though others of the run were. Else what was held out of Training counts as seen too.
    """
    trained, chose, elsewhere = (np.zeros(len(faces), dtype=bool) for _ in range(3))
    own, *before = _lineage(candidate)
    done, strangers, may_have_chosen = set(), [], False
    for run in (own, *before):
        data = library.find(run.sha256)
        if data is None:
            may_have_chosen |= run.chose
            strangers += [run.name] if run is not own else []
            continue
        if (run.recipes, run.chose) in done:
            continue
        done.add((run.recipes, run.chose))
        training, held_out = library.places(run)
        if run is own and crossed:
            training = training[:0]
        elif run is own and not validation:
            training = np.union1d(training, held_out[data.usage[held_out] == "Training"])
        learned = stand_among(faces.images, data.images[training])
        selected = stand_among(faces.images, data.images[held_out]) if run.chose else np.zeros_like(chose)
        trained, chose = trained | learned, chose | selected
        if run.sha256 != own.sha256:
            elsewhere |= learned | selected
    if "starts_from" not in candidate.config.data and (unrecorded := _parents(candidate)):
        strangers, may_have_chosen = [*unrecorded], True  # trained before a run said where it comes from
    known = library.find(own.sha256) is not None
    return Seen(candidate, known, trained, chose, elsewhere, tuple(strangers), may_have_chosen)


def trained_on(candidates: list[Candidate], library: Library) -> np.ndarray:
    """Return the images that trained the candidates or runs that they come from, where at hand: uint8 (M, 48, 48)."""
    runs = [run for candidate in candidates for run in _lineage(candidate)]
    return _images([(run, library.places(run)[0]) for run in runs if library.find(run.sha256) is not None], library)


def chose_for(candidate: Candidate, library: Library) -> np.ndarray:
    """Return the images that chose the epoch of a run or of what it comes from, where at hand: uint8 (M, 48, 48)."""
    runs = [run for run in _lineage(candidate) if run.chose and library.find(run.sha256) is not None]
    return _images([(run, library.places(run)[1]) for run in runs], library)


def _images(parts: list[tuple[_Trained, np.ndarray]], library: Library) -> np.ndarray:
    places: dict[str, np.ndarray] = {}
    for run, index in parts:
        places[run.sha256] = np.union1d(places.get(run.sha256, index), index)
    images = [library.find(sha256).images[index] for sha256, index in places.items()]
    return np.concatenate([np.zeros((0, IMAGE_SIZE, IMAGE_SIZE), np.uint8), *images])


def _parents(candidate: Candidate) -> tuple[str, ...]:
    settings = candidate.config.settings
    return (*settings.init_from, *settings.teachers)


def _lineage(candidate: Candidate) -> Iterator[_Trained]:
    """Yield the run, then those that it started or learned from."""
    record, settings = candidate.config.data, candidate.config.settings
    recipes = tuple(
        SplitRecipe.of(
            own,
            record["sha256"],
            limit_seed=candidate.split.limit_seed,
            copies_by=candidate.split.copies_by,
        )
        for own in settings.each_member()
    )
    chose = settings.keep == "best" and bool(record["validation_split"])
    yield _Trained(candidate.name, recipes, chose, _source_of(candidate))
    for before in candidate.config.ancestors:
        yield _Trained(before.run, (before.split,), before.selected, before.source)
