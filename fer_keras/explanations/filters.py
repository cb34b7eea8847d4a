"""Which emotion excites which filter, and which pixels move a layer."""

import numpy as np

from fer_keras.emotions import EMOTIONS
from fer_keras.explain.filters import emotion_statistics, emotion_table, pixel_weights
from fer_keras.explain.layer_outputs import convolutions
from fer_keras.explanations.folder import MethodFolder
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.study import Study
from fer_keras.plots.filters import emotion_filters_figure, pixel_weights_figure


def write_filters(study: Study, folder: MethodFolder, tell: Tell) -> None:
    """Write the table of filters by emotion (filters.csv) with its figure, and the layer's pixel weights."""
    model, layer, n = study.network.model, study.network.layer, len(study.images)
    names = list(dict.fromkeys([*convolutions(study.network.access), layer]))
    # One pass for the statistics, one for the gradients, which costs about three times as much.
    parts = iter(((0, 1), (1, 3)))

    def part():
        start, weight = next(parts)
        return lambda done, total: tell(int((start + weight * done / total) * n / 4), n)

    statistics = emotion_statistics(model, study.images, study.labels, names, progress=part())
    folder.table(
        "filters.csv",
        emotion_table(statistics),
        "Every filter: the emotion that excites it most, by how many standard deviations, and its mean activations",
    )
    tops, leads = [one.top_emotions() for one in statistics], [one.standout() for one in statistics]
    counts = np.bincount(study.labels, minlength=len(EMOTIONS))
    of = f"{study.target.split}{study.limited}" if study.limited else f"the {n:,} images of {study.target.split}"
    figure = emotion_filters_figure(
        names, tops, leads, counts=counts, title=f"Which emotion excites which filter, over {of}"
    )
    caption = (
        "All filters of every convolution, coloured by the emotion whose faces excite them most: the stronger the "
        "colour, the further it leads the other emotions, in standard deviations of single images within an emotion "
        "(0.2 is small, 0.8 large; of an emotion with few images it may be chance). Right, the filters that stand out "
        "most."
    )
    folder.figure("filters.png", figure, caption, heading="Filters by emotion")
    if np.count_nonzero(counts) < 2:
        folder.say("All images are of one emotion: which emotion excites which filter cannot be told.")
    own = study.network.access.gives_classes(layer)
    signed, magnitude = pixel_weights(model, layer, study.images, study.labels, own=own, progress=part())
    of_what, of_these = f"the activation of {layer}", f"the mean activation of {layer}'s filters"
    if own:
        of_what, of_these = f"the face's own emotion in {layer}", f"the output of {layer} for the face's own emotion"
    for name, weights, what in (
        ("pixel_weights.png", signed, "mean gradient"),
        ("pixel_weights_magnitude.png", magnitude, "mean magnitude of the gradient"),
    ):
        title = f"{what.capitalize()} of {of_what} at each pixel"
        caption = f"The {what} of {of_these}, over the faces of each emotion."
        folder.figure(name, pixel_weights_figure(weights, counts, title=title), caption, heading=f"Pixels of {layer}")
    about = "The gradients by emotion: the mean (maps), the mean magnitude, and the number of images"
    folder.arrays(about, maps=signed, magnitudes=magnitude, counts=counts)
