import numpy as np
import pytest

from fer_keras.metrics import evaluate_probabilities
from fer_keras.plots.compare import compare_figure

LABELS = np.array([0, 0, 0, 3, 3, 4])


def predictions(*predicted):
    return evaluate_probabilities(LABELS, np.eye(7)[list(predicted)], split="PublicTest")


def test_every_run_has_a_mark_for_all_images_and_for_each_emotion_that_there_is():
    runs = [predictions(0, 0, 1, 3, 3, 5), predictions(0, 1, 1, 3, 4, 4)]
    figure = compare_figure(runs, ["first", "second"], title="PublicTest (6)")
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.get_yticklabels()] == ["all images (6)", "angry (3)", "happy (2)", "sad (1)"]
    marks = [container.lines[0] for container in ax.containers]
    np.testing.assert_allclose(marks[0].get_xdata(), [4 / 6, 2 / 3, 1, 0])
    np.testing.assert_allclose(marks[1].get_xdata(), [3 / 6, 1 / 3, 1 / 2, 1])
    assert (marks[0].get_ydata() < marks[1].get_ydata()).all()  # and the first above, the axis pointing down
    assert ax.yaxis.get_inverted()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["first: 0.667", "second: 0.500"]
    assert legend.get_title().get_text() == "PublicTest (6)"


def test_a_run_of_any_name_is_in_the_legend():
    runs = [predictions(0, 0, 1, 3, 3, 5), predictions(0, 1, 1, 3, 4, 4)]
    (legend,) = compare_figure(runs, ["_first", "second"]).legends
    assert [text.get_text() for text in legend.get_texts()] == ["_first: 0.667", "second: 0.500"]
    assert len(legend.legend_handles) == 2


def test_every_mark_has_the_interval_of_its_own_emotion():
    runs = [predictions(0, 0, 1, 3, 3, 5), predictions(0, 1, 1, 3, 4, 4)]
    (ax,) = compare_figure(runs, ["first", "second"]).axes
    for container, one in zip(ax.containers, runs, strict=True):
        _, _, (bars,) = container.lines
        ends = [segment[:, 0] for segment in bars.get_segments() if len(segment)]  # of a NaN there is none
        expected = [one.accuracy_ci95, *one.recall_ci95[[0, 3, 4]]]  # angry, happy and sad have images
        np.testing.assert_allclose(ends, expected)


def test_what_is_left_without_seen_images_has_a_mark_of_its_own():
    copied, nothing = np.array([True, False, False, True, False, False]), np.zeros(6, bool)
    runs = [
        evaluate_probabilities(LABELS, np.eye(7)[list(said)], split="PublicTest", leaked=nothing, copied=copied)
        for said in ((0, 0, 1, 3, 3, 5), (1, 0, 0, 3, 4, 4))
    ]
    (ax,) = compare_figure(runs, ["first", "second"]).axes
    assert [text.get_text() for text in ax.get_yticklabels()][:3] == [
        "all images (6)",
        "without copies (4)",
        "angry (3)",
    ]
    for container, right in zip(ax.containers, (2, 3), strict=True):
        assert container.lines[0].get_xdata()[1] == right / 4
        _, _, (bars,) = container.lines
        low, high = bars.get_segments()[1][:, 0]
        assert low < right / 4 < high


def test_runs_on_different_images_are_no_comparison():
    other = evaluate_probabilities(np.array([1, 2]), np.eye(7)[[1, 2]])
    with pytest.raises(AssertionError, match="different images"):
        compare_figure([predictions(0, 0, 0, 3, 3, 4), other], ["a", "b"])


def test_many_runs_can_be_told_apart():
    runs = [predictions(0, 0, 0, 3, 3, 4)] * 14
    (ax,) = compare_figure(runs, [f"run {i}" for i in range(14)]).axes
    looks = {(c.lines[0].get_color(), c.lines[0].get_marker()) for c in ax.containers}
    assert len(looks) == 14
