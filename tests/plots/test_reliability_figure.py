import numpy as np
import pytest

from fer_keras.metrics import ReliabilityBins
from fer_keras.plots.reliability import reliability_figure


def two_bins():
    """30 images of confidence 0.3, one in three right; 10 of confidence 0.9, all right."""
    nan = float("nan")
    return ReliabilityBins(
        edges=np.linspace(0, 1, 5),
        count=np.array([0, 30, 0, 10]),
        confidence=np.array([nan, 0.3, nan, 0.9]),
        accuracy=np.array([nan, 1 / 3, nan, 1.0]),
    )


def test_bars_are_the_accuracy_of_the_bins_that_have_images():
    top, bottom = reliability_figure(two_bins(), title="cnn4").axes
    accuracy, gap = top.containers
    assert [bar.get_x() for bar in accuracy] == [0.25, 0.75]
    assert [bar.get_width() for bar in accuracy] == [0.25, 0.25]
    assert [bar.get_height() for bar in accuracy] == pytest.approx([1 / 3, 1])
    assert [bar.get_y() + bar.get_height() for bar in gap] == pytest.approx([0.3, 0.9])
    (share,) = bottom.containers
    assert [bar.get_height() for bar in share] == [0.75, 0.25]


def test_calibration_error_and_means_are_written():
    top, bottom = reliability_figure(two_bins(), title="cnn4").axes
    # 30 x |1/3 - 0.3| + 10 x |1 - 0.9| = 2, of 40 images
    assert top.get_title(loc="left") == "cnn4\nexpected calibration error 0.050"
    assert [text.get_text() for text in bottom.get_legend().get_texts()] == ["mean confidence 0.450", "accuracy 0.500"]
