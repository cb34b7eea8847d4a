"""What each further member of an ensemble is worth."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from fer_keras.plots.style import TRAINING_COLOR, VALIDATION_COLOR, fitted, house_style, new_figure


def ensemble_figure(member_accuracies: np.ndarray, ensemble_accuracies: np.ndarray, *, title: str = "") -> Figure:
    """Return the accuracy of each of M members and of the ensemble of the first 1, 2, ..., M of them.

    member_accuracies, ensemble_accuracies: float (M,), 0..1 (see `fer_keras.metrics.ensemble_accuracies`).
    """
    members, ensemble = np.asarray(member_accuracies), np.asarray(ensemble_accuracies)
    assert members.shape == ensemble.shape, (members.shape, ensemble.shape)
    number = np.arange(1, len(members) + 1)
    with house_style():
        figure = new_figure(6.0, 3.6)
        ax = figure.add_subplot()
        mean = members.mean()
        ax.axhline(mean, color="0.6", linewidth=1, linestyle="--", label=f"mean of the members ({mean:.3f})", zorder=1)
        ax.plot(number, members, "o", color=TRAINING_COLOR, markersize=5, label="the member alone")
        ax.plot(number, ensemble, "o-", color=VALIDATION_COLOR, linewidth=1.6, markersize=4, label="ensemble so far")
        for x in np.unique([1, *np.linspace(1, len(members), 10).round().astype(int)]):
            ax.annotate(
                f"{ensemble[x - 1]:.3f}",
                (x, ensemble[x - 1]),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=VALIDATION_COLOR,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],  # readable where the curve runs under it
            )
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        ax.set(xlim=(0.5, len(members) + 0.5), xlabel="members", ylabel="accuracy")
        ax.margins(y=0.14)
        ax.grid(axis="y", color="0.92", linewidth=0.8)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=8)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=8, borderaxespad=0.2)
        ax.set_title(fitted(title, 5.2), loc="left", pad=22)
    return figure
