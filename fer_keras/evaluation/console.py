"""What a person reads in the terminal after an evaluation. Every function returns text."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_keras.console import columns
from fer_keras.emotions import EMOTIONS, NUM_EMOTIONS
from fer_keras.evaluation.options import VOTES
from fer_keras.evaluation.report import Evaluation
from fer_keras.evaluation.runs_to_evaluate import Candidate
from fer_keras.metrics import Metrics


def evaluation_text(evaluation: Evaluation) -> str:
    """Return the whole report of one evaluation: what was evaluated, the numbers, the emotions, the members."""
    parts = [heading(evaluation), warnings_text(evaluation.held.warnings), numbers(evaluation), emotions(evaluation)]
    if len(evaluation.members) > 1:
        parts.append(members(evaluation))
    return "\n\n".join(part for part in parts if part)


def heading(evaluation: Evaluation) -> str:
    rows = [("run", described(candidate)) for candidate in evaluation.candidates]
    if evaluation.votes:
        rows.append(("ensemble", f"{len(evaluation.members)} networks, {VOTES[evaluation.vote]}"))
    return columns([(f"{name}:", value) for name, value in [*rows, *judged(evaluation)]])


def judged(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return names and values: which images were judged, and how."""
    held = evaluation.held
    rows = [("images", f"{evaluation.metrics.n:,} of {held.faces.source}, {held.split}. {held.reason}".strip())]
    if evaluation.tta != "none":
        rows.append(("tta", evaluation.tta))
    if held.synthetic:
        rows.append(("note", "Drawn, synthetic faces: these numbers say nothing about people."))
    return rows


def described(candidate: Candidate) -> str:
    count, epoch = len(candidate.members), candidate.members[0].epoch
    which = f"{count} members" if count > 1 else f"epoch {epoch}" if epoch else ""
    return f"{candidate.run.path} ({', '.join(filter(None, (candidate.config.settings.arch, which)))})"


def warnings_text(warnings: Sequence[str]) -> str:
    return "\n".join(f"warning: {warning}" for warning in warnings)


def numbers(evaluation: Evaluation) -> str:
    """Return the numbers over all images, with their intervals, and under each what it is on new photographs."""
    metrics = evaluation.metrics
    of_mean = "; of the mean probability" if evaluation.majority else ""  # a majority has none
    guessing = f"{np.log(NUM_EMOTIONS):.4f} by guessing{of_mean}"
    rows = [
        ("", "", "95% interval", ""),
        ("accuracy", _number(metrics.accuracy), _interval(metrics.accuracy_ci95), ""),
        *_of_the_rest(evaluation),
    ]
    for name, cells in (
        ("balanced accuracy", lambda of: (_number(of.balanced_accuracy), _interval(of.balanced_accuracy_ci95), "")),
        ("macro F1", lambda of: (_number(of.macro_f1), _interval(of.macro_f1_ci95), "")),
        ("log loss", lambda of: (_number(of.log_loss), "", guessing)),
        ("calibration error", lambda of: (_number(of.ece), "", _confidence_note(of) + of_mean)),
    ):
        rows.append((name, *cells(metrics)))
        if metrics.new is not None:
            which, rest = metrics.new
            rows.append((f"  {which}", *cells(rest.metrics)))
    return columns(rows)


def _of_the_rest(evaluation: Evaluation) -> list[tuple[str, str, str, str]]:
    """Return the accuracy on images that were not seen before, and on photographs that were not."""
    metrics, held = evaluation.metrics, evaluation.held
    rows = []
    for name, rest, aside, seen in (
        ("  without leaks", metrics.without_leaks, held.leaked, held.seen_before),
        ("  without copies", metrics.without_copies, held.copied, held.copied_before),
    ):
        if rest is None:
            continue
        count = int(aside.sum())
        if not rest.n:
            return [*rows, (name, "-", "", f"all {count:,} images were seen before")]
        said = f"without the {count:,} images {seen}" if count else "there are none"
        rows.append((name, _number(rest.metrics.accuracy), _interval(rest.metrics.accuracy_ci95), said))
    return rows + _at_the_same_emotions(metrics)


def _at_the_same_emotions(metrics: Metrics) -> list[tuple[str, str, str, str]]:
    """Return what the accuracy on new images would be if their emotions came as often as all images' do."""
    if metrics.new is None or metrics.new[1].standardized_accuracy is None:
        return []
    rest = metrics.new[1]
    said = f"of these, weighted to the emotions of all images ({mix_said(metrics)})"
    value, interval = rest.standardized_accuracy, rest.standardized_accuracy_ci95
    return [("    same emotions", _number(value), _interval(interval), said)]


def mix_said(metrics: Metrics) -> str:
    """Return which emotion's share of new images is the most unlike its share: "happy: 32% of these, 25% of all"."""
    shares, of_new = metrics.support / metrics.n, metrics.new[1].metrics.support / metrics.new[1].n
    most = int(np.abs(of_new - shares).argmax())
    return f"{EMOTIONS[most]}: {of_new[most]:.0%} of these, {shares[most]:.0%} of all"


def _confidence_note(metrics: Metrics) -> str:
    mean = metrics.reliability.mean_confidence
    gap = mean - metrics.accuracy
    word = "over-confident" if gap > 0.01 else "under-confident" if gap < -0.01 else "about right on average"
    return f"{word}: mean confidence {mean:.3f}"


def emotions(evaluation: Evaluation) -> str:
    """Return a table with a row for each emotion; of new photographs how many there are, and their recall."""
    metrics = evaluation.metrics
    which, rest = metrics.new or ("", None)
    new = () if rest is None else (which, "recall")
    rows = [
        ("emotion", "images", "predicted", "precision", "recall", "95% interval", "F1", *new, "most often taken for")
    ]
    for i, emotion in enumerate(EMOTIONS):
        true, predicted = int(metrics.support[i]), int(metrics.confusion_matrix[:, i].sum())
        precision, recall, f1 = ("-" if score is None else _number(score, 3) for score in metrics.scores_of(i))
        interval = _interval(metrics.recall_ci95[i], 3) if true else "-"
        if rest is not None:
            _, of_new, _ = rest.metrics.scores_of(i)
            new = (f"{rest.metrics.support[i]:,}", "-" if of_new is None else _number(of_new, 3))
        taken_for = _taken_for(metrics, i)
        rows.append((emotion, f"{true:,}", f"{predicted:,}", precision, recall, interval, f1, *new, taken_for))
    return columns(rows, right=(1, 2, 3, 4, 6, *((7, 8) if new else ())))


def _taken_for(metrics, i: int) -> str:
    mistaken = metrics.confusion_matrix[i].copy()
    mistaken[i] = 0
    if not mistaken.any():
        return "-"
    other = int(mistaken.argmax())
    return f"{EMOTIONS[other]} ({mistaken[other] / metrics.support[i]:.0%})"


def members(evaluation: Evaluation) -> str:
    """Return a table of every member alone, and of the ensemble as members are added; or of each fold.

    Under the members of an ensemble stand the mean and the spread of their accuracies: over runs that differ in their
    seeds alone, what a recipe gives and how far luck moves it.
    """
    together = evaluation.ensemble_accuracies
    last = "its own images" if together is None else "ensemble so far"
    rows = [("", "member", "epoch", "alone", last)]
    for i, member in enumerate(evaluation.members):
        accuracy = evaluation.member_accuracies[i]
        alone = "-" if np.isnan(accuracy) else _number(accuracy)
        beside = f"{np.sum(evaluation.held.fold_of == i):,}" if together is None else _number(together[i])
        rows.append((str(i + 1), member.name, str(member.epoch or "-"), alone, beside))
    table = columns(rows, right=(0, 2, 3, 4))
    if together is None:
        return table
    mean, deviation = evaluation.member_spread
    return f"{table}\n\nalone, the members are at {_number(mean)} on average, standard deviation {_number(deviation)}"


def written_text(folder: Path, written: Sequence[Path]) -> str:
    names = " ".join(path.name for path in written)
    indented = {"initial_indent": "  ", "subsequent_indent": "  "}
    return f"written to {folder}\n" + textwrap.fill(
        names, 101, **indented, break_long_words=False, break_on_hyphens=False
    )


def _number(value: float, digits: int = 4) -> str:
    return f"{value:.{digits}f}"


def _interval(interval: Sequence[float], digits: int = 4) -> str:
    low, high = interval
    return f"{low:.{digits}f} to {high:.{digits}f}"
