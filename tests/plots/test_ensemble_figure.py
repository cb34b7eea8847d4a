import numpy as np
import pytest

from fer_keras.plots.ensemble import ensemble_figure


def test_members_and_ensemble_are_drawn_as_members_are_added():
    (ax,) = ensemble_figure(np.array([0.60, 0.64, 0.62]), np.array([0.60, 0.65, 0.66]), title="Majority vote").axes
    mean, members, ensemble = ax.get_lines()
    assert mean.get_label() == "mean of the members (0.620)"
    assert list(members.get_xdata()) == list(ensemble.get_xdata()) == [1, 2, 3]
    assert list(members.get_ydata()) == [0.60, 0.64, 0.62]
    assert list(ensemble.get_ydata()) == [0.60, 0.65, 0.66]
    assert [text.get_text() for text in ax.texts] == ["0.600", "0.650", "0.660"]
    assert ax.get_title(loc="left") == "Majority vote"


@pytest.mark.parametrize("count", [1, 40])
def test_values_are_written_for_the_first_and_the_last_and_never_too_many(count):
    accuracies = np.linspace(0.5, 0.7, count)
    (ax,) = ensemble_figure(accuracies, accuracies).axes
    written = [text.get_text() for text in ax.texts]
    assert written[0] == "0.500"
    assert written[-1] == f"{accuracies[-1]:.3f}"
    assert len(written) == min(count, 10)
