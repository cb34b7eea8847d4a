import json
import math

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as sk

from fer_keras.emotions import EMOTIONS
from fer_keras.metrics import (
    confusion_matrix,
    evaluate_probabilities,
    least_confident_hits,
    mean_confidence,
    most_confident_mistakes,
    reliability,
    wilson_interval,
)

ALL = tuple(range(7))


def random_case(n=500, classes=ALL, predictable=ALL, seed=0):
    """Labels among `classes` and probabilities, right about half of the time, whose argmax is among `predictable`."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(classes, size=n)
    logits = rng.normal(size=(n, 7))
    logits[np.arange(n), labels] += 1.2
    logits[:, [c for c in ALL if c not in predictable]] = -8
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, probabilities


def seven_images():
    """One image of each emotion; disgust is taken for fear, sad for neutral, neutral for sad."""
    labels = np.arange(7)
    predicted = np.array([0, 2, 2, 3, 6, 5, 4])
    confidence = np.array([0.90, 0.70, 0.62, 0.82, 0.50, 0.42, 0.44])
    probabilities = np.repeat((1 - confidence)[:, None] / 6, 7, axis=1)
    probabilities[np.arange(7), predicted] = confidence
    return labels, probabilities


def test_seven_images_by_hand():
    labels, probabilities = seven_images()
    leaked = np.array([True, True, False, False, False, False, False])

    copied = np.array([True, True, True, True, False, False, False])

    m = evaluate_probabilities(labels, probabilities, split="PublicTest", leaked=leaked, copied=copied)

    assert (m.split, m.n) == ("PublicTest", 7)
    assert m.accuracy == m.balanced_accuracy == pytest.approx(4 / 7)
    assert m.precision == pytest.approx([1, 0, 1 / 2, 1, 0, 1, 0])
    assert m.recall == pytest.approx([1, 0, 1, 1, 0, 1, 0])
    assert m.f1 == pytest.approx([1, 0, 2 / 3, 1, 0, 1, 0])
    assert m.macro_f1 == pytest.approx((3 + 2 / 3) / 7)
    right = math.log(0.90) + math.log(0.62) + math.log(0.82) + math.log(0.42)
    wrong = math.log(0.30 / 6) + math.log(0.50 / 6) + math.log(0.56 / 6)
    assert m.log_loss == pytest.approx(-(right + wrong) / 7)
    # The last two share the bin (0.4, 0.4667]: half of them right at 0.43. The other five are alone in theirs.
    assert m.ece == pytest.approx((0.10 + 0.70 + 0.38 + 0.18 + 0.50 + 2 * 0.07) / 7)
    assert m.mean_confidence_right == pytest.approx((0.90 + 0.62 + 0.82 + 0.42) / 4)
    assert m.mean_confidence_wrong == pytest.approx((0.70 + 0.50 + 0.44) / 3)
    assert (m.without_leaks.metrics.accuracy, m.without_leaks.n) == (pytest.approx(3 / 5), 5)
    assert (m.without_copies.metrics.accuracy, m.without_copies.n) == (pytest.approx(1 / 3), 3)


def test_what_is_left_is_measured_as_if_there_were_nothing_else():
    labels, probabilities = random_case(n=300)
    leaked, copied = np.arange(300) % 5 == 0, np.arange(300) % 3 == 0
    m = evaluate_probabilities(labels, probabilities, split="PublicTest", leaked=leaked, copied=copied, seed=4)
    for aside, rest in ((leaked, m.without_leaks), (copied, m.without_copies)):
        alone = evaluate_probabilities(labels[~aside], probabilities[~aside], split="PublicTest", seed=4)
        assert rest.n == alone.n == (~aside).sum()
        found = m.to_json()["without_leaks" if rest is m.without_leaks else "without_copies"]
        expected = {name: value for name, value in alone.to_json().items() if "without" not in name}
        assert {name: found[name] for name in expected} == expected
        assert set(found) - set(expected) == {"standardized_accuracy", "standardized_accuracy_ci95"}


def test_of_fewer_happy_faces_the_accuracy_is_weighted_to_as_many_by_hand():
    # Of 8 happy all right, of 4 sad one. Six happy are put aside: 3 of 6 right are left, of both emotions.
    labels = np.repeat([3, 4], [8, 4])
    predicted = np.where(np.arange(12) < 9, labels, 6)
    aside = np.arange(12) < 6
    m = evaluate_probabilities(labels, np.eye(7)[predicted], copied=aside)
    name, rest = m.new
    assert name == "without copies" and rest.metrics.accuracy == pytest.approx(3 / 6)
    assert rest.standardized_accuracy == pytest.approx(8 / 12 * 1 + 4 / 12 * 1 / 4)
    low, high = rest.standardized_accuracy_ci95
    assert low < rest.standardized_accuracy < high


def test_what_the_whole_is_standardized_to_itself_is_its_accuracy():
    labels, probabilities = random_case(n=300)
    order = np.argsort(labels, kind="stable")
    twice = np.concatenate([order, order])  # the second half is put aside: what is left has the emotions of all
    aside = np.arange(600) >= 300
    m = evaluate_probabilities(labels[twice], probabilities[twice], leaked=aside, resamples=4000)
    assert m.without_leaks.standardized_accuracy == pytest.approx(m.accuracy)
    # Recalls held to their weights vary a little less than an accuracy whose emotions are drawn as well.
    width = np.diff(m.without_leaks.standardized_accuracy_ci95)[0]
    spread = np.sqrt(np.sum((m.support / 600) ** 2 * m.recall * (1 - m.recall) / (m.support / 2)))
    assert width == pytest.approx(2 * 1.96 * spread, rel=0.06)


def test_an_emotion_of_which_none_is_left_leaves_nothing_to_weight():
    labels = np.array([3, 3, 4])
    m = evaluate_probabilities(labels, np.eye(7)[labels], leaked=labels == 4)
    assert m.without_leaks.metrics.accuracy == 1
    assert m.without_leaks.standardized_accuracy is m.without_leaks.standardized_accuracy_ci95 is None


def test_new_is_what_no_copy_tells_and_nothing_where_all_is_new_or_none():
    labels, probabilities = random_case(n=20)
    first, none, all_of_them = np.arange(20) == 0, np.zeros(20, bool), np.ones(20, bool)

    def new(**aside):
        found = evaluate_probabilities(labels, probabilities, **aside).new
        return None if found is None else (found[0], found[1].n)

    assert new(leaked=first, copied=np.arange(20) < 5) == ("without copies", 15)
    assert new(leaked=first) == ("without leaks", 19)
    assert new(leaked=none, copied=first) == ("without copies", 19)
    assert new() is new(leaked=none, copied=none) is new(leaked=first, copied=all_of_them) is None


def test_confusion_matrix_has_rows_true_and_columns_predicted():
    labels, probabilities = seven_images()
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1))
    disgust, fear = EMOTIONS.index("disgust"), EMOTIONS.index("fear")
    assert matrix[disgust, fear] == 1
    assert matrix[fear, disgust] == 0
    assert matrix.sum() == 7


def test_per_class_is_named_in_the_order_of_the_labels():
    labels = np.array([0, 1, 1, 2, 2, 2, 6, 6, 6, 6])  # as many as no two other classes have
    per_class = evaluate_probabilities(labels, np.eye(7)[labels]).to_json()["per_class"]
    support = {name: scores["support"] for name, scores in per_class.items()}
    assert list(support.items()) == [
        ("angry", 1),
        ("disgust", 2),
        ("fear", 3),
        ("happy", 0),
        ("sad", 0),
        ("surprise", 0),
        ("neutral", 4),
    ]


@pytest.mark.parametrize(
    ("classes", "predictable"),
    [(ALL, ALL), ((0, 2, 3, 4, 5, 6), (0, 2, 3, 4, 5, 6)), (ALL, (0, 3, 4)), ((3, 5), ALL), ((4,), ALL)],
    ids=["all", "no disgust at all", "some never predicted", "two true, all predicted", "one class"],
)
def test_agrees_with_scikit_learn(classes, predictable):
    labels, probabilities = random_case(classes=classes, predictable=predictable)
    predicted = probabilities.argmax(axis=1)

    m = evaluate_probabilities(labels, probabilities, resamples=10)

    assert m.accuracy == pytest.approx(sk.accuracy_score(labels, predicted))
    assert m.balanced_accuracy == pytest.approx(
        sk.recall_score(labels, predicted, labels=classes, average="macro", zero_division=0)
    )
    assert m.macro_f1 == pytest.approx(sk.f1_score(labels, predicted, average="macro", zero_division=0))
    assert m.log_loss == pytest.approx(sk.log_loss(labels, probabilities, labels=ALL))
    np.testing.assert_array_equal(m.confusion_matrix, sk.confusion_matrix(labels, predicted, labels=ALL))
    precision, recall, f1, support = sk.precision_recall_fscore_support(labels, predicted, labels=ALL, zero_division=0)
    np.testing.assert_allclose(m.precision, precision)
    np.testing.assert_allclose(m.recall, recall)
    np.testing.assert_allclose(m.f1, f1)
    np.testing.assert_array_equal(m.support, support)


def test_log_loss_of_an_impossible_truth_is_finite_as_in_scikit_learn():
    labels = np.array([0, 1, 2])
    probabilities = np.eye(7, dtype=np.float32)[[0, 1, 3]]
    expected = sk.log_loss(labels, probabilities, labels=ALL)
    assert evaluate_probabilities(labels, probabilities).log_loss == pytest.approx(expected, rel=1e-5)


def test_intervals_agree_with_a_bootstrap_over_the_images():
    labels, probabilities = random_case(n=300, seed=3)
    predicted = probabilities.argmax(axis=1)
    rng = np.random.default_rng(1)
    scores = []
    for _ in range(600):
        drawn = rng.integers(0, len(labels), size=len(labels))
        true, said = labels[drawn], predicted[drawn]
        recalls = [np.mean(said[true == c] == c) for c in ALL]
        f1 = [2 * np.sum((true == c) & (said == c)) / (np.sum(true == c) + np.sum(said == c)) for c in ALL]
        scores.append((np.mean(true == said), np.mean(recalls), np.mean(f1)))
    expected = np.percentile(scores, (2.5, 97.5), axis=0).T

    m = evaluate_probabilities(labels, probabilities, resamples=4000)

    # The width is about 0.11; the percentiles of 600 draws wander by about 0.006.
    np.testing.assert_allclose(m.accuracy_ci95, expected[0], atol=0.015)
    np.testing.assert_allclose(m.balanced_accuracy_ci95, expected[1], atol=0.015)
    np.testing.assert_allclose(m.macro_f1_ci95, expected[2], atol=0.015)


def wilson(hits, trials):
    interval = binomtest(int(hits), int(trials)).proportion_ci(method="wilson")
    return interval.low, interval.high


@pytest.mark.parametrize(("hits", "trials"), [(0, 1), (1, 1), (0, 56), (56, 56), (1, 3), (2549, 3589)])
def test_interval_of_a_proportion_is_scipys(hits, trials):
    low, high = wilson_interval(hits, trials)
    assert (low, high) == pytest.approx(wilson(hits, trials), abs=1e-12)
    assert 0 <= low < high <= 1


def test_intervals_of_accuracies_and_of_each_recall_are_those_of_their_proportions():
    labels, probabilities = random_case(n=400)
    leaked = np.arange(400) % 3 == 0
    m = evaluate_probabilities(labels, probabilities, leaked=leaked)
    right = probabilities.argmax(axis=1) == labels
    assert m.accuracy_ci95 == pytest.approx(wilson(right.sum(), 400))
    assert m.without_leaks.metrics.accuracy_ci95 == pytest.approx(wilson(right[~leaked].sum(), (~leaked).sum()))
    for c in ALL:
        assert m.recall_ci95[c] == pytest.approx(wilson(right[labels == c].sum(), (labels == c).sum()))


def test_interval_depends_on_the_seed_alone():
    labels, probabilities = random_case()
    first, again, other = (evaluate_probabilities(labels, probabilities, seed=s).macro_f1_ci95 for s in (0, 0, 1))
    assert first == again != other


def test_interval_of_a_class_without_images_is_not_a_number():
    m = evaluate_probabilities(*random_case(classes=(0, 2, 3, 4, 5, 6)))
    assert np.isnan(m.recall_ci95[1]).all()
    assert np.isfinite(np.delete(m.recall_ci95, 1, axis=0)).all()


def test_json_holds_the_promised_keys_and_survives_strict_json():
    m = evaluate_probabilities(*random_case(), split="PublicTest", leaked=np.arange(500) < 20)
    value = m.to_json()
    assert set(value) >= {
        "split",
        "n",
        "accuracy",
        "accuracy_ci95",
        "balanced_accuracy",
        "macro_f1",
        "log_loss",
        "ece",
        "per_class",
        "confusion_matrix",
        "accuracy_without_leaks",
        "accuracy_without_copies",
    }
    assert set(value["per_class"]["fear"]) == {"precision", "recall", "f1", "support"}
    assert json.loads(json.dumps(value, allow_nan=False)) == value


def test_each_interval_in_the_json_stands_beside_its_own_number():
    labels, probabilities = random_case(n=200, seed=2)
    leaked, copied = np.arange(200) < 20, np.arange(200) < 50
    m = evaluate_probabilities(labels, probabilities, leaked=leaked, copied=copied)
    intervals = {
        "accuracy_ci95": m.accuracy_ci95,
        "balanced_accuracy_ci95": m.balanced_accuracy_ci95,
        "macro_f1_ci95": m.macro_f1_ci95,
        "accuracy_without_leaks_ci95": m.without_leaks.metrics.accuracy_ci95,
        "accuracy_without_copies_ci95": m.without_copies.metrics.accuracy_ci95,
    }
    assert len(set(intervals.values())) == 5, "an interval that is another's would not be found out"
    found = {name: value for name, value in m.to_json().items() if name.endswith("ci95")}
    assert found == {name: list(interval) for name, interval in intervals.items()}


def test_json_is_strict_where_numbers_are_undefined():
    labels = np.array([3, 3, 3])
    m = evaluate_probabilities(labels, np.eye(7)[labels], leaked=np.array([True, True, True]))
    value = json.loads(json.dumps(m.to_json(), allow_nan=False))
    assert value["mean_confidence_wrong"] is None
    assert value["accuracy_without_leaks"] is value["accuracy_without_leaks_ci95"] is None
    assert value["n_without_leaks"] == 0
    assert value["accuracy_ci95"] == pytest.approx(wilson(3, 3))


def test_unknown_leaks_are_not_called_none():
    value = evaluate_probabilities(*random_case()).to_json()
    for rest in ("without_leaks", "without_copies"):
        assert value[f"accuracy_{rest}"] is value[f"accuracy_{rest}_ci95"] is value[f"n_{rest}"] is None


def test_predictions_of_a_vote_take_the_place_of_the_highest_probability():
    labels, probabilities = seven_images()
    m = evaluate_probabilities(labels, probabilities, predicted=labels)
    assert m.accuracy == 1
    truth = probabilities[np.arange(7), labels]
    assert m.mean_confidence_right == pytest.approx(truth.mean())
    assert m.log_loss == pytest.approx(-np.log(truth).mean())
    # Confidences 0.90, 0.30 / 6, 0.62, 0.82, 0.50 / 6, 0.42 and 0.56 / 6, and all of them are right.
    assert m.ece == pytest.approx((0.10 + 0.95 + 0.38 + 0.18 + (1 - 0.50 / 6) + 0.58 + (1 - 0.56 / 6)) / 7)


def test_rows_that_are_no_probabilities_are_refused():
    labels, probabilities = random_case()
    with pytest.raises(AssertionError, match="sum to 1"):
        evaluate_probabilities(labels, np.log(probabilities))


def test_reliability_bins_hold_their_upper_edge():
    edges = np.linspace(0, 1, 16)
    confidence = np.array([edges[3], np.nextafter(edges[3], 1), 1.0])
    probabilities = np.zeros((3, 7))
    probabilities[:, 0], probabilities[:, 1] = confidence, 1 - confidence
    bins = reliability(np.array([0, 0, 1]), probabilities, predicted=np.zeros(3, int))
    assert np.flatnonzero(bins.count).tolist() == [2, 3, 14]
    assert bins.accuracy[[2, 3, 14]].tolist() == [1, 1, 0]
    assert bins.confidence[14] == 1
    assert np.isnan(bins.accuracy[0])


def test_calibration_error_of_calibrated_predictions_is_small_and_of_overconfident_ones_is_their_excess():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.full(7, 0.5), size=20000)
    labels = (rng.random(20000)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1).clip(0, 6)
    assert reliability(labels, probabilities).expected_calibration_error < 0.02

    certain = np.eye(7)[probabilities.argmax(axis=1)]
    accuracy = np.mean(probabilities.argmax(axis=1) == labels)
    assert reliability(labels, certain).expected_calibration_error == pytest.approx(1 - accuracy)


def test_mean_confidence_keeps_right_and_wrong_apart():
    probabilities = np.array([[0.9, 0.1, 0, 0, 0, 0, 0], [0.6, 0.4, 0, 0, 0, 0, 0]])
    assert mean_confidence(np.array([0, 1]), probabilities) == pytest.approx((0.9, 0.6))
    assert mean_confidence(np.array([0, 0]), probabilities) == (pytest.approx(0.75), None)
    assert mean_confidence(np.array([1, 1]), probabilities) == (None, pytest.approx(0.75))


def test_most_confident_mistakes_and_least_confident_hits():
    labels, probabilities = seven_images()
    assert most_confident_mistakes(labels, probabilities, 2).tolist() == [1, 4]
    assert most_confident_mistakes(labels, probabilities, 99).tolist() == [1, 4, 6]
    assert least_confident_hits(labels, probabilities, 3).tolist() == [5, 2, 3]


def test_mistakes_and_hits_of_a_vote_are_those_of_what_was_voted_for():
    labels, probabilities = seven_images()
    voted = np.array([3, 1, 2, 3, 0, 5, 6])  # wrong: the first at 0.10 / 6, and sad, for which angry has 0.50 / 6
    assert most_confident_mistakes(labels, probabilities, 9, predicted=voted).tolist() == [4, 0]
    # The right ones have 0.30 / 6, 0.62, 0.82, 0.42 and 0.56 / 6.
    assert least_confident_hits(labels, probabilities, 9, predicted=voted).tolist() == [1, 6, 5, 2, 3]
