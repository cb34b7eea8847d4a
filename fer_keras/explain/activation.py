"""Activation maximisation: which picture excites a filter most.

Erhan, Bengio, Courville and Vincent, "Visualizing Higher-Layer Features of a Deep Network", 2009. A picture starts as
noise and follows the gradient of one filter's activation (the mean over its feature map). Four styles:

robust        (default) Fourier parametrisation, sigmoid range and random views; see `picture_parameters`.
maco          the magnitudes of real faces, phases optimised.
plain         gradient ascent on the pixels, the step decaying by 0.99, kept within 0..255.
tf-keras-vis  that package's ActivationMaximization with its own modifiers, regularisers and optimiser.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import UserError, unknown_name
from fer_keras.explain import ascent
from fer_keras.explain.filter_objective import FilterObjective
from fer_keras.explain.layer_outputs import as_batch, check_filter
from fer_keras.explain.model_access import ModelAccess

STEPS = {"robust": 256, "maco": 256, "plain": 200, "tf-keras-vis": 200}  # what each style takes to settle
STYLES = tuple(STEPS)


@dataclass(frozen=True)
class Visualisation:
    """The pictures that excite F filters most.

    images:      float32 (F, 48, 48), 0..255.
    activations: float32 (F,), what each filter's activation is on its picture as it stands (not shifted, no noise): the
                 mean over the layer's feature map, in the layer's own units, after its ReLU where it has one.
    targets:     (layer, filter) of each picture.
    """

    images: np.ndarray
    activations: np.ndarray
    targets: tuple[tuple[str, int], ...]

    @property
    def saturated(self) -> np.ndarray:
        """The share of each picture's pixels that are at an end of the range (2 or less, 253 or more): (F,), 0..1."""
        return ((self.images <= 2) | (self.images >= 253)).mean(axis=(1, 2))


def maximise(model: keras.Model, layer_name: str, filters: Sequence[int], **options) -> Visualisation:
    """Return the picture that excites each of a layer's filters most.

    Args:
        model: any that `ModelAccess` takes. It is not changed.
        layer_name: any layer: convolution, batch normalisation, activation, pooling, dense, logits.
        filters: numbers of its channels or units.
        options: see `maximise_targets`.

    Raises:
        UserError: no such layer, filter or style.
    """
    return maximise_targets(model, [(layer_name, number) for number in filters], **options)


def maximise_targets(
    model: keras.Model,
    targets: Sequence[tuple[str, int]],
    *,
    style: str = "robust",
    steps: int | None = None,
    seed: int = 0,
    spectrum: np.ndarray | None = None,
    batch_size: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> Visualisation:
    """Return the picture that excites each target most. Filters of many layers share one optimisation.

    Args:
        model: any that `ModelAccess` takes. It is not changed.
        targets: (layer, filter) pairs; at least one.
        style: one of STYLES.
        steps: of the optimiser; None takes the style's default.
        seed: of the starting noise and of the views; the same seed gives the same pictures.
        spectrum: float32 (48, 48) by `spectrum.mean_spectrum`: needed by "maco", unused by the others.
        batch_size: pictures in one optimisation; it changes the memory needed, not the pictures.
        progress: called with the steps done and the steps in all.

    Raises:
        UserError: no such layer, filter or style; "maco" without a spectrum.
    """
    if style not in STYLES:
        raise unknown_name("style of activation maximisation", style, STYLES)
    if style == "maco" and spectrum is None:
        raise UserError("style 'maco' needs the mean spectrum of training faces. Give faces, or take style 'robust'")
    steps = STEPS[style] if steps is None else steps
    network = ModelAccess(model)
    for name, number in targets:
        check_filter(network, name, number)

    # Targets by depth: a batch runs the network no deeper than its deepest target.
    depth = {name: number for number, name in enumerate(network.layers)}
    order = sorted(range(len(targets)), key=lambda i: depth[targets[i][0]])
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    images = np.empty((len(targets), IMAGE_SIZE, IMAGE_SIZE), np.float32)
    activations = np.empty(len(targets), np.float32)
    for number, batch in enumerate(batches):
        part = [targets[i] for i in batch]

        def tell(done, _, before=number * steps):
            if progress is not None:
                progress(before + done, len(batches) * steps)

        images[batch] = _ascend(network, part, style, steps, seed, spectrum, tell)
        activations[batch] = FilterObjective(network, part)(as_batch(images[batch])).numpy()
    return Visualisation(images, activations, tuple(targets))


def _ascend(network, targets, style: str, steps: int, seed: int, spectrum, progress) -> np.ndarray:
    options = {"steps": steps, "seed": seed, "progress": progress}
    if style == "robust":
        return ascent.robust(network, targets, **options)
    if style == "maco":
        return ascent.maco(network, targets, spectrum=spectrum, **options)
    if style == "plain":
        return ascent.plain(network, targets, **options)
    return ascent.tf_keras_vis(network, targets, **options)
