"""What each filter is after: the picture that excites it most, and the faces that do."""

import numpy as np

from fer_keras.data.prepare import load_faces
from fer_keras.emotions import EMOTIONS
from fer_keras.explain.activation import STEPS, Visualisation, maximise_targets
from fer_keras.explain.filters import layer_activations, top_images
from fer_keras.explain.layer_outputs import convolutions_and_poolings
from fer_keras.explain.spectrum import mean_spectrum
from fer_keras.explanations.folder import MethodFolder
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.study import Study
from fer_keras.plots.activation import filters_figure, layers_figure

TOP = 9  # faces beside a filter


def chosen_filters(study: Study) -> list[int]:
    """Return the filters named by `--filter`, else the first `--filters` of the layer."""
    if study.options.filter:
        return list(dict.fromkeys(study.options.filter))
    count = study.network.access.layer_shape(study.network.layer)[-1]
    return list(range(min(study.options.filters, count)))


def write_activation(study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write the pictures of the layer's filters, those of the first filter of every layer, and maps.npz."""
    layer, style, filters = study.network.layer, study.options.style, chosen_filters(study)
    others = [(name, 0) for name in convolutions_and_poolings(study.network.access)]
    # In one go: pictures of many layers share their passes through the network.
    both = maximise_targets(
        study.network.model,
        [(layer, number) for number in filters] + others,
        style=style,
        seed=study.options.seed,
        spectrum=_training_spectrum(study) if style == "maco" else None,
        progress=tell,
    )
    pictures, reached = both.images[: len(filters)], both.activations[: len(filters)]
    activations = layer_activations(study.network.model, layer, study.images)[:, filters]  # (N, F)
    top = top_images(activations, TOP)  # (F, 9)
    references = np.percentile(activations, 99, axis=0)
    means = _means_by_emotion(activations, study.labels)
    _write_arrays(folder, study, both, filters, top=top, references=references, means=means)

    title = f"What excites the filters of {layer} ({style}, {STEPS[style]} steps); their mean activation by emotion"
    title += ", gray: over all seven"
    figure = filters_figure(
        pictures, reached, filters, top_faces=study.images[top], references=references, emotion_means=means, title=title
    )
    caption = (
        f"For each filter of {layer}: the picture that excites it most, by gradient ascent from noise, with the "
        f"activation it reaches; the {top.shape[1]} faces of {study.target.split}{study.limited} that excite it most, "
        "the strongest first; its mean activation by emotion, with the ends of the scale; "
        "the gray line is the mean of these means."
    )
    folder.figure(f"{layer}.png", figure, caption, heading=f"The filters of {layer}")
    if others:
        title = f"The first filter of every convolution and pooling layer ({style})"
        figure = layers_figure(both.images[len(filters) :], both.activations[len(filters) :], others, title=title)
        caption = "The picture that excites the first filter of each layer most, from the input on, with the activation"
        folder.figure("first_filters.png", figure, f"{caption} it reaches.", heading="Layer by layer")


def _write_arrays(folder: MethodFolder, study: Study, both: Visualisation, filters, *, top, references, means) -> None:
    folder.arrays(
        "The pictures (maps), their layers, filters and activations; for the filters of the layer their top faces "
        "(images, labels, predictions, indices, ids), 99th percentiles and mean activations by emotion",
        maps=both.images,
        layers=np.array([layer for layer, _ in both.targets]),
        filters=np.array([number for _, number in both.targets]),
        activations=both.activations,
        saturated=both.saturated,
        **study.arrays(top),
        percentile_99=references,
        emotion_means=means,
    )


def _means_by_emotion(activations: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return float (7, F), NaN for an emotion without images."""
    means = np.full((len(EMOTIONS), activations.shape[1]), np.nan)
    for label in np.unique(labels):
        means[label] = activations[labels == label].mean(axis=0)
    return means


def _training_spectrum(study: Study) -> np.ndarray:
    """Return the mean spectrum of the training faces; of the split's where the data have no training faces."""
    faces = study.target.faces
    source = "synthetic" if study.target.synthetic else faces.source
    whole = load_faces(source, equalize=study.target.identity["equalized"])
    return mean_spectrum(whole.split("Training").images if "Training" in whole.splits() else faces.images)
