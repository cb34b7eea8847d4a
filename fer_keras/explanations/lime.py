"""LIME on the same images as the attribution methods: superpixels for and against the predicted emotion."""

import numpy as np

from fer_keras.emotions import EMOTIONS
from fer_keras.explain.lime_images import LimeExplanation, perturbed_images, sample_visibility
from fer_keras.explanations.attribution import make_explainer
from fer_keras.explanations.folder import MethodFolder
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.sheets import parts, sheets
from fer_keras.explanations.study import Study, classify
from fer_keras.plots.lime import lime_figure, lime_steps_figure

SHOWN_SUPERPIXELS = 10  # of largest weight, in figures; maps.npz has all
_SAMPLES_SHOWN = 6


def write_lime(study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write sheets of the selected images, how one explanation came about, further labels if asked for, maps.npz."""
    options = study.options
    indices = study.selection.everything()
    found = make_explainer("lime", study).explanations(
        study.images[indices], top_labels=options.lime_top_labels, progress=tell
    )
    folder.arrays(
        "For each image and label: the weight of each pixel's superpixel (maps), superpixels, intercepts, R squared",
        maps=np.stack([one.map() for one in found]),
        all_maps=np.stack([[one.map(k) for k in range(len(one.labels))] for one in found]),
        explained=np.stack([one.labels for one in found]),
        segments=np.stack([one.segments for one in found]),
        intercepts=np.stack([one.intercepts for one in found]),
        r_squared=np.stack([one.r_squared for one in found]),
        **study.arrays(indices),
    )
    by_index = dict(zip(indices.tolist(), found, strict=True))
    how = f"LIME ({options.lime_segments}, {options.lime_samples:,} samples)"
    red = "" if options.lime_positive_only else ", red ones against it"
    folder.reading = (
        f"Green superpixels speak for the predicted emotion{red}; the rest of the face is as it was. Shown are the "
        f"{SHOWN_SUPERPIXELS} of largest weight. R squared says how well sums of such weights foretell the network's "
        "answers to samples that they were not fitted to: near 0, do not trust them."
    )
    for sheet in sheets(study):
        these = [by_index[index] for index in sheet.indices.tolist()]
        captions = [
            f"{study.caption(index)}, R² {one.r_squared[0]:.2f}"
            for index, one in zip(sheet.indices.tolist(), these, strict=True)
        ]
        figure = _figure(study, these, captions, title=f"{how}: {sheet.about}")
        folder.figure(sheet.file, figure, sheet.about, heading=sheet.heading)
    example = int(study.selection.one_of_each()[0])
    _write_steps(study, folder, example, by_index[example], how)
    if options.lime_top_labels > 1:
        _write_top_labels(study, folder, by_index, how)


def _figure(study: Study, these: list[LimeExplanation], captions: list[str], *, title: str, rows=None, columns=3):
    rows = [0] * len(these) if rows is None else rows
    only = study.options.lime_positive_only
    signs = [
        one.signs(index=row, num_superpixels=SHOWN_SUPERPIXELS, positive_only=only)
        for one, row in zip(these, rows, strict=True)
    ]
    images, segments = np.stack([one.image for one in these]), np.stack([one.segments for one in these])
    return lime_figure(images, segments, np.stack(signs), captions, columns=columns, positive_only=only, title=title)


def _write_steps(study: Study, folder: MethodFolder, index: int, one: LimeExplanation, how: str) -> None:
    """Show how the explanation of one image came about: its superpixels and some of the perturbed images."""
    options, emotion = study.options, EMOTIONS[one.labels[0]]
    visible = sample_visibility(one.segments, options.lime_samples, options.seed)[1 : 1 + _SAMPLES_SHOWN]
    samples = perturbed_images(one.image, one.segments, visible)
    probabilities = classify(study.network, samples, lambda done, total: None)[:, one.labels[0]]
    figure = lime_steps_figure(
        one.image,
        one.segments,
        one.weights[0],
        one.signs(num_superpixels=SHOWN_SUPERPIXELS, positive_only=options.lime_positive_only),
        samples,
        probabilities,
        emotion=emotion,
        title=f"{how}: image {study.caption(index)}",
    )
    caption = (
        "How an explanation comes about: superpixels are hidden at random, the network's answers are regressed on what "
        "is visible, and a superpixel's weight is what showing it adds to the probability."
    )
    folder.figure("steps.png", figure, caption, heading="How it works")


def _write_top_labels(study: Study, folder: MethodFolder, by_index: dict[int, LimeExplanation], how: str) -> None:
    """Show the explanations of an image's most probable emotions side by side: a row for each image."""
    count = len(next(iter(by_index.values())).labels)
    for file, chosen, which in parts("top_labels", study.selection.one_of_each()):
        these = [by_index[index] for index in chosen.tolist() for _ in range(count)]
        captions = [
            f"{study.name(index)}  for {EMOTIONS[label]} {by_index[index].probabilities[label]:.2f}"
            for index in chosen.tolist()
            for label in by_index[index].labels
        ]
        title = f"{how}: the {count} most probable emotions"
        figure = _figure(
            study,
            these,
            captions,
            title=f"{title}, {which}" if which else title,
            rows=list(range(count)) * len(chosen),
            columns=min(count, 4),
        )
        caption = f"The {count} most probable emotions of each image, the most probable first"
        folder.figure(file, figure, f"{caption}: {which}" if which else caption, heading="Other emotions")
