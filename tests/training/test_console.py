"""The line after each epoch."""

import dataclasses
import math

import pytest

from fer_keras.config import Settings
from fer_keras.training.console import EpochLines
from fer_keras.training.progress import EpochRow, Progress, Verdict

ORDINARY = Verdict(save=False, roll_back=False, lower_rate=False, stop=False)


def lines(settings: Settings, first: int, seconds: list[float], capsys) -> list[str]:
    """Return what is printed of epochs from `first` on that last so long."""
    now = [0.0]
    report = EpochLines(settings, clock=lambda: now[0])
    for epoch, lasted in enumerate(seconds, first):
        now[0] += lasted
        report(EpochRow("train", epoch, 1.0, 0.5, 1.0, 0.5, 0.1, lasted), ORDINARY)
    return capsys.readouterr().out.splitlines()


def test_the_time_left_counts_epochs_at_full_size_for_what_they_cost(capsys):
    """(48 / 32)^2 = 2.25: after the first of two coarse epochs of 40 s, 40 s and two of 90 s are left."""
    settings = Settings(epochs=4, coarse_epochs=2)
    first, second, third, last = lines(settings, 1, [40, 40, 90, 90], capsys)
    assert "  4 min left at most" in first
    assert "  3 min left at most" in second
    assert "  2 min left at most" in third
    assert "left" not in last


@pytest.mark.parametrize("first", [1, 4])
def test_after_a_resume_the_time_left_is_that_of_the_epochs_seen(first, capsys):
    settings = Settings(epochs=first + 1)
    assert "  60 s left at most" in lines(settings, first, [60], capsys)[0]


@pytest.mark.parametrize(("keep", "marks"), [("best", "  [best]"), ("last", "")])
def test_only_an_epoch_that_was_chosen_is_marked(keep, marks, capsys):
    row = EpochRow("train", 1, 1.0, 0.5, 1.25, 0.625, 0.1, 3)
    EpochLines(Settings(epochs=1, keep=keep))(row, dataclasses.replace(ORDINARY, save=True))
    assert capsys.readouterr().out.endswith(f"val_loss 1.2500  val_accuracy 0.6250  rate 1.00e-01  3 s{marks}\n")


def test_what_was_not_validated_is_not_told(capsys):
    row = EpochRow("train", 1, 1.0, 0.5, math.nan, math.nan, 0.1, 3)
    EpochLines(Settings(epochs=1, keep="last"))(row, ORDINARY)
    assert capsys.readouterr().out == "epoch   1/1  loss 1.0000  accuracy 0.5000  rate 1.00e-01  3 s\n"


def test_epochs_that_an_early_stop_has_spared_are_not_counted_any_more(capsys):
    """Of 10 + 2 epochs the first phase ends after 3: two are left, not nine."""
    now, settings = [0.0], Settings(epochs=10, fine_tune_epochs=2, early_stop=1)
    report = EpochLines(settings, clock=lambda: now[0])
    for epoch, phase in enumerate(["train", "train", "train", "fine-tune", "fine-tune"], 1):
        now[0] += 60
        row = EpochRow(phase, epoch, 1.0, 0.5, 1.0, 0.5, 0.1, 60)
        report(row, dataclasses.replace(ORDINARY, stop=epoch == 3, since_best=1))
    first, _, third, fourth, last = capsys.readouterr().out.splitlines()
    assert "epoch   1/12 " in first and "11 min left" in first
    assert "epoch   3/5 " in third and "2 min left" in third and "[no better for 1 epoch: stopped]" in third
    assert "epoch   4/5 (fine-tuning)" in fourth and "60 s left" in fourth
    assert "epoch   5/5 " in last and "left" not in last


@pytest.mark.parametrize(
    ("phase", "over", "total"), [("train", False, 12), ("train", True, 5), ("fine-tune", False, 5)]
)
def test_a_resumed_run_knows_what_an_early_stop_has_spared(phase, over, total):
    rows = [EpochRow("train", epoch, 1.0, 0.5, 1.0, 0.5, 0.1, 60) for epoch in (1, 2, 3)]
    rows += [EpochRow("fine-tune", 4, 1.0, 0.5, 1.0, 0.5, 0.1, 60)] if phase == "fine-tune" else []
    progress = Progress(phase=phase, phase_over=over, rows=rows)
    assert EpochLines(Settings(epochs=10, fine_tune_epochs=2), progress).total_epochs == total


def test_an_early_stop_tells_how_long_there_was_no_better_epoch(capsys):
    """Coarse epochs are not stopped in, but those without a better one count: here ten of them, for three asked for."""
    row = EpochRow("train", 11, 1.0, 0.5, 1.0, 0.5, 0.1, 3)
    stopped = dataclasses.replace(ORDINARY, stop=True, since_best=10)
    EpochLines(Settings(epochs=20, coarse_epochs=8, early_stop=3))(row, stopped)
    assert "[no better for 10 epochs: stopped]" in capsys.readouterr().out
