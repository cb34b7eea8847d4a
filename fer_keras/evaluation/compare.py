"""Runs side by side on the same images, with McNemar's test for each pair of them."""

from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from fer_keras.console import columns
from fer_keras.emotions import EMOTIONS
from fer_keras.evaluation.console import described, judged, warnings_text
from fer_keras.evaluation.held_out import HeldOut
from fer_keras.evaluation.options import VOTES
from fer_keras.evaluation.report import MEASURES, Evaluation, evaluate, images_title, to_json
from fer_keras.evaluation.runs_to_evaluate import Candidate
from fer_keras.files import write_json
from fer_keras.plots.compare import compare_figure
from fer_keras.plots.style import save_figure
from fer_keras.runs import COMPARE
from fer_keras.significance import SIGNIFICANT, McNemar, mcnemar

PICTURE = "comparison.png"


@dataclass(frozen=True)
class Pair:
    """Two of the runs, by their indices.

    test: on all images. unseen: on those that are left without copies, or where copies are not known without leaks: a
    lead that is not shown there may be memory. None where neither is known, or where all images are left or none.
    """

    a: int
    b: int
    test: McNemar
    unseen: McNemar | None = None


@dataclass(frozen=True, eq=False)
class Comparison:
    """R >= 2 runs on the same N images, and each pair of them in order."""

    evaluations: list[Evaluation]
    pairs: list[Pair]

    @property
    def voting(self) -> Evaluation:
        """The first evaluation in which networks vote; the first, where none has several."""
        return next((one for one in self.evaluations if one.votes), self.evaluations[0])

    @property
    def without(self) -> str:
        """What the images of `Pair.unseen` are without."""
        return "without leaks" if self.evaluations[0].held.copied is None else "without copies"

    @property
    def names(self) -> list[str]:
        """The runs' names, or their paths where two of them have the same name."""
        candidates = [evaluation.candidates[0] for evaluation in self.evaluations]
        names = [candidate.name for candidate in candidates]
        return names if len(set(names)) == len(names) else [str(candidate.run.path) for candidate in candidates]


def compare(candidates: list[Candidate], held: HeldOut, *, tta: str, vote: str, seed: int) -> Comparison:
    """Evaluate each run for itself (its own members voting, if it has any) and test each pair."""
    evaluations = [
        evaluate([one], replace(held, selected_each=(chose,), trained_each=(trained,)), tta=tta, vote=vote, seed=seed)
        for one, chose, trained in zip(candidates, held.selected_each, held.trained_each, strict=True)
    ]
    right = [evaluation.decision.predicted == held.faces.labels for evaluation in evaluations]
    new = _unseen(held)
    pairs = [
        Pair(a, b, mcnemar(right[a], right[b]), None if new is None else mcnemar(right[a][new], right[b][new]))
        for a, b in combinations(range(len(right)), 2)
    ]
    return Comparison(evaluations, pairs)


def _unseen(held: HeldOut) -> np.ndarray | None:
    """Return the images of `Pair.unseen`: bool (N,)."""
    seen = held.leaked if held.copied is None else held.copied
    return None if seen is None or not seen.any() or seen.all() else ~seen


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write comparison.png and compare.json into `folder`; return the paths."""
    first, without = comparison.evaluations[0], comparison.without.replace(" ", "_")
    figure = compare_figure(
        [evaluation.metrics for evaluation in comparison.evaluations], comparison.names, title=_title(comparison)
    )
    picture, numbers = folder / PICTURE, folder / COMPARE
    save_figure(figure, picture, note=first.note)
    write_json(
        numbers,
        {
            "split": first.held.split,
            "n": first.metrics.n,
            "runs": [to_json(evaluation) for evaluation in comparison.evaluations],
            "mcnemar": [
                {
                    "a": str(comparison.evaluations[pair.a].candidates[0].run.path),
                    "b": str(comparison.evaluations[pair.b].candidates[0].run.path),
                    **_test_json(pair.test),
                }
                | ({} if pair.unseen is None else {without: _test_json(pair.unseen)})
                for pair in comparison.pairs
            ],
        },
    )
    return [numbers, picture]


def _test_json(test: McNemar) -> dict:
    return {"only_a_right": test.only_a, "only_b_right": test.only_b, "p_value": test.p_value}


def _title(comparison: Comparison) -> str:
    title = images_title(comparison.voting)
    if len(comparison.pairs) == 1:
        (pair,) = comparison.pairs
        title += f", McNemar's test {_p(pair.test.p_value)}"
        if pair.unseen is not None:
            title += f" ({comparison.without} {_p(pair.unseen.p_value)})"
    return title


def comparison_text(comparison: Comparison) -> str:
    """Return what a person reads: the runs, their numbers in a column each, and the tests."""
    evaluations, voting = comparison.evaluations, comparison.voting
    letters = [_letter(i) for i in range(len(evaluations))]
    heading = columns(
        [
            *((f"{letter}:", described(one.candidates[0])) for letter, one in zip(letters, evaluations, strict=True)),
            *((f"{name}:", value) for name, value in judged(evaluations[0])),
            *([("vote:", VOTES[voting.vote])] if voting.votes else []),
        ]
    )
    measured = [evaluation.metrics for evaluation in evaluations]
    rows = [
        ("", *letters),
        ("accuracy", *(f"{one.accuracy:.4f}" for one in measured)),
        ("  95% interval", *(f"{one.accuracy_ci95[0]:.4f}-{one.accuracy_ci95[1]:.4f}" for one in measured)),
        *((f"  {name}", *(f"{one.rests[name].accuracy:.4f}" for one in measured)) for name in measured[0].rests),
    ]
    weighted = [None if one.new is None else one.new[1].standardized_accuracy for one in measured]
    if None not in weighted:
        rows.append(("    same emotions", *(f"{value:.4f}" for value in weighted)))
    for name, attribute in MEASURES.items():
        rows.append((name, *(f"{getattr(one, attribute):.4f}" for one in measured)))
        if measured[0].new is not None:
            which, _ = measured[0].new
            rows.append((f"  {which}", *(f"{getattr(one.rests[which], attribute):.4f}" for one in measured)))
    rows += [
        (f"accuracy on {emotion}", *(f"{one.recall[i]:.4f}" for one in measured))
        for i, emotion in enumerate(EMOTIONS)
        if measured[0].support[i]
    ]
    table = columns(rows, right=tuple(range(1, len(rows[0]))))
    return "\n\n".join(filter(None, [heading, warnings_text(voting.held.warnings), table, tests_text(comparison)]))


def tests_text(comparison: Comparison) -> str:
    """Return a line for each pair: how often only one of them is right, and whether chance would do that."""
    lines = ["McNemar's test, on the images that only one of the two has right (exact, two-sided):"]
    limit = SIGNIFICANT / len(comparison.pairs)
    for pair in comparison.pairs:
        better = _better(pair, pair.test, limit)
        said = _verdict(better) + _advantage(comparison, pair, better)
        if pair.unseen is not None and better not in (None, _better(pair, pair.unseen, limit)):
            said += f"; {comparison.without} that is not shown"
        lines.append(f"  {_letter(pair.a)} and {_letter(pair.b)}: {_counted(pair, pair.test)}: {said}")
        if pair.unseen is not None:
            said = _verdict(_better(pair, pair.unseen, limit))
            lines.append(f"    {comparison.without}: {_counted(pair, pair.unseen)}: {said}")
    if len(comparison.pairs) > 1:
        lines.append(f"  {len(comparison.pairs)} pairs, so below {limit:.2g} counts (Bonferroni), not {SIGNIFICANT}.")
    lines.append("  These are tests of networks, not of recipes: by other seeds it may come out otherwise.")
    return "\n".join(lines)


def _counted(pair: Pair, test: McNemar) -> str:
    a, b = _letter(pair.a), _letter(pair.b)
    return f"only {a} right {test.only_a:,}, only {b} right {test.only_b:,}, {_p(test.p_value)}"


def _better(pair: Pair, test: McNemar, limit: float) -> int | None:
    """Return the index of the run that is better by a test; None where chance alone could make the difference."""
    if test.p_value >= limit:
        return None
    return pair.a if test.only_a > test.only_b else pair.b


def _verdict(better: int | None) -> str:
    return "chance alone could do that" if better is None else f"{_letter(better)} is better, and hardly by chance"


def _advantage(comparison: Comparison, pair: Pair, better: int | None) -> str:
    """Return what takes from the verdict that a run is better: what it had of these images, and the other had not."""
    if better is None:
        return ""
    ours, theirs = (comparison.evaluations[i].held for i in (better, pair.b if better == pair.a else pair.a))
    return _but("trained", _letter(better), ours.trained_each[0], theirs.trained_each[0]) + _but(
        "chose the epoch of", _letter(better), ours.selected_on, theirs.selected_on
    )


def _but(did: str, letter: str, with_ours: bool | None, with_theirs: bool | None) -> str:
    """Return what takes from a verdict: that the images had a part in the better run which they had not in the other.

    with_ours, with_theirs: whether they had; None where that cannot be told.
    """
    if not with_ours or with_theirs:
        return ""
    return f", but these images {did} {letter}" + (" alone" if with_theirs is False else "")


def _p(value: float) -> str:
    return f"p = {value:.3f}" if value >= 0.001 else f"p = {value:.1e}" if value > 0 else "p < 1e-300"


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else f"#{index + 1}"
