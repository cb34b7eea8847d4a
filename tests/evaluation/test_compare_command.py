"""`python evaluate.py --compare`: runs side by side on the same images."""

import json
import re
import shutil
from types import SimpleNamespace

import pytest
from scipy.stats import binomtest

from fer_keras.data.prepare import load_faces
from fer_keras.data.source import read_faces
from fer_keras.evaluation import compare
from fer_keras.models.files import save_model
from fer_keras.models.registry import build
from fer_keras.runs import Run
from fer_keras.significance import McNemar
from tests.evaluation.made_runs import LIMIT, predicted_by


def test_runs_are_compared_on_the_same_images(command, logs):
    a, b = "20260101-000000-cnn3", "20260102-000000-cnn3"
    code, out, _ = command("--run", a, "--run", b, "--compare")
    folder = Run(logs / a).evaluation("PrivateTest-compare")
    result = json.loads((folder / "compare.json").read_text())
    faces = load_faces("synthetic", limit=LIMIT).split("PrivateTest")
    right = [predicted_by(seed, faces.images).argmax(axis=1) == faces.labels for seed in (0, 1)]
    (test,) = result["mcnemar"]
    assert (test["a"], test["b"]) == (str(logs / a), str(logs / b))
    assert (test["only_a_right"], test["only_b_right"]) == ((right[0] & ~right[1]).sum(), (right[1] & ~right[0]).sum())
    assert [run["accuracy"] for run in result["runs"]] == [one.mean() for one in right]
    assert code == 0 and "McNemar's test" in out and (folder / "comparison.png").is_file()


def test_where_the_numbers_stand_the_picture_is_of_the_same_runs(command, logs, monkeypatch):
    a, b = "20260101-000000-cnn3", "20260102-000000-cnn3"
    command("--run", a, "--run", b, "--compare")
    numbers = Run(logs / a).evaluation("PrivateTest-compare") / "compare.json"
    assert numbers.is_file()

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "save_figure", stopped)
    command("--run", a, "--run", b, "--compare", "--tta", "flip")
    assert not numbers.exists()


def test_an_advantage_of_one_run_is_told_beside_the_verdict(command, undrawn, logs, tmp_path):
    chosen, clean = (Run(logs / f"2026010{i}-000000-cnn3") for i in (1, 2))
    honest = tmp_path / "honest"
    shutil.copytree(clean.path, honest)
    config = json.loads((honest / "config.json").read_text())
    config["settings"]["val_fraction"], config["data"]["validation_split"] = 0.2, "Training"
    (honest / "config.json").write_text(json.dumps(config))
    _, out, _ = command("--run", chosen.path, "--run", honest, "--compare", "--split", "PublicTest")
    result = json.loads((chosen.evaluation("PublicTest-compare") / "compare.json").read_text())
    assert [run["selected_on"] for run in result["runs"]] == [True, False]
    assert f"chose the epoch of {chosen.path.name}:" in out


@pytest.mark.parametrize(("better", "told"), [(0, True), (1, False)])
@pytest.mark.parametrize("part", ["chose the epoch of", "trained"])
def test_a_better_run_that_knew_the_images_is_no_clear_winner(better, told, part):
    def verdict(*had_it):
        trained = part == "trained"
        helds = [
            SimpleNamespace(selected_on=had and not trained, trained_each=(had and trained,), copied=None)
            for had in had_it
        ]
        two = [SimpleNamespace(held=held) for held in helds]
        test = McNemar(50, 1, 1e-12) if better == 0 else McNemar(1, 50, 1e-12)
        return compare.tests_text(compare.Comparison(two, [compare.Pair(0, 1, test)]))

    assert f"{'AB'[better]} is better" in verdict(True, False)
    assert (f"by chance, but these images {part} A alone" in verdict(True, False)) is told
    assert "but these images" not in verdict(True, True)


def test_a_lead_on_images_that_were_seen_is_told_apart(command, titles, with_copies, make_run):
    """Of 14 faces the last two show photographs that training has: one moved by two pixels, one as it is."""
    lines = with_copies.read_text().splitlines()
    seen = read_faces(with_copies).split("PrivateTest").images[-2:]
    liked = predicted_by(0, seen).argmax(axis=1)
    assert (liked != predicted_by(1, seen).argmax(axis=1)).all(), "these seeds show nothing"
    lines[-2:] = [f"{label},{line.split(',', 1)[1]}" for label, line in zip(liked, lines[-2:], strict=True)]
    with_copies.write_text("\n".join([*lines, ""]))
    a, b = runs = [make_run(with_copies, name) for name in "ab"]
    for seed, run in enumerate(runs):
        save_model(build("cnn3", seed=seed), run.model_file)
    code, out, _ = command("--run", a.path, "--run", b.path, "--compare")
    (test,) = json.loads((a.evaluation("PrivateTest-compare") / "compare.json").read_text())["mcnemar"]
    faces = read_faces(with_copies).split("PrivateTest")
    right = [predicted_by(seed, faces.images).argmax(axis=1) == faces.labels for seed in (0, 1)]
    only_a, only_b = right[0] & ~right[1], right[1] & ~right[0]
    assert (test["only_a_right"], test["only_b_right"]) == (only_a.sum(), only_b.sum())
    new = test["without_copies"]
    assert (new["only_a_right"], new["only_b_right"]) == (only_a.sum() - 2, only_b.sum())
    expected = binomtest(int(only_a.sum()) - 2, int(only_a.sum() + only_b.sum()) - 2).pvalue
    assert new["p_value"] == pytest.approx(expected)
    counts = f"only A right {only_a.sum() - 2}, only B right {only_b.sum()}, p = {expected:.3f}"
    assert code == 0 and f"\n    without copies: {counts}: chance" in out
    assert f"(without copies p = {expected:.3f})" in titles["comparison"]


@pytest.mark.parametrize(
    ("unseen", "shown"), [((20, 21, 1.0), False), ((5, 30, 1e-5), False), ((40, 10, 1e-5), True), (None, True)]
)
def test_a_verdict_holds_only_if_it_does_on_new_images(unseen, shown):
    two = [SimpleNamespace(held=SimpleNamespace(selected_on=False, trained_each=(False,), copied=[]))] * 2
    pair = compare.Pair(0, 1, McNemar(90, 28, 1e-8), unseen and McNemar(*unseen))
    verdict, *more, of_networks = compare.tests_text(compare.Comparison(two, [pair])).splitlines()[1:]
    assert "not of recipes" in of_networks
    assert "A is better" in verdict
    assert verdict.endswith("; without copies that is not shown") is not shown
    assert len(more) == (unseen is not None)


def test_of_three_pairs_one_below_a_twentieth_is_what_chance_would_do():
    """Bonferroni: each of the three is held to 0.05 / 3 = 0.0167."""
    three = [SimpleNamespace(held=SimpleNamespace(selected_on=False, trained_each=(False,), copied=None))] * 3
    tests = [
        compare.Pair(*two)
        for two in ((0, 1, McNemar(20, 8, 0.03)), (0, 2, McNemar(30, 10, 0.01)), (1, 2, McNemar(9, 8, 1.0)))
    ]
    said = compare.tests_text(compare.Comparison(three, tests)).splitlines()
    assert "A and B: " in said[1] and said[1].endswith("p = 0.030: chance alone could do that")
    assert "A and C: " in said[2] and said[2].endswith("p = 0.010: A is better, and hardly by chance")
    assert "B and C: " in said[3] and said[3].endswith("p = 1.000: chance alone could do that")
    _, alone, _ = compare.tests_text(compare.Comparison(three[:2], tests[:1])).splitlines()
    assert alone.endswith("p = 0.030: A is better, and hardly by chance")


def test_a_majority_is_compared_with_one_of_its_members_and_said_to_be_one(command, titles, logs):
    pair = logs / "20260105-000000-cnn3-pair"
    both = ("--run", pair / "members" / "00", pair, "--compare", "--limit", 7)
    code, out, _ = command(*both, "--vote", "hard", "--tta", "flip")
    assert code == 0 and re.search(r"tta: +flip\n", out) and re.search(r"vote: +majority vote\n", out)
    assert re.search(r"note: +Drawn, synthetic faces", out)
    assert "tta flip, majority vote" in titles["comparison"]
    code, out, _ = command(*both)
    assert "tta:" not in out and re.search(r"vote: +mean probability\n", out)
    member = "20260105-000000-cnn3-pair/members/00"
    of = f"{member} and 20260105-000000-cnn3-pair, 7 images of synthetic faces, PrivateTest"
    assert f"replaces one that stood there, of {of}, --tta flip, --vote hard, --seed 0. --output" in out
