import numpy as np
import pytest

from fer_keras.emotions import EMOTIONS
from fer_keras.metrics import evaluate_probabilities
from fer_keras.plots.accuracy import class_accuracy_figure, counts_figure


def metrics():
    """Four images of angry, one of them right; two of neutral, both right; nothing else."""
    labels, predicted = np.array([0, 0, 0, 0, 6, 6]), np.array([0, 6, 6, 3, 6, 6])
    return evaluate_probabilities(labels, np.eye(7)[predicted])


def test_bars_are_the_recall_of_the_emotions_there_are():
    (ax,) = class_accuracy_figure(metrics(), title="cnn4").axes
    widths = {round(bar.get_center()[1]): bar.get_width() for bar in ax.containers[0]}
    assert widths == pytest.approx({0: 0.25, 6: 1.0})
    assert [text.get_text() for text in ax.get_yticklabels()][:2] == ["angry (4)", "disgust (0)"]
    assert [text.get_text() for text in ax.texts] == ["0.250", "1.000"]
    assert ax.yaxis_inverted()  # angry on top, as in the confusion matrix
    (label,) = [text.get_text() for text in ax.get_legend().get_texts()]
    assert label.startswith("all images 0.500 (")


def test_whiskers_are_the_interval():
    m = metrics()
    (ax,) = class_accuracy_figure(m).axes
    (whiskers,) = ax.collections
    spans = [segment[:, 0].tolist() for segment in whiskers.get_segments()]
    np.testing.assert_allclose(spans, m.recall_ci95[[0, 6]])


def test_diamonds_are_the_recall_of_new_images():
    labels, predicted = np.array([0, 0, 0, 0, 6, 6]), np.array([0, 6, 6, 3, 6, 6])
    copied = np.array([True, False, False, True, True, False])
    m = evaluate_probabilities(labels, np.eye(7)[predicted], copied=copied)
    (ax,) = class_accuracy_figure(m).axes
    (line,) = [line for line in ax.lines if line.get_marker() == "D"]
    recalls, rows = line.get_data()
    (bars,) = [bars for bars in ax.collections if len(bars.get_segments()) == 2 and bars.get_segments()[0][0, 1] % 1]
    ends = [segment[:, 0].tolist() for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, m.without_copies.metrics.recall_ci95[[0, 6]])
    assert recalls.tolist() == [0, 1] and np.floor(rows).tolist() == [0, 6]
    said = [text.get_text() for text in ax.get_legend().get_texts()]
    assert said[1] == "without copies 0.333, of 3" and said[0].startswith("all images 0.500 (")


def test_counts_are_true_against_predicted():
    (ax,) = counts_figure(metrics().confusion_matrix).axes
    true, predicted = ax.containers
    assert true.get_label() == "true (6)"
    assert [bar.get_height() for bar in true] == [4, 0, 0, 0, 0, 0, 2]
    assert [bar.get_height() for bar in predicted] == [1, 0, 0, 1, 0, 0, 4]
    assert [text.get_text() for text in ax.get_xticklabels()] == list(EMOTIONS)
