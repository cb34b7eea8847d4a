import math

import pytest

from fer_keras.training.progress import EpochRow, Progress


def run_epochs(accuracies, *, losses=None, **options):
    progress, verdicts = Progress(), []
    options = {"early_stop": 0, "rollback": False, "plateau": False} | options
    for index, accuracy in enumerate(accuracies):
        loss = losses[index] if losses else 1.0
        row = EpochRow("train", index + 1, 1.0, 0.5, loss, accuracy, 1e-3, 1.0)
        verdicts.append(progress.judge(row, last=index + 1 == len(accuracies), **options))
    return progress, verdicts


def test_the_best_epoch_is_that_of_highest_validation_accuracy():
    progress, verdicts = run_epochs([0.3, 0.5, 0.4, 0.5])
    assert [verdict.save for verdict in verdicts] == [True, True, False, False]
    assert (progress.best_epoch, progress.best_accuracy) == (2, 0.5)


def test_of_equal_accuracies_the_lower_loss_is_better():
    progress, _ = run_epochs([0.5, 0.5, 0.5], losses=[1.0, 0.9, 0.95])
    assert progress.best_epoch == 2


@pytest.mark.parametrize("accuracies", [[0.3, 0.5, 0.4], [math.nan] * 3])
def test_the_last_epoch_is_kept_whatever_the_validation_images_say(accuracies):
    progress, verdicts = run_epochs(accuracies, keep="last", early_stop=1)
    assert [verdict.save for verdict in verdicts] == [True, True, True]
    assert not any(verdict.stop for verdict in verdicts)
    assert progress.best_epoch == 3 and progress.best_accuracy == pytest.approx(accuracies[-1], nan_ok=True)


def test_epochs_without_validation_survive_json():
    progress, _ = run_epochs([math.nan] * 2, losses=[math.nan] * 2, keep="last")
    copy = Progress.from_json(progress.to_json())
    assert [row.loss for row in copy.rows] == [1.0, 1.0] and all(math.isnan(row.val_loss) for row in copy.rows)


def test_early_stop_counts_epochs_since_the_best():
    _, verdicts = run_epochs([0.3, 0.2, 0.4, 0.3, 0.3], early_stop=2)
    assert [verdict.stop for verdict in verdicts] == [False, False, False, False, True]


def test_rollback_rejects_three_in_a_row_and_accepts_the_next():
    _, verdicts = run_epochs([0.5, 0.4, 0.4, 0.4, 0.4, 0.3], rollback=True)
    # after the fourth lower epoch its weights stand (0.4), so that 0.3 lowers them and is rejected again
    assert [verdict.roll_back for verdict in verdicts] == [False, True, True, True, False, True]


def test_an_epoch_better_than_the_accepted_one_is_not_rolled_back():
    _, verdicts = run_epochs([0.5, 0.4, 0.4, 0.4, 0.3, 0.45], rollback=True)
    assert [verdict.roll_back for verdict in verdicts] == [False, True, True, True, False, False]


def test_plateau_halves_the_rate_after_four_epochs_without_a_better_one():
    progress, verdicts = run_epochs([0.5] + [0.4] * 8, plateau=True)
    assert [verdict.lower_rate for verdict in verdicts] == [False] * 4 + [True] + [False] * 3 + [True]
    assert progress.rate_factor == 0.25


def test_progress_survives_json_and_goes_on_alike():
    accuracies = [0.5, 0.4, 0.4]
    progress, _ = run_epochs(accuracies, rollback=True)
    copy = Progress.from_json(progress.to_json())
    assert copy == progress
    row = EpochRow("train", 4, 1.0, 0.5, 1.0, 0.4, 1e-3, 1.0)
    options = {"early_stop": 0, "rollback": True, "plateau": False, "last": False}
    assert copy.judge(row, **options) == progress.judge(row, **options)
    assert copy == progress


def test_a_phase_begins_from_the_best_weights():
    progress, _ = run_epochs([0.5, 0.4], early_stop=1)
    assert progress.phase_over
    progress.begin_phase("fine-tune")
    assert not progress.phase_over and progress.epochs_in_phase() == 0 and progress.epoch == 2
    row = EpochRow("fine-tune", 3, 1.0, 0.5, 1.0, 0.45, 1e-4, 1.0)
    verdict = progress.judge(row, early_stop=2, rollback=True, plateau=False, last=False)
    assert verdict.roll_back and not verdict.stop
