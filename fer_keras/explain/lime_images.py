"""LIME: which superpixels speak for and against an emotion.

Ribeiro, Singh and Guestrin, "Why Should I Trust You?", 2016 (arXiv:1602.04938). Superpixels are hidden at random, the
network's probabilities for the results are regressed on what was visible, near samples counting more, and a
superpixel's weight is its coefficient. The regression is that of the package lime (`lime.lime_base`); images are
perturbed here, many samples at once and for gray faces, because `LimeImageExplainer` gives a network for gray images
three channels, makes one superpixel of a small image by default, never hides a segment when labels start at 1, and
predicts in batches of ten.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from lime.lime_base import LimeBase
from skimage import segmentation as skimage_segmentation
from sklearn.metrics import pairwise_distances

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.errors import unknown_name
from fer_keras.explain.explainer import FACES, OneByOneExplainer, at_least

SEGMENTATIONS = ("slic", "quickshift", "felzenszwalb", "grid")
KERNEL_WIDTH = 0.25  # of the exponential kernel on cosine distances, as in lime
NUM_SAMPLES = 500  # where nothing else is asked for
BATCH_SIZE = 128
RIDGE_ALPHA = 1.0  # the penalty of lime's regression
_GRID_CELL = 8  # pixels

Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class LimeExplanation:
    """What LIME says of one image, for K classes and S superpixels.

    image:      float32 (48, 48), 0..255.
    segments:   int64 (48, 48), the superpixel of each pixel, 0..S-1.
    labels:     int64 (K,), the classes explained; the first is the one that maps and figures take.
    weights:    float64 (K, S), change of the class's probability when the superpixel is visible rather than hidden.
    intercepts: float64 (K,), the probability that the linear model gives with everything hidden.
    r_squared:  float64 (K,), weighted R^2 of the linear model on samples left out of it: near 0, do not trust it.
    probabilities: float64 (C,), the network's for the image as it is.
    """

    image: np.ndarray
    segments: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray
    r_squared: np.ndarray
    probabilities: np.ndarray

    def map(self, index: int = 0) -> np.ndarray:
        """Return the weight of each pixel's superpixel for the class labels[index]: float32 (48, 48), signed."""
        return self.weights[index][self.segments].astype(np.float32)

    def signs(self, *, index: int = 0, num_superpixels: int = 10, positive_only: bool = False) -> np.ndarray:
        """Return where the superpixels of largest weight are: int8 (48, 48), 1 for the class, -1 against it, 0 others.

        Args:
            index: of the class, in `labels`.
            num_superpixels: how many, by magnitude.
            positive_only: those for the class alone.
        """
        weights = self.weights[index]
        ranked = np.argsort(-np.abs(weights), kind="stable")
        if positive_only:
            ranked = ranked[weights[ranked] > 0]
        chosen = np.zeros(len(weights), np.int8)
        chosen[ranked[:num_superpixels]] = np.sign(weights[ranked[:num_superpixels]])
        return chosen[self.segments]


class Lime(OneByOneExplainer):
    """Which superpixels, seen or hidden, move the probability of the target.

    The probability, not the logit that the other methods take: as in its paper and its package.

    Args:
        num_samples: perturbed images of each image, the image itself being the first.
        segmentation: one of SEGMENTATIONS.
        seed: the same seed gives the same explanation, whatever the other images.
        batch_size: perturbed images in one pass through the network.

    Raises:
        UserError: an unknown segmentation, fewer than two samples, or a model that cannot be explained.
    """

    name = "lime"
    signed = True
    seeded = True
    reference = "Ribeiro et al., Why Should I Trust You?, 2016, arXiv:1602.04938"

    def __init__(
        self,
        model: keras.Model,
        *,
        num_samples: int = NUM_SAMPLES,
        segmentation: str = "slic",
        seed: int = 0,
        batch_size: int = BATCH_SIZE,
    ):
        super().__init__(model, batch_size=batch_size)
        self._num_samples = at_least(2, "num_samples", num_samples)
        self._segmentation = _checked_segmentation(segmentation)
        self._seed = seed
        function = tf.function(self.network.probabilities, input_signature=[FACES], autograph=False)
        self._probabilities = function.get_concrete_function()

    def explanations(
        self,
        images: np.ndarray,
        *,
        top_labels: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[LimeExplanation]:
        """Return all that is found of the most probable classes of faces: what `explain` makes its maps of, and more.

        Args:
            images: (N, 48, 48), gray, 0..255, any dtype.
            top_labels: how many classes, the most probable first.
            progress: called with the images done and the images in all.
        """
        found = []
        for image in np.asarray(images, np.float32):
            found.append(self._explanation(image, top_labels=top_labels))
            if progress is not None:
                progress(len(found), len(images))
        return found

    def _explain_one(self, image: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        return tf.constant(self._explanation(image.numpy(), [int(target)]).map())

    def _explanation(self, image: np.ndarray, labels: Sequence[int] | None = None, **options) -> LimeExplanation:
        segments = superpixels(image, self._segmentation, seed=self._seed)
        return explain_image(
            self._predict,
            image,
            segments,
            labels,
            num_samples=self._num_samples,
            seed=self._seed,
            batch_size=self.batch_size,
            **options,
        )

    def _predict(self, samples: np.ndarray) -> np.ndarray:
        return self._probabilities(tf.constant(samples)).numpy()


def explain_image(
    predict: Predict,
    image: np.ndarray,
    segments: np.ndarray,
    labels: Sequence[int] | None = None,
    *,
    num_samples: int = NUM_SAMPLES,
    top_labels: int = 1,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> LimeExplanation:
    """Explain one image, whatever makes the prediction.

    For the same segments, samples and seed the weights are those of lime's `explain_instance`.

    Args:
        predict: float32 (n, 48, 48) in 0..255 to probabilities (n, C).
        image: float32 (48, 48), 0..255.
        segments: int (48, 48), 0..S-1, each at least once.
        labels: classes to explain; None: the `top_labels` most probable ones, the most probable first.
        num_samples, seed, batch_size: as for `Lime`. No more perturbed images are held at a time than a batch.
    """
    at_least(2, "num_samples", num_samples)
    random = np.random.RandomState(seed)
    visible = _samples(segments, num_samples, random)
    batches = (visible[start : start + batch_size] for start in range(0, num_samples, batch_size))
    probabilities = np.concatenate([predict(perturbed_images(image, segments, batch)) for batch in batches])  # (n, C)
    if labels is None:
        labels = np.argsort(-probabilities[0], kind="stable")[:top_labels]

    distances = pairwise_distances(visible, visible[:1], metric="cosine").ravel()
    base = LimeBase(_kernel, random_state=random)
    weights, intercepts = np.empty((len(labels), visible.shape[1])), np.empty(len(labels))
    for row, label in enumerate(labels):
        intercepts[row], pairs, *_ = base.explain_instance_with_data(
            visible, probabilities, distances, label, visible.shape[1], feature_selection="none"
        )
        for superpixel, weight in pairs:
            weights[row, superpixel] = weight
    targets = probabilities[:, labels].astype(np.float64)
    r_squared = left_out_r_squared(visible, targets, _kernel(distances), weights, intercepts)
    labels = np.asarray(labels, np.int64)
    return LimeExplanation(image, segments, labels, weights, intercepts, r_squared, probabilities[0].astype(np.float64))


def left_out_r_squared(
    visible: np.ndarray,
    targets: np.ndarray,
    sample_weights: np.ndarray,
    weights: np.ndarray,
    intercepts: np.ndarray,
    *,
    alpha: float = RIDGE_ALPHA,
) -> np.ndarray:
    """Return how well ridge regressions foretell samples that they were not fitted to: weighted R^2, float64 (K,).

    Each sample in turn is left out; what the regression on the others would say of it follows from its leverage
    (Allen's PRESS, 1974), without fitting again. 1: foretold exactly; 0: no better than the mean of the others; below
    0: worse. 0 for targets that never change.

    Args:
        visible: (n, S). targets: (n, K). sample_weights: (n,), above 0.
        weights: (K, S) and intercepts: (K,), of the regressions of each target on all samples.
        alpha: the ridge penalty; the intercept has none.
    """
    share = sample_weights / sample_weights.sum()
    centred = np.sqrt(sample_weights)[:, None] * (visible - share @ visible)  # (n, S)
    inverse = np.linalg.inv(centred.T @ centred + alpha * np.eye(centred.shape[1]))
    leverage = share + np.einsum("ns,st,nt->n", centred, inverse, centred, optimize=True)
    of_model = (targets - intercepts - visible @ weights.T) / (1 - leverage)[:, None]
    of_mean = (targets - share @ targets) / (1 - share)[:, None]
    unexplained, variance = sample_weights @ of_model**2, sample_weights @ of_mean**2
    return 1 - np.divide(unexplained, variance, out=np.ones_like(variance), where=np.ptp(targets, axis=0) > 0)


def sample_visibility(segments: np.ndarray, num_samples: int, seed: int) -> np.ndarray:
    """Return which superpixels each sample shows, as `explain_image` draws them: int (num_samples, S), 1 shown.

    The first sample shows everything.
    """
    return _samples(segments, num_samples, np.random.RandomState(seed))


def _samples(segments, num_samples, random) -> np.ndarray:
    count = int(segments.max()) + 1
    visible = random.randint(0, 2, num_samples * count).reshape(num_samples, count)
    visible[0] = 1
    return visible


def perturbed_images(image: np.ndarray, segments: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Return the image with superpixels hidden: float32 (n, 48, 48).

    A hidden superpixel has its mean gray value everywhere, so that it keeps its brightness and loses its structure.

    Args:
        image: float32 (48, 48).
        segments: int (48, 48), 0..S-1.
        visible: int (n, S), 1 shown, 0 hidden.
    """
    sums = np.bincount(segments.ravel(), image.ravel().astype(np.float64))
    hidden = (sums / np.bincount(segments.ravel()))[segments].astype(np.float32)  # (48, 48)
    return np.where(visible.astype(bool)[:, segments], image, hidden)


def superpixels(image: np.ndarray, segmentation: str = "slic", *, seed: int = 0) -> np.ndarray:
    """Return the superpixel of each pixel: int64 (48, 48), 0..S-1 without gaps, S of at least 2.

    The settings are for faces of 48 pixels: some 15 to 60 superpixels. An image in which the method finds no border at
    all, such as a blank one, is cut into the grid's squares.

    Args:
        image: (48, 48), gray, 0..255.
        segmentation: one of SEGMENTATIONS.
        seed: breaks ties in "quickshift"; the others have nothing random.
    """
    segmentation = _checked_segmentation(segmentation)
    gray = np.asarray(image, np.float64) / 255
    if segmentation == "slic":
        labels = skimage_segmentation.slic(
            gray, n_segments=40, compactness=0.1, sigma=0.5, start_label=0, channel_axis=None
        )
    elif segmentation == "quickshift":
        color = np.repeat(gray[..., None], 3, axis=-1)
        labels = skimage_segmentation.quickshift(color, kernel_size=1.5, max_dist=6, ratio=0.5, rng=seed)
    elif segmentation == "felzenszwalb":
        labels = skimage_segmentation.felzenszwalb(gray, scale=40, sigma=0.5, min_size=20, channel_axis=None)
    else:
        labels = _grid()
    if labels.min() == labels.max():
        labels = _grid()
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int64)


def _checked_segmentation(name: str) -> str:
    if name not in SEGMENTATIONS:
        raise unknown_name("segmentation", name, SEGMENTATIONS)
    return name


def _grid() -> np.ndarray:
    cells = np.arange(IMAGE_SIZE) // _GRID_CELL
    return cells[:, None] * (cells[-1] + 1) + cells[None, :]


def _kernel(distances: np.ndarray) -> np.ndarray:
    return np.sqrt(np.exp(-(distances**2) / KERNEL_WIDTH**2))
