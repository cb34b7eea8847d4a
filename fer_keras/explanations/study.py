"""One network opened, and what it says about the faces of one split."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import keras
import numpy as np
import tensorflow as tf

from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS
from fer_keras.errors import UserError
from fer_keras.explain.explainer import FACES
from fer_keras.explain.layer_outputs import check_filter, plain_model
from fer_keras.explain.model_access import ModelAccess
from fer_keras.explain.registry import EXPLAINERS, explainer_class
from fer_keras.explanations.options import Options
from fer_keras.explanations.progress import Tell
from fer_keras.explanations.selection import Selection
from fer_keras.explanations.target import Target
from fer_keras.models.files import open_any_model, open_model
from fer_keras.plots.style import shortened

_BATCH = 256
_NAME_LENGTH = 18  # letters of a photo's name that fit beside a row of maps


@dataclass(frozen=True)
class Network:
    """The network of a target.

    layer: the layer to look at: `--layer`, else the network's `default_layer`, which is the last convolution.
    unfit: why it cannot be explained by some of the methods that nobody has named, by their names.
    """

    model: keras.Model
    access: ModelAccess
    layer: str
    unfit: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """Everything that the methods need.

    probabilities: float32 (N, 7), what the network says of the target's N faces.
    """

    target: Target
    network: Network
    probabilities: np.ndarray
    selection: Selection
    options: Options

    @property
    def images(self) -> np.ndarray:
        """uint8 (N, 48, 48), as the network is given them."""
        return self.target.faces.images

    @property
    def ids(self) -> np.ndarray:
        """str (N,), the images' names in their data set."""
        return np.array(self.target.faces.ids)

    @property
    def limited(self) -> str:
        """What must be said of the split's name where `--limit` leaves a part of it; else ""."""
        return f" (its {len(self.images):,} images by --limit)" if self.options.limit else ""

    @property
    def labels(self) -> np.ndarray | None:
        """int64 (N,), the truth; None of photos."""
        return self.target.faces.labels

    @property
    def predictions(self) -> np.ndarray:
        """int64 (N,), the emotion with the largest probability."""
        return self.probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray | None:
        """bool (N,); None of photos."""
        return None if self.labels is None else self.predictions == self.labels

    def name(self, index: int) -> str:
        """Return the number of an image, or the name of its photo."""
        return f"#{index}" if self.labels is not None else shortened(str(self.ids[index]), _NAME_LENGTH)

    def caption(self, index: int) -> str:
        """Return what stands beside an image in figures: its name, the prediction, and the truth where it differs."""
        name, *said = self.caption_lines(index)
        return f"{name}  {' '.join(said)}"

    def caption_lines(self, index: int) -> list[str]:
        """Return the same in two or three short lines."""
        said = self.predictions[index]
        wrong = self.correct is not None and not self.correct[index]
        truth = [f"(true {EMOTIONS[self.labels[index]]})"] if wrong else []
        return [self.name(index), f"{EMOTIONS[said]} {self.probabilities[index, said]:.2f}", *truth]

    def arrays(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return what stands beside the maps of images in maps.npz: images, labels where known, predictions, indices
        and ids, of the shape of `indices` each."""
        labels = {} if self.labels is None else {"labels": self.labels[indices]}
        return {
            "images": self.images[indices],
            **labels,
            "predictions": self.predictions[indices],
            "indices": indices,
            "ids": self.ids[indices],
        }


def open_network(target: Target, options: Options) -> Network:
    """Open the network and check what is asked of it: its layer, its filters, the layers that methods need.

    Raises:
        UserError: a file that is no network, one that does not fit the seven emotions, a layer or filter that is not
            there, or that cannot give what a method which was named needs, or what all of the others do.
    """
    if target.own:
        model = open_model(target.network_file)
        access = ModelAccess(model)
    else:
        model = open_any_model(target.network_file)
        try:
            access = ModelAccess(model)
        except UserError as error:
            raise UserError(f"{target.network_file}: {error}") from None
        if access.num_classes != NUM_EMOTIONS:
            raise UserError(
                f"{target.network_file}: expected a network with {NUM_EMOTIONS} outputs, one an emotion in the order "
                f"{', '.join(EMOTIONS)}. Received one with {access.num_classes}"
            )
    network, unfit = Network(model, access, options.layer or access.default_layer()), {}
    access.layer_shape(network.layer)  # raises for an unknown one
    for number in options.filter:
        check_filter(access, network.layer, number)
    if "activation" in options.methods and options.style == "tf-keras-vis":
        plain_model(access, network.layer)  # raises where that package cannot be used
    for name in options.methods:
        try:
            _check_layer(name, network, options)
            if not target.own:  # ours have all gradients
                _check_gradients(name, network)
        except UserError as error:
            unfit[name] = f"{error}"
            if name in options.method or len(unfit) == len(options.methods):
                raise UserError(f"--method {name}: {error}") from None
    return replace(network, unfit=unfit)


def _check_layer(name: str, network: Network, options: Options) -> None:
    """Raise UserError where a method needs maps and the layer has none."""
    if name == "outputs" or needs_maps(name):
        network.access.spatial_layer(options.layer)


def _check_gradients(name: str, network: Network) -> None:
    """Raise UserError where a network has no gradient that a method needs, naming methods that need none."""
    methods = [explainer_class(own) for own in (EXPLAINERS if name == "comparison" else {name} & {*EXPLAINERS})]
    try:
        if any(method.needs_gradient for method in methods):
            network.access.check_gradient()
        if name in ("activation", "filters"):
            network.access.check_gradient(network.layer)
        for method in methods:
            if method.needs_layer:
                method(network.model, layer=layer_of(method.name, network))  # which takes the gradient at the layer
    except UserError as error:
        raise UserError(f"{error}. Of the methods occlusion, rise, lime and outputs need none") from None


def needs_maps(name: str) -> bool:
    """Tell whether a method takes a layer with outputs of height and width, by class activation maps."""
    return name == "comparison" or (name in EXPLAINERS and explainer_class(name).needs_layer)


def layer_of(name: str, network: Network) -> str | None:
    """Return the layer that an attribution method looks at; None where it looks at none.

    Class activation maps take what the named layer, or the last convolution, leads to after its ReLU, as their papers
    do: before it, most of a map is negative, and nothing of it would be left.
    """
    if not needs_maps(name):
        return None
    return network.access.rectified_layer(network.access.spatial_layer(network.layer))


def layer_title(name: str, network: Network) -> str:
    """Return what to call the layer that an attribution method looks at: "conv2d_24 (activation_24)", the layer that
    the command names with what it leads to, or the one name where they are the same; "" where it looks at none."""
    layer = layer_of(name, network)
    if layer is None:
        return ""
    return layer if layer == network.layer else f"{network.layer} ({layer})"


def classify(network: Network, images: np.ndarray, tell: Tell) -> np.ndarray:
    """Return the network's probabilities, float32 (N, 7), for faces (N, 48, 48) in 0..255."""
    probabilities = predictor(network)
    results = np.empty((len(images), NUM_EMOTIONS), np.float32)
    for start in range(0, len(images), _BATCH):
        batch = slice(start, start + _BATCH)
        results[batch] = probabilities(images[batch])
        tell(min(start + _BATCH, len(images)), len(images))
    return results


def predictor(network: Network) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from a batch of faces, (M, 48, 48) in 0..255, to probabilities, float32 (M, 7)."""

    @tf.function(input_signature=[FACES], autograph=False)
    def probabilities(faces):
        return network.access.probabilities(faces)

    return lambda faces: probabilities(tf.constant(faces, tf.float32)).numpy()
