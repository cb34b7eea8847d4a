"""The card of a network: what it was trained on and how, what it can do, how sure to be of it, and where it ends.

After Mitchell et al., "Model Cards for Model Reporting", 2019 (arXiv:1810.03993). Markdown, for people.
"""

import dataclasses
import shlex

from fer_keras.config import Settings, flag
from fer_keras.emotions import EMOTIONS
from fer_keras.evaluation.console import mix_said
from fer_keras.evaluation.options import VOTES
from fer_keras.evaluation.replaced import CARD_HEADING
from fer_keras.evaluation.report import MEASURES, Evaluation, short_name
from fer_keras.evaluation.runs_to_evaluate import Candidate
from fer_keras.runs import RunConfig

LIMITS = """\
- It says which of seven labels people would give to a posed or found picture of a face; it does not know what a person
  feels. Do not use it to judge people.
- Labels of expressions are noisy. Where the faces are FER2013's, human readers agree with them on about 65% of the
  images (Goodfellow et al. 2013), and identical images carry different labels: some of the mistakes here are none.
- Who is in the pictures, by age, sex or skin, is not recorded, so accuracy on any group of people is not known.
  FER2013's are web pictures of 2013, their faces found by an automatic detector.
- It takes a face that is cut out, about upright, gray, 48x48 pixels; `evaluate.py --predict PHOTO` cuts faces out so.
"""
LIMITS_SYNTHETIC = """\
- Trained or tested on drawn, synthetic faces: these numbers say that the program works, and nothing about people.
"""


def card_text(evaluation: Evaluation) -> str:
    """Return the card of what was evaluated, Markdown."""
    title = short_name(evaluation.candidates)
    parts = [f"# {title}", CARD_HEADING, *map(_made, evaluation.candidates)]
    parts += ["## How good it is", _numbers(evaluation), _emotions(evaluation)]
    parts += [f"**{warning}**" for warning in evaluation.held.warnings]
    synthetic = evaluation.held.synthetic or any(one.config.data["synthetic"] for one in evaluation.candidates)
    parts += ["## Limits", (LIMITS_SYNTHETIC if synthetic else LIMITS).rstrip()]
    return "\n\n".join(parts) + "\n"


def _made(candidate: Candidate) -> str:
    data, settings = candidate.config.data, candidate.config.settings
    lines = [
        f"- Run: {candidate.name}; network {settings.arch}"
        + (f", {len(candidate.members)} members" if len(candidate.members) > 1 else "")
        + (f"; its epoch {candidate.other_epoch}, not the one it kept" if candidate.other_epoch is not None else ""),
        f"- Data: {data['source']}, SHA-256 {data['sha256']}{images_said(candidate.config)}",
        f"- Protocol: {data.get('rule', 'not recorded')}",
        f"- Recipe: `{recipe_command(settings)}`",
    ]
    return "\n".join(lines)


def images_said(config: RunConfig) -> str:
    """Return in brackets how many images trained a run and how many were held out; "" if not recorded."""
    training, held_out = config.data.get("training"), config.data.get("validation")
    if training is None:
        return ""
    did = "chose the epoch" if config.settings.keep == "best" else "held out"
    return f" ({training:,} images" + (f"; {held_out:,} {did})" if held_out else ")")


def recipe_command(settings: Settings) -> str:
    """Return a command that trains with these settings: those whose defaults are others, or depend on the data."""
    words = ["python", "train.py"]
    for item in dataclasses.fields(settings):
        value = getattr(settings, item.name)
        depends = item.metadata["many"] is not None or item.name in ("augment", "coarse_epochs")
        depends |= item.name == "val_fraction" and settings.members > 1 and settings.keep == "best"
        if value is None or item.name in settings.idle or (value == item.default and not depends):
            continue
        if isinstance(value, bool):
            words.append(flag(item.name) if value else f"--no-{flag(item.name).removeprefix('--')}")
        elif isinstance(value, tuple):
            words += [flag(item.name), *map(shlex.quote, value)]
        else:
            words += [flag(item.name), shlex.quote(f"{value}")]
    return " ".join(words)


def _numbers(evaluation: Evaluation) -> str:
    metrics, held = evaluation.metrics, evaluation.held
    low, high = metrics.accuracy_ci95
    tta = "" if evaluation.tta == "none" else f", test-time augmentation {evaluation.tta}"
    vote = f", {VOTES['hard']} (log loss and calibration: of the mean probability)" if evaluation.majority else ""
    lines = [
        f"On {metrics.n:,} images of {held.faces.source}, {held.split}{tta}{vote}. {held.reason}".strip(),
        "",
        "| measure | value |",
        "| --- | --- |",
        f"| accuracy | {metrics.accuracy:.4f} (95% interval {low:.4f} to {high:.4f}) |",
    ]
    for rest, seen in (
        (metrics.without_leaks, held.seen_before),
        (metrics.without_copies, held.copied_before),
    ):
        if rest is not None:
            value = f"{rest.metrics.accuracy:.4f} of {rest.n:,}" if rest.n else "none: all were seen"
            lines.append(f"| accuracy without images {seen} | {value} |")
    which, rest = metrics.new or ("", None)
    if rest is not None and rest.standardized_accuracy is not None:
        same = f"accuracy {which}, weighted to the emotions of all images ({mix_said(metrics)})"
        lines.append(f"| {same} | {rest.standardized_accuracy:.4f} |")
    for name, attribute in MEASURES.items():
        lines.append(f"| {name} | {getattr(metrics, attribute):.4f} |")
        if rest is not None:
            lines.append(f"| {name}, {which} | {getattr(rest.metrics, attribute):.4f} |")
    return "\n".join(lines)


def _emotions(evaluation: Evaluation) -> str:
    metrics = evaluation.metrics
    which, rest = metrics.new or ("", None)
    header = ["emotion", "precision", "recall", "F1", "images"]
    header += [] if rest is None else [f"recall {which}", f"images {which}"]
    lines = [f"| {' | '.join(header)} |", f"| {' | '.join(['---'] * len(header))} |"]
    for i, name in enumerate(EMOTIONS):
        cells = [*map(_score, metrics.scores_of(i)), f"{metrics.support[i]:,}"]
        if rest is not None:
            _, recall, _ = rest.metrics.scores_of(i)
            cells += [_score(recall), f"{rest.metrics.support[i]:,}"]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
