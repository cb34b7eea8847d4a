"""How good the predictions are: NumPy arrays in, numbers with their uncertainty out. Nothing here needs a network.

Labels are integers 0..6 in the order of `fer_keras.emotions.EMOTIONS`; the predicted label is the class of highest
probability, the first of them on a tie, as `numpy.argmax` and scikit-learn have it.
"""

from dataclasses import dataclass

import numpy as np

from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS

RELIABILITY_BINS = 15  # as in Guo et al. 2017
_NORMAL_95 = 1.959963984540054  # the normal distribution's 97.5th percentile
_LEAST_PROBABILITY = float(np.finfo(np.float32).eps)  # keeps the log loss finite, as scikit-learn does for float32


@dataclass(frozen=True, eq=False)
class ReliabilityBins:
    """How often predictions of a given confidence are right, in B bins of equal width (lower edge excluded).

    edges: float64 (B + 1,), 0..1. count: int64 (B,), images in each bin.
    confidence, accuracy: float64 (B,), their means over the bin, 0..1; NaN in an empty bin.
    """

    edges: np.ndarray
    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray

    @property
    def expected_calibration_error(self) -> float:
        """The mean of |accuracy - confidence| over the images, bin by bin, 0..1 (Guo et al. 2017, equation 3)."""
        gap = np.abs(self.accuracy - self.confidence)
        return float(np.nansum(gap * self.count) / self.count.sum())

    @property
    def mean_confidence(self) -> float:
        """The mean confidence of all images, 0..1."""
        return float(np.nansum(self.confidence * self.count) / self.count.sum())


@dataclass(frozen=True, eq=False)
class Rest:
    """The n images that are left when some are put aside. metrics: of these alone; None for n = 0.

    What is put aside may be of other emotions than what is left, which alone changes the accuracy.
    standardized_accuracy: 0..1, what it would be if the emotions came as often as among all images (direct
    standardisation: the recalls, weighted by those shares), with its interval; None where none is left of some emotion.
    """

    n: int
    metrics: "Metrics | None" = None
    standardized_accuracy: float | None = None
    standardized_accuracy_ci95: tuple[float, float] | None = None


@dataclass(frozen=True, eq=False)
class Metrics:
    """The numbers of one evaluation. Fractions are 0..1; `*_ci95` are (low, high), 95% intervals.

    precision, recall, f1: float64 (7,), 0 where undefined. support: int64 (7,), images that truly are of the class.
    recall_ci95: float64 (7, 2), NaN for a class without images. confusion_matrix: int64 (7, 7), rows true.
    without_leaks: without images seen before, pixel for pixel; without_copies: without those, and those whose
    photograph trained the network or chose its epoch, cut, scaled or mirrored. None where that is not known.
    The mean confidence of right (wrong) predictions is None where there are none.
    """

    split: str
    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    balanced_accuracy: float
    balanced_accuracy_ci95: tuple[float, float]
    macro_f1: float
    macro_f1_ci95: tuple[float, float]
    log_loss: float
    reliability: ReliabilityBins
    mean_confidence_right: float | None
    mean_confidence_wrong: float | None
    precision: np.ndarray
    recall: np.ndarray
    recall_ci95: np.ndarray
    f1: np.ndarray
    support: np.ndarray
    confusion_matrix: np.ndarray
    without_leaks: Rest | None
    without_copies: Rest | None

    @property
    def ece(self) -> float:
        """Expected calibration error, 0..1."""
        return self.reliability.expected_calibration_error

    def scores_of(self, label: int) -> tuple[float | None, float | None, float | None]:
        """Return precision, recall and F1 of an emotion; None for one that has nothing to divide by."""
        true, predicted = self.support[label], self.confusion_matrix[:, label].sum()
        scores = (self.precision[label], predicted), (self.recall[label], true), (self.f1[label], true + predicted)
        return tuple(float(score) if of else None for score, of in scores)

    @property
    def rests(self) -> dict[str, "Metrics"]:
        """Of "without leaks" and "without copies", in this order, those that are known and leave any images."""
        rests = {"without leaks": self.without_leaks, "without copies": self.without_copies}
        return {name: rest.metrics for name, rest in rests.items() if rest is not None and rest.n}

    @property
    def new(self) -> tuple[str, Rest] | None:
        """What is known to be new to the network, and its name: without copies, or where these are not known without
        leaks. None where neither is known, or where all images are left or none."""
        name, rest = ("without leaks", self.without_leaks)
        if self.without_copies is not None:
            name, rest = ("without copies", self.without_copies)
        return None if rest is None or rest.n in (0, self.n) else (name, rest)

    def to_json(self) -> dict:
        """Return the content of metrics.json: plain Python values, None for what is not defined.

        An emotion that is not there, or never predicted, has a precision, recall or F1 of 0, as in scikit-learn.
        """
        return (
            self._all_to_json()
            | _rest_to_json("without_leaks", self.without_leaks)
            | _rest_to_json("without_copies", self.without_copies)
        )

    def _all_to_json(self) -> dict:
        return {
            "split": self.split,
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_ci95": list(self.accuracy_ci95),
            "balanced_accuracy": self.balanced_accuracy,
            "balanced_accuracy_ci95": list(self.balanced_accuracy_ci95),
            "macro_f1": self.macro_f1,
            "macro_f1_ci95": list(self.macro_f1_ci95),
            "log_loss": self.log_loss,
            "ece": self.ece,
            "mean_confidence_right": self.mean_confidence_right,
            "mean_confidence_wrong": self.mean_confidence_wrong,
            "per_class": {
                emotion: {
                    "precision": float(self.precision[i]),
                    "recall": float(self.recall[i]),
                    "f1": float(self.f1[i]),
                    "support": int(self.support[i]),
                }
                for i, emotion in enumerate(EMOTIONS)
            },
            "confusion_matrix": self.confusion_matrix.tolist(),
        }


def _rest_to_json(name: str, rest: Rest | None) -> dict:
    """Return the accuracy by itself, where it is looked for, and under `name` all there is of the rest."""
    metrics = None if rest is None else rest.metrics
    whole = None
    if metrics is not None:
        interval = rest.standardized_accuracy_ci95
        whole = metrics._all_to_json() | {
            "standardized_accuracy": rest.standardized_accuracy,
            "standardized_accuracy_ci95": None if interval is None else list(interval),
        }
    return {
        f"accuracy_{name}": None if metrics is None else metrics.accuracy,
        f"accuracy_{name}_ci95": None if metrics is None else list(metrics.accuracy_ci95),
        f"n_{name}": None if rest is None else rest.n,
        name: whole,
    }


def evaluate_probabilities(
    labels: np.ndarray,
    probabilities: np.ndarray,
    *,
    split: str = "",
    predicted: np.ndarray | None = None,
    leaked: np.ndarray | None = None,
    copied: np.ndarray | None = None,
    seed: int = 0,
    resamples: int = 2000,
) -> Metrics:
    """Return the metrics of N >= 1 predictions.

    labels: int (N,), the truth. probabilities: float (N, 7), rows that sum to 1.
    predicted: int (N,), where it is not the class of highest probability (a majority vote); the confidence of an
        image is then the probability of the class that was voted for.
    leaked: bool (N,), images that the network has seen before; None: not known.
    copied: bool (N,), those and others whose photograph trained it or chose its epoch; None: not known.

    The intervals tell how much a number would vary over other test images, not over other trainings. Those of
    accuracy and recall, which are proportions, are Wilson's; those of balanced accuracy, macro F1 and the standardized
    accuracy percentile bootstrap (Efron and Tibshirani 1993) over the images, from `resamples` draws by `seed`, which
    has no width where every prediction is right.
    Balanced accuracy is the mean recall over the classes that have images. Macro F1 is the mean over the classes
    that were true or predicted at least once, scikit-learn's default. On a split with all classes both are plain means.
    """
    probabilities = np.asarray(probabilities, np.float64)
    n = len(labels)
    assert n > 0, "no images to evaluate"
    assert probabilities.shape == (n, NUM_EMOTIONS), probabilities.shape
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-2), "rows of probabilities must sum to 1"
    if predicted is None:
        predicted = probabilities.argmax(axis=1)

    matrix = confusion_matrix(labels, predicted)
    precision, recall, f1 = _class_scores(matrix)
    draws = _resampled(matrix, resamples, seed)  # (resamples, 7, 7)
    right, wrong = mean_confidence(labels, probabilities, predicted)
    options = {"split": split, "seed": seed, "resamples": resamples}
    return Metrics(
        split=split,
        n=n,
        accuracy=float(_accuracy(matrix)),
        accuracy_ci95=_accuracy_interval(matrix),
        balanced_accuracy=float(_balanced_accuracy(matrix)),
        balanced_accuracy_ci95=_percentiles(_balanced_accuracy(draws)),
        macro_f1=float(_macro_f1(matrix)),
        macro_f1_ci95=_percentiles(_macro_f1(draws)),
        log_loss=log_loss(labels, probabilities),
        reliability=reliability(labels, probabilities, predicted),
        mean_confidence_right=right,
        mean_confidence_wrong=wrong,
        precision=precision,
        recall=recall,
        recall_ci95=wilson_interval(np.diagonal(matrix), matrix.sum(axis=1)),
        f1=f1,
        support=matrix.sum(axis=1),
        confusion_matrix=matrix,
        without_leaks=_rest(labels, probabilities, predicted, leaked, **options),
        without_copies=_rest(labels, probabilities, predicted, copied, **options),
    )


def _rest(
    labels: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray, aside: np.ndarray | None, **options
) -> Rest | None:
    """Return what is left without the images `aside`, bool (N,). options: of `evaluate_probabilities`."""
    if aside is None:
        return None
    if aside.all():
        return Rest(0)
    kept = ~aside
    left = evaluate_probabilities(labels[kept], probabilities[kept], predicted=predicted[kept], **options)
    support = np.bincount(labels, minlength=NUM_EMOTIONS)
    if ((left.support == 0) & (support > 0)).any():
        return Rest(left.n, left)
    matrix = left.confusion_matrix
    draws = _standardized_accuracy(_resampled(matrix, options["resamples"], options["seed"]), support)
    return Rest(left.n, left, float(_standardized_accuracy(matrix, support)), _percentiles(draws))


def wilson_interval(hits: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Return the 95% score interval of proportions (Wilson 1927): float64 (..., 2), low and high; NaN for no trials.

    hits, trials: int (...). It has a width where all or none are hits, and holds what it promises of few trials too
    (Brown, Cai and DasGupta 2001), as of disgust's.
    """
    hits, trials = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    spread = _NORMAL_95 * np.sqrt(hits * _ratio(trials - hits, trials) + _NORMAL_95**2 / 4)
    ends = hits[..., None] + _NORMAL_95**2 / 2 + spread[..., None] * (-1, 1)
    ends = np.clip(ends / (trials + _NORMAL_95**2)[..., None], 0, 1)  # 1e-17 beyond, by rounding
    return np.where(trials[..., None] > 0, ends, np.nan)


def log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean cross-entropy in nats: int (N,) labels, float (N, 7) probabilities."""
    truth = np.asarray(probabilities, np.float64)[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(truth, _LEAST_PROBABILITY, 1)).mean())


def confusion_matrix(labels: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Return int64 (7, 7): how many images of true class `row` were predicted as class `column`."""
    labels, predicted = np.asarray(labels, np.int64), np.asarray(predicted, np.int64)
    assert labels.shape == predicted.shape, (labels.shape, predicted.shape)
    cells = np.bincount(labels * NUM_EMOTIONS + predicted, minlength=NUM_EMOTIONS**2)
    return cells.astype(np.int64).reshape(NUM_EMOTIONS, NUM_EMOTIONS)


def mean_confidence(
    labels: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray | None = None
) -> tuple[float | None, float | None]:
    """Return the mean probability (0..1) given to the predicted class where it is right, and where it is wrong.

    None where there is no such prediction. Wrong predictions that grow confident raise the loss of a network whose
    accuracy still rises.
    """
    confidence, right = _confidence(labels, probabilities, predicted)
    return (
        float(confidence[right].mean()) if right.any() else None,
        float(confidence[~right].mean()) if not right.all() else None,
    )


def reliability(
    labels: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray | None = None, bins: int = RELIABILITY_BINS
) -> ReliabilityBins:
    """Return accuracy against confidence in equal bins (Guo et al., "On Calibration of Modern Neural Networks", 2017).

    labels: int (N,). probabilities: float (N, 7). Bin m of B holds the confidences in ((m - 1) / B, m / B].
    """
    confidence, right = _confidence(labels, probabilities, predicted)
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(index, minlength=bins)
    divisor = np.where(count > 0, count, np.nan)
    return ReliabilityBins(
        edges=edges,
        count=count,
        confidence=np.bincount(index, weights=confidence, minlength=bins) / divisor,
        accuracy=np.bincount(index, weights=right, minlength=bins) / divisor,
    )


def most_confident_mistakes(
    labels: np.ndarray, probabilities: np.ndarray, count: int, predicted: np.ndarray | None = None
) -> np.ndarray:
    """Return the indices of up to `count` wrong predictions, the most confident first."""
    confidence, right = _confidence(labels, probabilities, predicted)
    wrong = np.flatnonzero(~right)
    return wrong[np.argsort(-confidence[wrong], kind="stable")][:count]


def least_confident_hits(
    labels: np.ndarray, probabilities: np.ndarray, count: int, predicted: np.ndarray | None = None
) -> np.ndarray:
    """Return the indices of up to `count` right predictions, the least confident first."""
    confidence, right = _confidence(labels, probabilities, predicted)
    hits = np.flatnonzero(right)
    return hits[np.argsort(confidence[hits], kind="stable")][:count]


def _confidence(
    labels: np.ndarray, probabilities: np.ndarray, predicted: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability of each predicted class, float64 (N,), and whether it is right, bool (N,)."""
    if predicted is None:
        predicted = np.argmax(probabilities, axis=1)
    confidence = probabilities[np.arange(len(probabilities)), predicted]
    return confidence.astype(np.float64), predicted == np.asarray(labels)


# Each of the following takes confusion matrices (..., 7, 7), so that one and thousands are computed alike.


def _resampled(matrix: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return confusion matrices (resamples, 7, 7) of bootstrap samples.

    Drawing N images with replacement and counting them by cell is a multinomial draw of the cells.
    """
    n = matrix.sum()
    draws = np.random.default_rng(seed).multinomial(n, matrix.ravel() / n, size=resamples)
    return draws.reshape(resamples, *matrix.shape)


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide, with 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)


def _class_scores(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1, each float64 (..., 7), 0 where undefined."""
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    true, predicted = matrix.sum(axis=-1), matrix.sum(axis=-2)
    return _ratio(hits, predicted), _ratio(hits, true), _ratio(2 * hits, true + predicted)


def _accuracy(matrix: np.ndarray) -> np.ndarray:
    return np.trace(matrix, axis1=-2, axis2=-1) / matrix.sum(axis=(-2, -1))


def _accuracy_interval(matrix: np.ndarray) -> tuple[float, float]:
    low, high = wilson_interval(np.trace(matrix), matrix.sum())
    return float(low), float(high)


def _balanced_accuracy(matrix: np.ndarray) -> np.ndarray:
    _, recall, _ = _class_scores(matrix)
    return recall.sum(axis=-1) / (matrix.sum(axis=-1) > 0).sum(axis=-1)


def _standardized_accuracy(matrix: np.ndarray, support: np.ndarray) -> np.ndarray:
    """Return the recalls weighted by `support`, int (7,), of those emotions that a matrix has images of."""
    _, recall, _ = _class_scores(matrix)
    weights = support * (matrix.sum(axis=-1) > 0)
    return (recall * weights).sum(axis=-1) / weights.sum(axis=-1)


def _macro_f1(matrix: np.ndarray) -> np.ndarray:
    _, _, f1 = _class_scores(matrix)
    seen = matrix.sum(axis=-1) + matrix.sum(axis=-2) > 0
    return f1.sum(axis=-1) / seen.sum(axis=-1)
