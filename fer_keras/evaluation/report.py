"""The numbers, the figures and the files of one evaluation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from fer_keras.data.faces import SYNTHETIC_NOTE, Faces
from fer_keras.emotions import EMOTIONS
from fer_keras.evaluation.ensembles import Decision, decide, member_probabilities, out_of_fold_probabilities
from fer_keras.evaluation.held_out import HeldOut
from fer_keras.evaluation.options import VOTES
from fer_keras.evaluation.replaced import JUDGED_COLUMNS, PREDICTED_COLUMNS
from fer_keras.evaluation.runs_to_evaluate import Candidate, Member, judges_json, members_of, on_data
from fer_keras.files import write_csv, write_json
from fer_keras.metrics import (
    Metrics,
    evaluate_probabilities,
    least_confident_hits,
    most_confident_mistakes,
)
from fer_keras.plots.accuracy import class_accuracy_figure, counts_figure
from fer_keras.plots.confusion import confusion_figure
from fer_keras.plots.ensemble import ensemble_figure
from fer_keras.plots.gallery import gallery_figure
from fer_keras.plots.reliability import reliability_figure
from fer_keras.plots.style import drawn_here, save_figure
from fer_keras.runs import METRICS, PREDICTIONS
from fer_keras.votes import ensemble_accuracies

ENSEMBLE = "ensemble.png"
# What is told of all images and of new ones beside the accuracy, by its name: an attribute of Metrics.
MEASURES = {
    "balanced accuracy": "balanced_accuracy",
    "macro F1": "macro_f1",
    "log loss, nats": "log_loss",
    "calibration error": "ece",
}
FIGURES = (
    "confusion_matrix",
    "confusion_matrix_normalized",
    "counts",
    "class_accuracy",
    "reliability",
    "mistakes",
    "hits",
)
FACES_SHOWN = 35  # in mistakes.png and in hits.png: five rows of seven


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one network, or the members of an ensemble, make of N labelled images.

    member_accuracies: float64 (M,), each alone. ensemble_accuracies: float64 (M,), of the first 1, 2, ..., M together;
    None in cross-validation, where each judges the images that it was not trained on, alone. seed: of the bootstrap
    intervals, and of the sample that --limit takes.
    """

    candidates: list[Candidate]
    held: HeldOut
    tta: str
    vote: str
    seed: int
    decision: Decision
    metrics: Metrics
    member_accuracies: np.ndarray
    ensemble_accuracies: np.ndarray | None

    @property
    def members(self) -> tuple[Member, ...]:
        return members_of(self.candidates)

    @property
    def votes(self) -> bool:
        """Whether several networks judge every image together."""
        return len(self.members) > 1 and self.ensemble_accuracies is not None

    @property
    def majority(self) -> bool:
        """Whether networks decide by their majority, not by their mean probability as usual."""
        return self.votes and self.vote == "hard"

    @property
    def member_spread(self) -> tuple[float, float]:
        """Mean and standard deviation (of a sample: over M - 1) of what M >= 2 members reach alone, 0..1."""
        return float(self.member_accuracies.mean()), float(self.member_accuracies.std(ddof=1))

    @property
    def note(self) -> str | None:
        """What every figure must say about the data."""
        return SYNTHETIC_NOTE if self.held.synthetic else None


def evaluate(candidates: list[Candidate], held: HeldOut, *, tta: str, vote: str, seed: int) -> Evaluation:
    """Evaluate the networks of all candidates together: an ensemble, or in cross-validation each on its own fold."""
    labels, images, members = held.faces.labels, held.faces.images, members_of(candidates)
    if held.fold_of is not None:
        alone = out_of_fold_probabilities(members, images, held.fold_of, tta=tta)  # (N, 7)
        decision = decide(alone[np.newaxis], vote)
        right, judged = alone.argmax(axis=1) == labels, np.bincount(held.fold_of, minlength=len(members))
        hits = np.bincount(held.fold_of, weights=right, minlength=len(members))
        accuracies = np.where(judged, hits / np.maximum(judged, 1), np.nan)
        together = None
    else:
        probabilities = member_probabilities(members, images, tta=tta)  # (M, N, 7)
        decision = decide(probabilities, vote)
        accuracies = (probabilities.argmax(axis=2) == labels).mean(axis=1)
        together = ensemble_accuracies(labels, probabilities, vote=vote)
    metrics = evaluate_probabilities(
        labels,
        decision.probabilities,
        split=held.split,
        predicted=decision.predicted,
        leaked=held.leaked,
        copied=held.copied,
        seed=seed,
    )
    return Evaluation(
        candidates=candidates,
        held=held,
        tta=tta,
        vote=vote,
        seed=seed,
        decision=decision,
        metrics=metrics,
        member_accuracies=accuracies,
        ensemble_accuracies=together,
    )


def to_json(evaluation: Evaluation) -> dict:
    """Return the content of metrics.json."""
    held, faces, members = evaluation.held, evaluation.held.faces, evaluation.members
    together = evaluation.ensemble_accuracies
    content = evaluation.metrics.to_json() | {
        "selected_on": held.selected_on,
        "n_leaks": None if held.leaked is None else int(held.leaked.sum()),
        "n_copies": None if held.copied is None else int(held.copied.sum()),
        "reason": held.reason,
        "warnings": list(held.warnings),
        **judges_json(evaluation.candidates, evaluation.tta, evaluation.vote),
        "limit": held.limit,
        "seed": evaluation.seed,
        "data": {"source": faces.source, "sha256": faces.sha256, "synthetic": held.synthetic},
        "members": [
            {"name": member.name, "epoch": member.epoch, "accuracy": None if np.isnan(alone) else float(alone)}
            | ({} if together is None else {"ensemble_accuracy": float(together[i])})
            for i, (member, alone) in enumerate(zip(members, evaluation.member_accuracies, strict=True))
        ],
    }
    if evaluation.votes:
        content["members_mean_accuracy"], content["members_sd_accuracy"] = evaluation.member_spread
    return content


def write_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write predictions.csv, the figures and, last, metrics.json into `folder`; return the paths."""
    faces = evaluation.held.faces
    predictions = folder / PREDICTIONS
    write_predictions(predictions, faces, evaluation.decision, true=faces.labels)
    written = [predictions]
    for name, figure in figures(evaluation).items():
        path = folder / f"{name}.png"
        save_figure(figure, path, note=evaluation.note)
        written.append(path)
    if not evaluation.votes and drawn_here(folder / ENSEMBLE):  # of an ensemble that this evaluation replaces
        (folder / ENSEMBLE).unlink()
    metrics = folder / METRICS
    write_json(metrics, to_json(evaluation))
    return [metrics, *written]


def write_predictions(path: Path, faces: Faces, decision: Decision, *, true: np.ndarray | None = None) -> None:
    """Write a row for each image, in order: id[, true], predicted, and the seven probabilities by emotion."""
    rows = []
    for i, (name, probabilities) in enumerate(zip(faces.ids, decision.probabilities, strict=True)):
        truth = [] if true is None else [EMOTIONS[true[i]]]
        shown = [f"{probability:.6f}" for probability in probabilities]
        rows.append([name, *truth, EMOTIONS[decision.predicted[i]], *shown])
    write_csv(path, PREDICTED_COLUMNS if true is None else JUDGED_COLUMNS, rows)


def figures(evaluation: Evaluation) -> dict[str, Figure]:
    """Return the figures of an evaluation by the name of their file, without .png."""
    metrics, title = evaluation.metrics, _title(evaluation)
    drawn = {
        "confusion_matrix": confusion_figure(metrics.confusion_matrix, title=title),
        "confusion_matrix_normalized": confusion_figure(metrics.confusion_matrix, normalize=True, title=title),
        "counts": counts_figure(metrics.confusion_matrix, title=title),
        "class_accuracy": class_accuracy_figure(metrics, title=title),
        "reliability": reliability_figure(metrics.reliability, title=title),
        "mistakes": _gallery(evaluation, most_confident_mistakes, "the most confident mistakes"),
        "hits": _gallery(evaluation, least_confident_hits, "the least confident hits"),
    }
    assert tuple(drawn) == FIGURES, "which are looked for before anything is evaluated"
    if evaluation.votes:
        if evaluation.vote == "soft":  # a majority is in the title of every figure
            title += f", {VOTES['soft']}"
        drawn["ensemble"] = ensemble_figure(evaluation.member_accuracies, evaluation.ensemble_accuracies, title=title)
    return drawn


def _gallery(evaluation: Evaluation, choose, what: str) -> Figure:
    faces, decision = evaluation.held.faces, evaluation.decision
    chosen = choose(faces.labels, decision.probabilities, FACES_SHOWN, decision.predicted)
    return gallery_figure(
        faces.images[chosen],
        faces.labels[chosen],
        decision.predicted[chosen],
        decision.probabilities[chosen],
        title=f"{_title(evaluation)}: {what}",
    )


def _title(evaluation: Evaluation) -> str:
    return f"{short_name(evaluation.candidates)}, {images_title(evaluation)}"


def images_title(evaluation: Evaluation) -> str:
    """Return what to call the images in a title: their split, of what data where the runs have others, and how they
    are judged where that is not as usual: the TTA, a majority vote."""
    held = evaluation.held
    own = all(
        held.faces.sha256 == on_data(candidate, held.faces).config.data["sha256"] for candidate in evaluation.candidates
    )
    data = "" if own or held.synthetic else f" of {Path(held.faces.source).name}"
    tta = "" if evaluation.tta == "none" else f", tta {evaluation.tta}"
    vote = f", {VOTES['hard']}" if evaluation.majority else ""
    return f"{held.split}{data} ({evaluation.metrics.n:,}){tta}{vote}"


def short_name(candidates: list[Candidate]) -> str:
    """Return what to call one run, or several that vote together, in a title."""
    if len(candidates) > 1:
        return f"ensemble of {len(members_of(candidates))}"
    (candidate,) = candidates
    members, epoch = len(candidate.members), candidate.other_epoch
    said = candidate.name + (f", {members} members" if members > 1 else "")
    return said + ("" if epoch is None else f", epoch {epoch}")
