"""What evaluate.py says of the numbers, in the terminal and in figures: made of numbers by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from fer_keras.evaluation import card, console, report
from fer_keras.evaluation.ensembles import Decision
from fer_keras.metrics import evaluate_probabilities


def test_the_spread_of_the_members_is_that_of_a_sample():
    members = tuple(SimpleNamespace(name=name, epoch=3) for name in "ABC")
    evaluation = report.Evaluation(
        candidates=[SimpleNamespace(members=members)],
        held=None,
        tta="none",
        vote="soft",
        seed=0,
        decision=None,
        metrics=None,
        member_accuracies=np.array([0.5, 0.7, 0.6]),  # deviations of -0.1, 0.1 and 0: sqrt(0.02 / 2) = 0.1
        ensemble_accuracies=np.array([0.5, 0.7, 0.7]),
    )
    assert "alone, the members are at 0.6000 on average, standard deviation 0.1000" in console.members(evaluation)


@pytest.mark.parametrize(
    ("probability", "labels", "said"),
    [
        (0.9, [3, 3, 0, 0], "over-confident: mean confidence 0.900"),
        (0.3, [3, 3, 3, 3], "under-confident: mean confidence 0.300"),
        (0.505, [3, 3, 0, 0], "about right on average: mean confidence 0.505"),
    ],
)
@pytest.mark.parametrize("majority", [False, True])
def test_confidence_is_told_beside_what_came_of_it(probability, labels, said, majority):
    probabilities = np.full((4, 7), (1 - probability) / 6)
    probabilities[:, 3] = probability
    evaluation = SimpleNamespace(
        metrics=evaluate_probabilities(np.array(labels), probabilities, resamples=10),
        held=SimpleNamespace(leaked=None, copied=None, seen_before="", copied_before=""),
        majority=majority,
    )
    *_, row = console.numbers(evaluation).splitlines()
    of_mean = "; of the mean probability" if majority else ""  # a majority has none of its own
    assert row.startswith("calibration error ") and row.endswith(f"  {said}{of_mean}")


def test_an_emotion_is_taken_for_what_its_own_images_are_called():
    # Two angry faces are called sad and one fear, two of the sad ones happy, and disgust is called angry.
    true = np.array([0, 0, 0, 0, 4, 4, 4, 1, 1, 1, 2, 3])
    predicted = np.array([0, 4, 4, 2, 4, 3, 3, 0, 0, 0, 2, 3])
    metrics = evaluate_probabilities(true, np.eye(7)[predicted], resamples=10)
    rows = {line.split()[0]: line.split() for line in console.emotions(SimpleNamespace(metrics=metrics)).splitlines()}
    assert rows["angry"][-2:] == ["sad", "(50%)"]
    assert rows["sad"][-2:] == ["happy", "(67%)"]
    assert rows["disgust"][-2:] == ["angry", "(100%)"]
    assert rows["happy"][-1] == "-"


def test_figures_show_what_was_decided_though_the_mean_probability_says_otherwise(drawn, monkeypatch):
    faces = drawn.split("PrivateTest")  # 14, two of each emotion
    probabilities = np.random.default_rng(0).dirichlet(np.ones(7), size=14)
    right = np.arange(14) % 3 > 0
    decided = np.where(right, faces.labels, (faces.labels + 1) % 7)
    assert (decided != probabilities.argmax(axis=1)).sum() > 7
    evaluation = report.Evaluation(
        candidates=[SimpleNamespace(members=(None,))],
        held=SimpleNamespace(faces=faces),
        tta="none",
        vote="hard",
        seed=0,
        decision=Decision(probabilities, decided),
        metrics=evaluate_probabilities(faces.labels, probabilities, predicted=decided, resamples=10),
        member_accuracies=np.array([0.5]),
        ensemble_accuracies=np.array([0.5]),
    )
    monkeypatch.setattr(report, "_title", lambda evaluation: "")
    found = report.figures(evaluation)

    order = probabilities[np.arange(14), decided].argsort()
    shown = {name: [image.get_array() for image in found[name].axes[0].images] for name in ("mistakes", "hits")}
    np.testing.assert_array_equal(shown["mistakes"], faces.images[[i for i in order[::-1] if not right[i]]])
    np.testing.assert_array_equal(shown["hits"], faces.images[[i for i in order if right[i]]])
    counts = confusion_matrix(faces.labels, decided)
    for name, expected in (("confusion_matrix", counts), ("confusion_matrix_normalized", counts / 2)):
        np.testing.assert_array_equal(found[name].axes[0].images[0].get_array(), expected)


def some_copies():
    """Of four angry faces one is right and two are copies, that one among them; of four sad ones three, and one."""
    labels, predicted = np.array([0, 0, 0, 0, 4, 4, 4, 4]), np.array([0, 4, 3, 3, 4, 4, 4, 0])
    copied = np.array([True, True, False, False, True, False, False, False])
    probabilities = np.full((8, 7), 0.3 / 6)
    probabilities[np.arange(8), predicted] = 0.7
    return evaluate_probabilities(labels, probabilities, copied=copied, resamples=50)


def test_beside_each_emotion_stand_the_new_images_and_their_recall():
    header, *rows = console.emotions(SimpleNamespace(metrics=some_copies())).splitlines()
    assert header.split("  ")[-1] == "most often taken for" and "without copies  recall" in header
    cells = {row.split()[0]: row.split() for row in rows}
    assert cells["angry"][:6] == ["angry", "4", "2", "0.500", "0.250", "0.046"]
    assert cells["angry"][9:11] == ["2", "0.000"] and cells["sad"][9:11] == ["3", "0.667"]
    assert cells["happy"][-3:] == ["0", "-", "-"]


def test_the_card_has_the_numbers_of_new_images_in_rows_and_columns_of_their_own():
    metrics = some_copies()
    new = metrics.without_copies.metrics
    held = SimpleNamespace(
        faces=SimpleNamespace(source="f.csv"), split="s", reason="", seen_before="seen", copied_before="copied"
    )
    evaluation = SimpleNamespace(metrics=metrics, held=held, tta="none", majority=False)
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in card._numbers(evaluation).splitlines()]
    told = {row[0]: row[1] for row in rows if len(row) == 2}
    for name, of_all, of_new in (
        ("balanced accuracy", metrics.balanced_accuracy, new.balanced_accuracy),
        ("macro F1", metrics.macro_f1, new.macro_f1),
        ("log loss, nats", metrics.log_loss, new.log_loss),
        ("calibration error", metrics.ece, new.ece),
    ):
        assert of_all != pytest.approx(of_new), "a number that is another's would not be found out"
        assert told[name] == f"{of_all:.4f}" and told[f"{name}, without copies"] == f"{of_new:.4f}"
    (same,) = [value for name, value in told.items() if "weighted to the emotions of all images" in name]
    assert same == f"{(0.000 + 2 / 3) / 2:.4f}"  # as many angry faces as sad ones
    assert "| angry | 0.500 | 0.250 | 0.333 | 4 | 0.000 | 2 |" in card._emotions(evaluation).splitlines()
    assert "| sad | 0.750 | 0.750 | 0.750 | 4 | 0.667 | 3 |" in card._emotions(evaluation).splitlines()
