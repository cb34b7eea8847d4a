"""What `python visualize.py` does: open, choose the images, carry out the methods, leave a page of their pictures."""

import dataclasses
import hashlib
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fer_keras.config import flag
from fer_keras.console import counted, duration, say, table
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError
from fer_keras.explain.registry import EXPLAINERS, explainer_class
from fer_keras.explanations.activation import write_activation
from fer_keras.explanations.attribution import write_attribution, write_comparison
from fer_keras.explanations.filters import write_filters
from fer_keras.explanations.folder import DONE, MethodFolder
from fer_keras.explanations.index_page import address, has_mark, index_page, is_ours
from fer_keras.explanations.lime import write_lime
from fer_keras.explanations.methods import METHODS, OF_ATTRIBUTIONS
from fer_keras.explanations.options import Options
from fer_keras.explanations.outputs import write_outputs
from fer_keras.explanations.photos import write_faces
from fer_keras.explanations.progress import progress
from fer_keras.explanations.regions import write_regions
from fer_keras.explanations.scores import write_scores
from fer_keras.explanations.selection import check_index, every_image, select_images
from fer_keras.explanations.study import Network, Study, classify, layer_of, needs_maps, open_network
from fer_keras.explanations.target import PHOTOS, Target
from fer_keras.files import writable, write_text
from fer_keras.lock import only_writer

INDEX = "index.html"
_GUESSING = 1 / 4  # an accuracy below this makes one ask whether network and images fit

# The options, besides the network and the images, that decide what a method leaves behind.
_SELECTION = ("per_class", "index", "seed")
_OF_LIME = ("lime_samples", "lime_segments")
_OF_LIMES_PICTURES = ("lime_top_labels", "lime_positive_only")
_DEPENDS_ON = {
    "faces": (),
    "comparison": (*_SELECTION, *_OF_LIME),
    "activation": ("filters", "filter", "style", "seed"),
    "outputs": ("filter", "channels", "index", "seed"),
    "filters": (),
    "regions": (),  # what its attributions depend on
    "scores": _SELECTION,
    "lime": (*_SELECTION, *_OF_LIME, *_OF_LIMES_PICTURES),
}
_READABLE = {"layer", *(option for options in _DEPENDS_ON.values() for option in options)}
_AT_THE_LAYER = ("activation", "outputs", "filters")


def explain_target(target: Target, options: Options) -> Path:
    """Carry out `options.methods` on a target, and return the page of all pictures.

    A method that is finished with the same options is not done again, unless `options.force`.

    Raises:
        UserError: before anything is written, for a network that does not fit, options that the network or the faces
            do not allow, or a page in the folder that is somebody's own.
    """
    began = time.monotonic()
    _refuse_foreign_page(target.folder / INDEX)
    check_index(options.index, len(target.faces), target.split)
    network = open_network(target, options)
    if network.unfit:
        fit = tuple(name for name in options.methods if name not in network.unfit)
        options = dataclasses.replace(options, method=fit, score=False)
    say(table([*_facts(target), ("layer", network.layer)]))
    unfit = [f"No {name} here: {why}." for name, why in network.unfit.items()]
    for warning in (*target.warnings, *unfit, *idle_flags(options)):
        say(f"  {warning}")
    writable(target.folder)
    with only_writer(target.folder):
        _carry_out_all(target, network, options)
    index = target.folder / INDEX
    say(f"\nexplained in {duration(time.monotonic() - began)}: {index}")
    return index


def _carry_out_all(target: Target, network: Network, options: Options) -> None:
    for name in METHODS:
        MethodFolder(target.folder / name).recover()
    folders = {name: MethodFolder(target.folder / name, note=target.note) for name in options.methods}
    wanted = {name: decided_by(name, target, network, options) for name in folders}
    pending = [name for name in folders if options.force or not folders[name].is_done(wanted[name])]
    study = _study(target, network, options) if pending or _is_stale(target) else None
    if study is not None:
        _tell_about(study)
    for number, name in enumerate(folders, start=1):
        where = f"[{number} of {len(folders)}] {name}"
        if name not in pending:
            say(f"{where}: done before (--force does it again)")
            continue
        say(f"{where}: {METHODS[name]}")
        started = time.monotonic()
        if folders[name].holds_others(wanted[name]):
            say("  takes the place of one that was made otherwise; --output FOLDER keeps both")
        try:
            _carry_out(name, study, folders[name], wanted[name])
        except KeyboardInterrupt:
            say("\nWhat is finished is kept: the same command goes on with the rest.")
            raise
        _write_index(target, study)
        say(f"  {counted(len(folders[name].files), 'file')} in {duration(time.monotonic() - started)}")
    if study is not None and not pending:
        _write_index(target, study)


def _refuse_foreign_page(page: Path) -> None:
    """Raise UserError where the page would take the place of somebody's own."""
    if page.exists() and not (page.is_file() and is_ours(page.read_text(encoding="utf-8", errors="replace"))):
        raise UserError(
            f"{page}: expected no page there but one that this program wrote, received another. Move it away and call "
            f"again, or choose another folder by --output"
        )


def _is_stale(target: Target) -> bool:
    """Tell whether the page is of another network or other faces, lacks what a killed command has finished, or shows
    what somebody has removed."""
    page = target.folder / INDEX
    if not page.is_file():
        return True
    text = page.read_text(encoding="utf-8", errors="replace")
    if not has_mark(text, _mark(target)):
        return True
    for name in METHODS:
        done = target.folder / name / DONE
        if MethodFolder(target.folder / name).record() is None:
            if f"='{address(name)}/" in text:
                return True
        elif done.stat().st_mtime_ns > page.stat().st_mtime_ns:
            return True
    return False


def _mark(target: Target) -> str:
    """Return letters and digits that tell apart what pages say at their top of the network and the faces."""
    said = [target.name, _facts(target), _warnings(target), target.identity]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _warnings(target: Target) -> list[str]:
    return [note for note in (target.note, *target.warnings) if note]


def _carry_out(name: str, study: Study, folder: MethodFolder, decided: dict[str, Any]) -> None:
    with folder.written(decided):
        with progress(name, _UNITS.get(name, "images")) as tell:
            _writer(name, study.options)(study, folder, tell)
        if name in EXPLAINERS:
            folder.notes[:0] = study.selection.notes


_UNITS = {"faces": "photos", "comparison": "methods", "activation": "steps", "regions": "methods", "scores": "methods"}


def _writer(name: str, options: Options):
    """Return the function that writes a method's files: called with the study, the folder and the progress."""
    if name in OF_ATTRIBUTIONS:
        return partial({"regions": write_regions, "scores": write_scores}[name], _measured(options))
    others = {
        "faces": write_faces,
        "comparison": write_comparison,
        "activation": write_activation,
        "outputs": write_outputs,
        "filters": write_filters,
        "lime": write_lime,
    }
    return others.get(name) or partial(write_attribution, name)


def _measured(options: Options) -> list[str]:
    """Return the attribution methods whose maps are measured."""
    return [name for name in options.methods if name in EXPLAINERS]


def _options_of(name: str, *, photos: bool) -> tuple[str, ...]:
    """Return the options that a method reads. Of photos every face is shown, not so many of a kind: the seed decides
    what a method draws at random alone, and the faces named by --index have a part in the methods of _DEPENDS_ON."""
    options = _DEPENDS_ON.get(name, _SELECTION)
    unread = {"per_class"} if photos else set()
    if photos and name not in _DEPENDS_ON:
        unread |= {"index"} if explainer_class(name).seeded else {"index", "seed"}
    return tuple(option for option in options if option not in unread)


def decided_by(name: str, target: Target, network: Network, options: Options) -> dict[str, Any]:
    """Return all that decides what a method leaves behind, as JSON values."""
    decided = dict(target.identity)
    if name == "faces":
        decided["photos"] = [str(photo.path) for photo in target.photos]
    if name in OF_ATTRIBUTIONS:
        decided |= {one: _of_maps(decided_by(one, target, network, options)) for one in _measured(options)}
    for option in _options_of(name, photos=target.faces.labels is None):
        value = getattr(options, option)
        decided[option] = list(value) if isinstance(value, tuple) else value
    layer = network.layer if name in _AT_THE_LAYER else layer_of(name, network)
    return decided if layer is None else decided | {"layer": layer}


def _of_maps(decided: dict[str, Any]) -> dict[str, Any]:
    """Return what of it decides a method's maps: LIME has options of its pictures alone."""
    return {name: value for name, value in decided.items() if name not in _OF_LIMES_PICTURES}


def idle_flags(options: Options) -> list[str]:
    """Return a sentence for each flag that was given another value than its default and that no method reads."""
    read = {option for name in options.methods for option in _options_of(name, photos=bool(options.photo))}
    if any(name in _AT_THE_LAYER or needs_maps(name) for name in options.methods):
        read.add("layer")
    if options.limit:
        read.add("seed")  # which images
    said = []
    for field in dataclasses.fields(Options):
        given = getattr(options, field.name) != field.default
        if field.name not in _READABLE or not given:
            continue
        if field.name not in read:
            said.append(
                f"{flag(field.name)} changes nothing: no method asked for reads it ({', '.join(options.methods)})."
            )
        elif field.name == "filters" and options.filter:
            said.append("--filters changes nothing beside --filter, which names the filters.")
    return said


def _study(target: Target, network: Network, options: Options) -> Study:
    with progress("predicting", "images") as tell:
        probabilities = classify(network, target.faces.images, tell)
    if target.faces.labels is None:
        return Study(target, network, probabilities, every_image(len(probabilities), index=options.index), options)
    selection = select_images(
        target.faces.labels,
        probabilities.argmax(axis=1),
        per_class=options.per_class,
        index=options.index,
        seed=options.seed,
        split=target.split,
    )
    return Study(target, network, probabilities, selection, options)


def _tell_about(study: Study) -> None:
    if study.labels is None:
        for index in range(len(study.images)):
            say(f"  {study.caption(index)}")
        return
    accuracy = float(np.mean(study.correct))
    say(f"  {accuracy:.1%} of the images are classified correctly")
    if not study.target.own and accuracy < _GUESSING:
        say(
            "  That is little. The network is given pixels of 0 to 255: if it expects 0 to 1, put a layer "
            "Rescaling(1 / 255) in front; its outputs must be in the order of FER2013's labels"
        )
    for note in study.selection.notes:
        say(f"  {note}")


def _facts(target: Target) -> list[tuple[str, str]]:
    faces = target.faces
    of_data = ("images", f"{len(faces):,} of {faces.source}, {target.split}")
    return [
        ("network", f"{target.name} ({target.network_file.name})"),
        of_data if faces.labels is not None else ("faces", f"{len(faces):,} in {faces.source}"),
    ]


def _write_index(target: Target, study: Study | None) -> None:
    """Write the page of everything that is finished, by this command or before."""
    methods, records = [], {name: MethodFolder(target.folder / name).record() for name in METHODS}
    for name, about in METHODS.items():
        record = records[name]
        if record is None:
            continue
        reference = f" ({explainer_class(name).reference})" if name in EXPLAINERS else ""
        notes = _of_others(record, target) + (_of_other_maps(record, records) if name in OF_ATTRIBUTIONS else [])
        methods.append((name, about + reference, record | {"notes": notes + record["notes"]}))
    facts = _facts(target)
    if study is not None and study.labels is not None:
        facts.append(("correct", f"{np.mean(study.correct):.1%} of these images"))
    elif study is not None:
        said = zip(study.ids, study.predictions, study.probabilities.max(axis=1), strict=True)
        facts += [(str(name), f"{EMOTIONS[emotion]} {probability:.2f}") for name, emotion, probability in said]
    page = index_page(f"What {target.name} looks at", facts, _warnings(target), methods, mark=_mark(target))
    write_text(target.folder / INDEX, page)


def _of_other_maps(record: dict[str, Any], records: dict[str, dict[str, Any] | None]) -> list[str]:
    """Return a note for each attribution that has been made otherwise since it was measured."""
    now = {name: _of_maps(one["options"]) for name, one in records.items() if one is not None and name in EXPLAINERS}
    changed = [name for name, options in now.items() if record["options"].get(name, options) != options]
    return [f"Measured on the maps that {name} had before: it was made anew, by other options." for name in changed]


def _of_others(record: dict[str, Any], target: Target) -> list[str]:
    """Return a note where a finished method shows another network or other images than the page says."""
    made_of = {key: record["options"].get(key) for key in target.identity}
    if made_of == target.identity:
        return []
    other = "another network" if made_of["network"] != target.identity["network"] else "other images"
    count, split = made_of["images"], made_of["split"]
    of = f"{counted(count, 'face')} in photos" if split == PHOTOS else f"{counted(count, 'image')} of {split}"
    return [f"Made by an earlier command, of {other}: {of}."]
