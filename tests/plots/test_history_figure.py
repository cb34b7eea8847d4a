import csv
import io

import numpy as np
import pandas as pd
import pytest

from fer_keras.plots.history import history_figure
from fer_keras.plots.raster import figure_to_array


def history(epochs, fine_tuning=0, **changes):
    rows = []
    for i in range(epochs + fine_tuning):
        late = i >= epochs
        row = {
            "phase": "fine-tuning" if late else "training",
            "epoch": i + 1,
            "loss": 2 / (i + 1),
            "accuracy": 1 - 0.8 / (i + 1),
            "val_loss": 2.1 / (i + 1),
            "val_accuracy": 0.9 - 0.8 / (i + 1),
            "learning_rate": 1e-4 if late else 1e-3,
            "seconds": 60,
        }
        rows.append(row | {name: values[i] for name, values in changes.items()})
    return rows


def curve(ax, label):
    (line,) = [line for line in ax.get_lines() if line.get_label() == label]
    return line.get_xdata(), line.get_ydata()


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("epochs", [1, 2, 30, 300])
def test_panels_show_training_and_validation(epochs):
    rows = history(epochs)
    figure = history_figure(rows)
    accuracy, loss, _ = figure.axes
    for ax, name in ((accuracy, "accuracy"), (loss, "loss")):
        assert ax.get_ylabel() == name
        for label, column in (("training", name), ("validation", f"val_{name}")):
            x, y = curve(ax, label)
            assert list(x) == list(range(1, epochs + 1))
            assert list(y) == [row[column] for row in rows]
    assert figure_to_array(figure, dpi=30).std() > 0  # it can be drawn


def test_the_epoch_that_was_kept_is_marked():
    rows = history(5, val_accuracy=[0.3, 0.5123, 0.4, 0.5123, 0.2], val_loss=[5, 4, 3, 4, 1])
    accuracy, loss, _ = history_figure(rows, kept=2).axes
    assert legend(accuracy)[-1] == "best epoch (2): 0.5123"
    assert legend(loss)[-1] == "best epoch (2): 4.0000"
    x, y = curve(accuracy, "best epoch (2): 0.5123")
    assert (x, y) == ([2], [0.5123])


def test_no_epoch_is_marked_where_none_of_them_was_kept():
    for ax in history_figure(history(3), kept=0).axes[:2]:
        assert legend(ax) == ["training", "validation"]


def test_accuracy_on_what_teachers_said_is_not_called_that_on_labels():
    plain, soft = (legend(history_figure(history(3), soft=soft).axes[0])[0] for soft in (False, True))
    assert (plain, soft) == ("training", "training (soft targets)")


def test_where_the_last_epoch_is_kept_it_is_marked():
    accuracy, loss, _ = history_figure(history(3, val_accuracy=[0.3, 0.5, 0.4]), kept=3, keep="last").axes
    assert legend(accuracy)[-1] == "last epoch (3): 0.4000"
    unseen = history(3, val_accuracy=[""] * 3, val_loss=[""] * 3, accuracy=[0.3, 0.5, 0.4], loss=[3, 2, 1])
    accuracy, loss, _ = history_figure(unseen, kept=3, keep="last").axes
    assert legend(accuracy) == ["training", "last epoch (3): 0.4000"]
    assert legend(loss) == ["training", "last epoch (3): 1.0000"]


def marks(figure, name="fine-tuning"):
    return [text for text in figure.axes[0].texts if name in text.get_text()]


def test_fine_tuning_is_marked_where_it_starts():
    (mark,) = marks(history_figure(history(6, 4)))
    assert mark.xy[0] == 6.5
    assert marks(history_figure(history(10))) == []


@pytest.mark.parametrize(("coarse", "starts"), [(0, []), (3, [3.5]), (6, []), (9, [])])
def test_where_coarse_images_end_is_marked(coarse, starts):
    figure = history_figure(history(6), coarse=coarse)
    assert [mark.xy[0] for mark in marks(figure, "48x48")] == starts
    for ax in figure.axes:
        dashed = [line for line in ax.get_lines() if line.get_linestyle() == "--"]
        assert [line.get_xdata()[0] for line in dashed] == starts


def test_fine_tuning_that_follows_coarse_images_hides_no_mark():
    figure = history_figure(history(6, 4), coarse=6)
    figure.draw_without_rendering()
    (one,), (other,) = (marks(figure, name) for name in ("fine-tuning", "48x48"))
    assert not one.get_window_extent().overlaps(other.get_window_extent())


def test_epochs_that_start_again_run_on():
    figure = history_figure(history(3, 2, epoch=[1, 2, 3, 1, 2]))
    x, _ = curve(figure.axes[0], "training")
    assert list(x) == [1, 2, 3, 4, 5]
    assert marks(figure)[0].xy[0] == 3.5


@pytest.mark.parametrize(
    ("rates", "scale"),
    [([1e-3, 1e-3], "linear"), ([1e-3, 5e-4], "linear"), ([1e-2, 1e-4], "log"), ([0, 1e-3], "linear")],
)
def test_learning_rate_is_logarithmic_beyond_a_decade(rates, scale):
    figure = history_figure(history(2, learning_rate=rates))
    assert figure.axes[2].get_yscale() == scale
    assert list(figure.axes[2].get_lines()[0].get_ydata()) == rates


@pytest.mark.parametrize("missing", [float("nan"), None, ""])
def test_without_validation_only_training_is_drawn(missing):
    figure = history_figure(history(3, val_accuracy=[missing] * 3, val_loss=[missing] * 3))
    assert legend(figure.axes[0]) == legend(figure.axes[1]) == ["training"]


def test_a_gap_in_the_validation_is_bridged():
    figure = history_figure(history(3, val_accuracy=[0.1, float("nan"), 0.2]))
    x, y = curve(figure.axes[0], "validation")
    assert (list(x), list(y)) == ([1, 3], [0.1, 0.2])


def test_csv_rows_and_data_frames_give_the_same_curves():
    rows = history(4, 2, val_accuracy=[0.1, 0.2, float("nan"), 0.4, 0.3, 0.5])
    frame = pd.DataFrame(rows)
    text = list(csv.DictReader(io.StringIO(frame.to_csv(index=False))))
    assert text[2]["val_accuracy"] == ""
    drawn = [
        [np.asarray(line.get_xydata()).tolist() for ax in history_figure(form).axes for line in ax.get_lines()]
        for form in (rows, frame, text)
    ]
    assert drawn[0] == drawn[1] == drawn[2]


def test_time_is_told_below():
    assert history_figure(history(30)).axes[2].get_xlabel() == "epoch (60 s each, 30 min in all)"
    assert history_figure(history(2, seconds=[None, None])).axes[2].get_xlabel() == "epoch"


def test_title_is_drawn():
    assert history_figure(history(2), title="cnn4 on FER2013").get_suptitle() == "cnn4 on FER2013"


def test_rates_of_other_sizes_are_told_in_plain_numbers():
    figure = history_figure(history(3, learning_rate=[0.1, 0.01, 0.0001]))
    figure.draw_without_rendering()
    shown = [label.get_text() for label in figure.axes[2].get_yticklabels()]
    assert {"0.1", "0.0001"} <= set(shown) and not any("$" in text for text in shown)


def test_a_name_may_look_like_mathematics():
    assert figure_to_array(history_figure(history(2), title="a$_$b"), dpi=30).std() > 0
