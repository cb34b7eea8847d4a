"""What is explained: which network's file, on which faces, and where the explanations go. Imports no Keras."""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_keras.data.faces import SYNTHETIC_NOTE, Faces
from fer_keras.data.prepare import load_faces
from fer_keras.data.select import equalize, stratified_limit
from fer_keras.errors import UserError
from fer_keras.evaluation.held_out import hold_out
from fer_keras.evaluation.runs_to_evaluate import Candidate, find_candidates, on_data
from fer_keras.evaluation.seen import data_of
from fer_keras.explanations.options import Options
from fer_keras.files import expanded
from fer_keras.runs import VALIDATION

if TYPE_CHECKING:
    from fer_keras.photos.predict import PhotoResult

PHOTOS = "photos"  # what stands for the split of faces in photos
TRAINED_ON_SYNTHETIC_NOTE = "The network was trained on drawn, synthetic faces."


@dataclass(frozen=True)
class Target:
    """A network on disk and the faces that it is explained with: labelled ones, or those of photos.

    name: of the run or the file, for people. network_file: its .keras. own: whether train.py made it.
    faces: as the network is given them (equalised where it was trained so). split: their name, or PHOTOS.
    folder: where explanations go. note: below every figure. warnings: what a reader must not miss.
    identity: JSON values that tell this network and these faces from any others. photos: where the faces stand, if in
    photos.
    """

    name: str
    network_file: Path
    own: bool
    faces: Faces
    split: str
    folder: Path
    note: str | None
    warnings: tuple[str, ...]
    identity: dict[str, Any]
    photos: "tuple[PhotoResult, ...]" = ()

    @property
    def synthetic(self) -> bool:
        return self.faces.synthetic


def find_target(options: Options) -> Target:
    """Return the network and the faces that `options` name. UserError for whatever is wrong with either."""
    return _of_file(options) if options.model is not None else _of_run(options)


@dataclass(frozen=True)
class _Shown:
    """The faces that a network is shown, as `Target` has them."""

    faces: Faces
    split: str
    note: str | None = None
    warnings: tuple[str, ...] = ()
    photos: "tuple[PhotoResult, ...]" = ()


def _in_photos(options: Options) -> _Shown:
    from fer_keras.photos.faces import faces_in_photos  # here, for OpenCV and Matplotlib take their time to start

    paths = [expanded(path) for path in options.photo]
    faces, photos = faces_in_photos(paths, detect=options.detect)
    return _Shown(faces, PHOTOS, photos=tuple(photos))


def _of_run(options: Options) -> Target:
    candidate, said = _one_network(options)
    member = candidate.members[0]
    if not member.file.is_file():
        raise UserError(f"no network at {member.file}, though the run is finished. Copy it back, or train anew")
    shown = _in_photos(options) if options.photo else _of_candidate(candidate, options)
    faces = shown.faces
    if member.equalize:
        faces = dataclasses.replace(faces, images=equalize(faces.images))
    note = TRAINED_ON_SYNTHETIC_NOTE if candidate.config.data["synthetic"] else None
    epoch = "" if options.epoch is None else f"epoch-{options.epoch}"  # beside those of the epoch that was kept
    return Target(
        name=f"{candidate.name}, epoch {options.epoch}" if epoch else candidate.name,
        network_file=member.file,
        own=True,
        faces=faces,
        split=shown.split,
        folder=_folder(options, candidate.run.explanations / epoch),
        note=shown.note or note,
        warnings=(*said, *shown.warnings),
        identity=_identity(member.file, faces, shown.split, equalized=member.equalize),
        photos=shown.photos,
    )


def _of_candidate(candidate: Candidate, options: Options) -> _Shown:
    """The faces of the data that a run is explained with."""
    split = options.split or _split_for_explanations(candidate, options.data)
    held = hold_out([candidate], data=options.data, split=split, limit=options.limit, seed=options.seed)
    return _Shown(held.faces, held.split, SYNTHETIC_NOTE if held.synthetic else None, held.warnings)


def _one_network(options: Options) -> tuple[Candidate, list[str]]:
    """Return the run, or the first member of an ensemble: a picture explains one network."""
    names = () if options.run is None else (options.run,)
    [candidate] = find_candidates(names, logdir=options.logdir, epoch=options.epoch)
    count = len(candidate.members)
    if count == 1:
        return candidate, []
    first = candidate.run.member(0).path
    [candidate] = find_candidates((str(first),), logdir=options.logdir, epoch=options.epoch)
    return candidate, [f"The run has {count} networks: these pictures explain {first}. Choose another by --run"]


def _split_for_explanations(candidate: Candidate, data: str | None) -> str | None:
    """Return a split that the run was not trained on, leaving PrivateTest to the final numbers if there is another."""
    whole = load_faces(data) if data is not None else data_of(candidate)
    candidate = candidate if whole is None else on_data(candidate, whole)
    by = candidate.config.data["validation_split"]
    if whole is not None and (data is not None or whole.sha256 != candidate.config.data["sha256"] or not by):
        return "PublicTest" if "PublicTest" in whole.splits() else None
    return by if by != "Training" else VALIDATION


def _of_file(options: Options) -> Target:
    """A network that this project may not have made, on photos or on data that must be at hand."""
    file = expanded(options.model)
    if not file.is_file():
        raise UserError(f"no file {file}. Expected a network saved by Keras (.keras)")
    shown = _in_photos(options) if options.photo else _of_data(options, file.name)
    return Target(
        name=file.name,
        network_file=file,
        own=False,
        faces=shown.faces,
        split=shown.split,
        folder=_folder(options, file.with_name(f"{file.stem}-explanations")),
        note=shown.note,
        warnings=shown.warnings,
        identity=_identity(file, shown.faces, shown.split, equalized=False),
        photos=shown.photos,
    )


def _of_data(options: Options, name: str) -> _Shown:
    """The faces of the data that a network is explained with which is no run's."""
    whole = load_faces(options.data or "auto")
    if whole.labels is None:
        raise UserError(f"{whole.source}: expected labels to choose images by, received none. Choose other data")
    there = whole.splits()
    split = options.split or next(name for name in ("PublicTest", "PrivateTest", "Training") if name in there)
    faces = whole.split(split)
    if options.limit:
        faces = stratified_limit(faces, options.limit, options.seed)
    warning = f"Whether {name} was trained on these images is not known."
    return _Shown(faces, split, note=SYNTHETIC_NOTE if faces.synthetic else None, warnings=(warning,))


def _folder(options: Options, default: Path) -> Path:
    if options.output is not None:
        return expanded(options.output)
    return default / PHOTOS if options.photo else default  # beside those of the data


def _identity(file: Path, faces: Faces, split: str, *, equalized: bool) -> dict[str, Any]:
    with file.open("rb") as stream:
        network = hashlib.file_digest(stream, "sha256").hexdigest()
    chosen = hashlib.sha256("\n".join(faces.ids).encode()).hexdigest()
    return {
        "network": network,
        "data": faces.sha256,
        "split": split,
        "images": len(faces),
        "which": chosen,
        "equalized": equalized,
    }
