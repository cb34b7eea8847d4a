"""The attribution methods: maps of the selected images, their mean by emotion, and all methods side by side."""

import keras
import numpy as np

from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS
from fer_keras.explain.explainer import Explainer, OneByOneExplainer
from fer_keras.explain.gradients import IntegratedGradients
from fer_keras.explain.registry import EXPLAINERS, explainer_class
from fer_keras.explanations.folder import MethodFolder
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.sheets import parts, sheets
from fer_keras.explanations.study import Study, layer_of, layer_title
from fer_keras.plots.attribution import attribution_figure, comparison_figure, mean_maps_figure

# Gradients by gray level: below 0, a darker pixel would speak for the emotion, which is not to speak against it.
MAGNITUDE = ("smoothgrad", "guided-backprop")
_CHUNK = 256


def write_attribution(name: str, study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write the maps of one method: sheets of the selected images, the mean map of each emotion, maps.npz.

    A method that looks at each face in one pass explains the whole split; the others, which take dozens to a
    thousand passes for a face, explain the selected images.
    """
    explainer = make_explainer(name, study)
    whole = not isinstance(explainer, OneByOneExplainer)
    indices = np.arange(len(study.images)) if whole else study.selection.everything()
    maps = explain(explainer, study.images[indices], study.predictions[indices], tell)
    folder.arrays(
        f"The maps of {'all' if whole else 'the selected'} {len(indices):,} images, unscaled, with the images",
        maps=maps,
        **study.arrays(indices),
    )
    if isinstance(explainer, IntegratedGradients):
        folder.say(_completeness_said(explainer, study.images[indices], maps, study.predictions[indices]))
    shown, signed = shown_maps(explainer, maps)
    at = titled(name, study)
    over = "smoothed" if signed else "smoothed, where it is above its median"
    folder.reading = f"Beside each face its map, and the map, {over}, over the face. {_scale(signed)}"
    folder.reading += f" {explainer.caveat}" if explainer.caveat else ""
    for sheet in sheets(study):
        rows = np.searchsorted(indices, sheet.indices)
        figure = attribution_figure(
            study.images[sheet.indices],
            shown[rows],
            [study.caption(index) for index in sheet.indices],
            signed=signed,
            title=f"{at}: {sheet.about}",
        )
        folder.figure(sheet.file, figure, sheet.about, heading=sheet.heading)
    if study.labels is not None:
        _write_means(study, folder, indices, shown, signed, at, "all" if whole else "the selected")


def write_comparison(study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write a sheet of all methods on the same few faces; of photos on all of them, and several sheets where many."""
    indices = study.selection.one_of_each()
    images, targets = study.images[indices], study.predictions[indices]
    maps, shown, signed = {}, {}, {}
    for done, name in enumerate(EXPLAINERS):
        explainer = make_explainer(name, study)
        maps[name] = explain(explainer, images, targets)
        shown[name], signed[name] = shown_maps(explainer, maps[name])
        tell(done + 1, len(EXPLAINERS))
    folder.arrays(
        "The maps, unscaled: (methods, images, 48, 48), with the names of the methods",
        maps=np.stack(list(maps.values())),
        methods=np.array(list(maps)),
        **study.arrays(indices),
    )
    layer = layer_title("comparison", study.network)
    caption = (
        "Every method on the same faces, for the predicted emotion. Red speaks for it and blue against it where a "
        "method is signed, else bright is much; each map has its own scale."
    )
    for file, rows, which in parts("comparison", np.arange(len(indices))):
        title = f"Methods on the same faces (class activation maps at {layer})"
        figure = comparison_figure(
            images[rows],
            {name: of_method[rows] for name, of_method in shown.items()},
            signed,
            ["\n".join(study.caption_lines(index)) for index in indices[rows]],
            title=f"{title}, {which}" if which else title,
        )
        folder.figure(file, figure, f"{caption} These are {which}." if which else caption)


def make_explainer(name: str, study: Study, model: keras.Model | None = None) -> Explainer:
    """Return a method with the study's layer, and its seed where it has one. model: another one of the same layers."""
    method, layer = explainer_class(name), layer_of(name, study.network)
    options = {} if layer is None else {"layer": layer}
    if method.seeded:
        options["seed"] = study.options.seed
    if name == "lime":
        options |= {"num_samples": study.options.lime_samples, "segmentation": study.options.lime_segments}
    return method(study.network.model if model is None else model, **options)


def explain(explainer: Explainer, images: np.ndarray, targets: np.ndarray, tell: Tell | None = None) -> np.ndarray:
    """Return `explainer.explain(images, targets)`, telling how far it is."""
    chunk = 1 if isinstance(explainer, OneByOneExplainer) else _CHUNK
    maps = np.empty(images.shape, np.float32)
    for start in range(0, len(images), chunk):
        part = slice(start, start + chunk)
        maps[part] = explainer.explain(images[part], targets[part])
        if tell is not None:
            tell(min(start + chunk, len(images)), len(images))
    return maps


def shown_maps(explainer: Explainer, maps: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return maps as pictures show them, and whether they have a sign there."""
    return (np.abs(maps), False) if explainer.name in MAGNITUDE else (maps, explainer.signed)


def mean_by_emotion(
    images: np.ndarray, maps: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean face and the mean map of each emotion, every map counting alike whatever its scale.

    Args:
        images: uint8 (N, 48, 48). maps: float (N, 48, 48). labels: int (N,), 0..6.

    Returns:
        (faces, means, counts): float64 (7, 48, 48) twice, NaN for an emotion without images, and int64 (7,). A map is
        divided by the sum of its magnitudes; one that is zero everywhere stays zero.
    """
    totals = np.abs(maps).sum(axis=(1, 2), dtype=np.float64)
    counts = np.bincount(labels, minlength=NUM_EMOTIONS)
    faces, means = np.full((2, NUM_EMOTIONS, *images.shape[1:]), np.nan)
    for label in np.flatnonzero(counts):
        of_it = labels == label
        faces[label] = images[of_it].mean(axis=0)
        weights = np.divide(1.0, totals[of_it], out=np.zeros(counts[label]), where=totals[of_it] > 0)
        means[label] = np.tensordot(weights, maps[of_it], axes=1) / counts[label]
    return faces, means, counts


def _write_means(study: Study, folder: MethodFolder, indices, maps, signed: bool, at: str, which: str) -> None:
    """which: of the images of an emotion these are, "all" or "the selected"."""
    right = study.correct[indices]
    if not right.any():
        folder.say("No image is classified correctly: there is no mean map.")
        return
    faces, means, counts = mean_by_emotion(study.images[indices][right], maps[right], study.labels[indices][right])
    where = f"{study.target.split}{study.limited}"
    title = f"{at}: mean over {which} correctly classified images of {where}"
    lacking = [EMOTIONS[label] for label in np.flatnonzero(counts == 0)]
    caption = (
        f"The mean map of each emotion over {which} correctly classified images of it in {where} (their number in "
        "brackets), below their mean face. Every map counts alike: it is divided by the sum of its magnitudes first."
    )
    if lacking:
        caption += f" None: {', '.join(lacking)}."
    figure = mean_maps_figure(faces, means, counts, signed=signed, title=title)
    folder.figure("mean.png", figure, caption, heading="The mean of each emotion")


def titled(name: str, study: Study) -> str:
    """Return the method's name, with the layer that it looks at where it looks at one."""
    layer = layer_title(name, study.network)
    return f"{name} at {layer}" if layer else name


def _completeness_said(explainer: IntegratedGradients, images, maps, targets) -> str:
    sums, expected = explainer.completeness(images, maps, targets)
    off = np.abs(sums - expected) / np.maximum(np.abs(expected), 1e-6)
    return (
        f"Each map should sum to the logit of the face less that of black; with {explainer.steps} steps it is off by "
        f"{np.median(off):.1%} in the median, by more than 5% for {np.mean(off > 0.05):.0%} of the images."
    )


def _scale(signed: bool) -> str:
    return (
        "Red speaks for the predicted emotion, blue against it; each map has its own scale."
        if signed
        else "The brighter, the more it matters for the predicted emotion; each map has its own scale."
    )
