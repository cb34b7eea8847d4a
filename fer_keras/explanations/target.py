"""What is explained: which network's file, on which faces, and where the explanations go. Imports no Keras."""

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_keras.data.faces import SYNTHETIC_NOTE, Faces
from fer_keras.data.prepare import load_faces
from fer_keras.data.select import equalize, stratified_limit
from fer_keras.errors import UserError
from fer_keras.evaluation.held_out import VALIDATION, data_of, hold_out
from fer_keras.evaluation.runs_to_evaluate import Candidate, find_candidates
from fer_keras.explanations.options import Options
from fer_keras.files import expanded

TRAINED_ON_SYNTHETIC_NOTE = "The network was trained on drawn, synthetic faces."


@dataclass(frozen=True)
class Target:
    """A network on disk and the labelled faces that it is explained with.

    name: of the run or the file, for people. network_file: its .keras. own: whether train.py made it.
    faces: as the network is given them (equalised where it was trained so). split: their name. reason: why these, a
    sentence. folder: where explanations go. note: below every figure. warnings: what a reader must not miss.
    identity: JSON values that tell this network and these faces from any others.
    """

    name: str
    network_file: Path
    own: bool
    faces: Faces
    split: str
    reason: str
    folder: Path
    note: str | None
    warnings: tuple[str, ...]
    identity: dict[str, Any]

    @property
    def synthetic(self) -> bool:
        return self.faces.synthetic


def find_target(options: Options) -> Target:
    """Return the network and the faces that `options` name. UserError for whatever is wrong with either."""
    return _of_file(options) if options.model is not None else _of_run(options)


def _of_run(options: Options) -> Target:
    candidate, said = _one_network(options)
    member = candidate.members[0]
    if not member.file.is_file():
        raise UserError(f"no network at {member.file}, though the run is finished. Copy it back, or train anew")
    split = options.split or _split_for_explanations(candidate, options.data)
    held = hold_out([candidate], data=options.data, split=split, limit=options.limit, seed=options.seed)
    faces = held.faces
    if member.equalize:
        faces = dataclasses.replace(faces, images=equalize(faces.images))
    note = TRAINED_ON_SYNTHETIC_NOTE if candidate.config.data["synthetic"] else None
    epoch = "" if options.epoch is None else f"epoch-{options.epoch}"  # beside those of the epoch that was kept
    return Target(
        name=f"{candidate.name}, epoch {options.epoch}" if epoch else candidate.name,
        network_file=member.file,
        own=True,
        faces=faces,
        split=held.split,
        reason=held.reason,
        folder=_folder(options, candidate.run.explanations("all").parent / epoch),
        note=SYNTHETIC_NOTE if held.synthetic else note,
        warnings=(*said, *held.warnings),
        identity=_identity(member.file, faces, held.split, equalized=member.equalize),
    )


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
    by = candidate.config.data["validation_split"]
    if whole is not None and (data is not None or whole.sha256 != candidate.config.data["sha256"] or not by):
        return "PublicTest" if "PublicTest" in whole.splits() else None
    return by if by != "Training" else VALIDATION


def _of_file(options: Options) -> Target:
    """A network that this project may not have made, on data that must be at hand."""
    file = expanded(options.model)
    if not file.is_file():
        raise UserError(f"no file {file}. Expected a network saved by Keras (.keras)")
    whole = load_faces(options.data or "auto")
    if whole.labels is None:
        raise UserError(f"{whole.source}: expected labels to choose images by, received none. Choose other data")
    there = whole.splits()
    split = options.split or next(name for name in ("PublicTest", "PrivateTest", "Training") if name in there)
    faces = whole.split(split)
    if options.limit:
        faces = stratified_limit(faces, options.limit, options.seed)
    return Target(
        name=file.name,
        network_file=file,
        own=False,
        faces=faces,
        split=split,
        reason="",
        folder=_folder(options, file.with_name(f"{file.stem}-explanations")),
        note=SYNTHETIC_NOTE if faces.synthetic else None,
        warnings=(f"Whether {file.name} was trained on these images is not known.",),
        identity=_identity(file, faces, split, equalized=False),
    )


def _folder(options: Options, default: Path) -> Path:
    return default if options.output is None else expanded(options.output)


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
