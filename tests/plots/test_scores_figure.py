import numpy as np
import pytest

from fer_keras.plots.scores import curves_figure, scores_figure

METHODS = ["saliency", "grad-cam", "noise"]
SCORES = {"deletion": ("what it measures", False), "insertion": ("and this one", True)}
MEANS = np.array([[0.2, 0.5], [0.3, 0.7], [0.1, 0.9]])


def test_what_is_ahead_of_the_baselines_is_filled_and_the_marks_are_explained():
    ahead = np.array([[True, False], [True, True], [False, False]])
    figure = scores_figure(MEANS, np.full((3, 2), 0.01), METHODS, SCORES, ahead=ahead, baselines=["noise"])
    figure.draw_without_rendering()
    for ax, expected in zip(figure.axes, ([True, True, True], [False, True, True]), strict=True):
        points = [line for line in ax.lines if line.get_marker() == "o"]
        filled = [point.get_markerfacecolor() != "white" for point in points]
        assert filled == expected  # a baseline always is, in gray
    (legend,) = figure.legends
    assert "ahead of noise on the same images, and hardly by chance" in legend.get_texts()[0].get_text()
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == METHODS
    for ax, better in zip(figure.axes, ("lower is better", "higher is better"), strict=True):
        assert better in ax.get_title()


def test_scores_in_which_to_be_ahead_says_nothing_are_pale():
    ahead = np.array([[True, False], [False, False], [False, False]])
    options = {"ahead": ahead, "compared": [True, False], "baselines": ["noise"]}
    figure = scores_figure(MEANS, np.full((3, 2), 0.01), METHODS, SCORES, **options)
    filled = [[p.get_markerfacecolor() for p in ax.lines if p.get_marker() == "o"] for ax in figure.axes]
    assert filled[0][:2] == ["#0072B2", "white"] and filled[1][0] == filled[1][1] not in ("white", "#0072B2")
    (legend,) = figure.legends
    assert "not to be compared with them" in [text.get_text() for text in legend.get_texts()]
    figure.draw_without_rendering()
    assert legend.get_window_extent().x0 >= 0 and legend.get_window_extent().x1 <= figure.bbox.width


def test_a_score_that_nothing_has_leaves_its_panel_empty():
    means = MEANS.copy()
    means[:, 1] = np.nan
    figure = scores_figure(means, np.full((3, 2), np.nan), METHODS, SCORES, ahead=np.zeros((3, 2), bool))
    figure.draw_without_rendering()
    points = [line.get_xdata() for line in figure.axes[1].lines if line.get_marker() == "o"]
    assert len(points) == 3 and np.isnan(np.array(points, float)).all()


def test_curves_run_from_no_pixel_to_all():
    curves = np.linspace(1, 0, 5)[None].repeat(3, axis=0) * [[1], [0.5], [0.2]]
    figure = curves_figure(curves, 1 - curves, METHODS, baselines=["noise"])
    figure.draw_without_rendering()
    for ax, expected in zip(figure.axes, (curves, 1 - curves), strict=True):
        for line, curve in zip(ax.lines, expected, strict=True):
            np.testing.assert_allclose(line.get_xdata(), [0, 25, 50, 75, 100])
            np.testing.assert_allclose(line.get_ydata(), curve)
    assert figure.axes[0].lines[2].get_linestyle() == ":"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == METHODS
    assert figure.axes[0].get_ylim()[1] == pytest.approx(1.02)


def test_curves_that_lie_on_others_are_dashed():
    curves = np.linspace(1, 0, 5)[None].repeat(4, axis=0) * [[1], [0.5], [1.001], [0.999]]
    figure = curves_figure(curves, curves, ["one", "other", "twin", "third"])
    assert [line.is_dashed() for line in figure.axes[0].lines] == [False, False, True, True]
