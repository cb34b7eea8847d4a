"""`python evaluate.py`, called in this process on small runs made by hand: untrained networks, synthetic faces."""

import json
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from fer_keras.data.prepare import load_faces
from fer_keras.data.select import stratified_limit
from fer_keras.emotions import EMOTIONS
from fer_keras.evaluation import card, report
from fer_keras.evaluation.runs_to_evaluate import Member
from fer_keras.lock import only_writer
from fer_keras.metrics import evaluate_probabilities
from fer_keras.models.files import save_model
from fer_keras.models.registry import build
from fer_keras.runs import Run
from tests.data.made_faces import parted
from tests.evaluation.made_runs import LIMIT, RUN, predicted_by, read_csv

ROOT = Path(__file__).parents[2]
FIGURES = (
    *("confusion_matrix", "confusion_matrix_normalized", "counts", "class_accuracy"),
    *("reliability", "mistakes", "hits"),
)


def test_one_run_gets_its_numbers_its_predictions_and_its_figures(command, logs):
    run = Run(logs / "20260101-000000-cnn3")
    code, out, err = command("--run", run.path)
    assert code == 0 and err == ""
    folder = run.evaluation("PrivateTest")
    names = {path.name for path in folder.iterdir()}
    assert names == {".lock", "metrics.json", "predictions.csv", "card.md", *(f"{name}.png" for name in FIGURES)}

    metrics, rows = json.loads((folder / "metrics.json").read_text()), read_csv(folder / "predictions.csv")
    faces = load_faces("synthetic", limit=LIMIT).split("PrivateTest")
    assert [row["id"] for row in rows] == faces.ids.tolist()
    assert [row["true"] for row in rows] == [EMOTIONS[label] for label in faces.labels]
    probabilities = np.array([[float(row[emotion]) for emotion in EMOTIONS] for row in rows])
    np.testing.assert_allclose(probabilities, predicted_by(0, faces.images), atol=2e-6)
    assert [row["predicted"] for row in rows] == [EMOTIONS[i] for i in probabilities.argmax(axis=1)]

    true, predicted = ([row[column] for row in rows] for column in ("true", "predicted"))
    assert metrics["confusion_matrix"] == confusion_matrix(true, predicted, labels=EMOTIONS).tolist()
    assert metrics["accuracy"] == np.mean([a == b for a, b in zip(true, predicted, strict=True)])
    expected = {"split": "PrivateTest", "n": LIMIT, "tta": "none", "n_members": 1, "epoch": 2, "n_leaks": 0}
    assert expected.items() <= metrics.items()
    assert metrics["selected_on"] is False and metrics["warnings"] == []
    assert metrics["reason"] in out and metrics["reason"]
    assert metrics["runs"] == [str(run.path)] and metrics["data"]["synthetic"] is True
    assert f"{metrics['accuracy']:.4f}" in out and "say nothing about people" in out and str(folder) in out


def test_two_processes_do_not_write_one_evaluation(command, tmp_path):
    with only_writer(tmp_path):
        code, _, error = command("--run", "20260101-000000-cnn3", "--output", tmp_path)
    assert code == 2 and f"{tmp_path} is being written by another process" in error
    assert [path.name for path in tmp_path.glob("*.*") if path.name != "logs"] == [".lock"]


@pytest.mark.parametrize("fold_of", [None, np.arange(7) % 2], ids=["together", "crossed"])
@pytest.mark.parametrize("tta", ["none", "flip"])
def test_test_time_augmentation_asks_about_mirror_images_too(left_half, fold_of, tta):
    faces = load_faces("synthetic", limit=7).split("PublicTest")
    candidate = SimpleNamespace(members=tuple(Member(name, None, 3, equalize=False) for name in "AB"))
    held = SimpleNamespace(faces=faces, split="PublicTest", leaked=None, copied=None, fold_of=fold_of)
    evaluation = report.evaluate([candidate], held, tta=tta, vote="soft", seed=0)
    half, whole = (images.mean(axis=(1, 2)) / 255 for images in (faces.images[:, :, :24], faces.images))
    expected = whole if tta == "flip" else half
    np.testing.assert_allclose(evaluation.decision.probabilities[:, 0], expected, rtol=1e-5)
    assert not np.isclose(half, whole, rtol=1e-3).any(), "some of these faces show nothing"


@pytest.mark.parametrize("seed", [1, 2])
def test_the_seed_draws_the_images_of_a_limit_and_the_samples_of_the_intervals(
    command, undrawn, left_half, tmp_path, seed
):
    command("--run", RUN, "--limit", 20, "--seed", seed, "--output", tmp_path)
    faces = load_faces("synthetic", limit=LIMIT).split("PrivateTest")
    rows = read_csv(tmp_path / "predictions.csv")
    drawn, others = (stratified_limit(faces, 20, s).ids.tolist() for s in (seed, 0))
    assert [row["id"] for row in rows] == drawn and drawn != others
    labels = [EMOTIONS.index(row["true"]) for row in rows]
    probabilities = [[float(row[emotion]) for emotion in EMOTIONS] for row in rows]
    found, other = (evaluate_probabilities(labels, probabilities, seed=s).macro_f1_ci95 for s in (seed, 0))
    assert json.loads((tmp_path / "metrics.json").read_text())["macro_f1_ci95"] == list(found) != list(other)
    both = ("--run", RUN, "--run", "20260102-000000-cnn3", "--compare")
    command(*both, "--limit", 20, "--seed", seed, "--output", tmp_path)
    compared = json.loads((tmp_path / "compare.json").read_text())["runs"]
    assert [run["macro_f1_ci95"] for run in compared] == [list(found)] * 2


def test_photographs_that_trained_a_network_are_told_wherever_numbers_are(command, undrawn, make_run, with_copies):
    runs = [make_run(with_copies, name) for name in ("a", "b")]
    for seed, run in enumerate(runs):
        save_model(build("cnn3", seed=seed), run.model_file)
    code, out, _ = command("--run", runs[0].path)
    assert code == 0
    folder = runs[0].evaluation("PrivateTest")
    metrics, rows = json.loads((folder / "metrics.json").read_text()), read_csv(folder / "predictions.csv")
    right = [row["true"] == row["predicted"] for row in rows]
    expected = sum(right[:12]) / 12  # the last two faces are a Training face moved, and one as it is
    assert metrics["accuracy_without_leaks"] == pytest.approx(sum(right[:13]) / 13) and metrics["n_leaks"] == 1
    assert metrics["accuracy_without_copies"] == pytest.approx(expected)
    assert (metrics["n_copies"], metrics["n_without_copies"]) == (2, 12)
    shown = [line for line in out.splitlines() if line.startswith("  without copies")]
    assert f" {expected:.4f} " in shown[0] and shown[0].endswith(
        "the 2 images that were seen, or whose photograph was, cut otherwise or mirrored"
    )
    without = metrics["without_copies"]
    for row, name in zip(shown[1:], ("balanced_accuracy", "macro_f1", "log_loss", "ece"), strict=True):
        assert f" {without[name]:.4f} " in row, "under each number stands what it is without copies"
    table = out[out.index("emotion ") :].splitlines()
    assert "without copies  recall" in table[0]
    labels = [row["true"] for row in rows[:12]]
    for emotion, line in zip(EMOTIONS, table[1:], strict=False):
        there, hits = labels.count(emotion), sum(right[i] for i in range(12) if labels[i] == emotion)
        assert f" {there}  " in line and (f" {hits / there:.3f} " if there else " - ") in line
    assert f"photograph was, cut otherwise or mirrored | {expected:.4f} of 12 |" in (folder / "card.md").read_text()
    _, out, _ = command("--run", runs[0].path, "--run", runs[1].path, "--compare")
    assert re.search(rf"without copies +{expected:.4f} +0\.\d{{4}}\n", out)
    compared = json.loads((runs[0].evaluation("PrivateTest-compare") / "compare.json").read_text())["runs"]
    rows = [line.split("  ") for line in out.splitlines()]
    of_new = [row for row in rows if row[:2] == ["", "without copies"]][1:]  # the first is of the accuracy
    for row, name in zip(of_new, ("balanced_accuracy", "macro_f1", "log_loss", "ece"), strict=True):
        told = [one["without_copies"][name] for one in compared]
        assert [cell.strip() for cell in row[2:] if cell] == [f"{value:.4f}" for value in told]
    weighted = [one["without_copies"]["standardized_accuracy"] for one in compared]
    same = [[cell.strip() for cell in row if cell] for row in rows if "same emotions" in row]
    assert same == ([] if None in weighted else [["same emotions", *(f"{value:.4f}" for value in weighted)]])


def test_the_card_tells_data_recipe_numbers_and_limits(command, undrawn, tmp_path):
    code, _, _ = command("--run", "20260102-000000-cnn3", "--split", "PublicTest", "--output", tmp_path)
    assert code == 0
    card, metrics = (tmp_path / "card.md").read_text(), json.loads((tmp_path / "metrics.json").read_text())
    for said in ("`python train.py", "--arch cnn3", metrics["data"]["sha256"], f"{metrics['accuracy']:.4f}"):
        assert said in card
    name = EMOTIONS[np.sum(metrics["confusion_matrix"], axis=0).argmax()]  # one that is predicted
    one = metrics["per_class"][name]
    shown = f"{one['precision']:.3f} | {one['recall']:.3f} | {one['f1']:.3f} | {one['support']}"
    assert f"| {name} | {shown} |" in card
    assert "**PublicTest chose the epoch" in card and "drawn, synthetic faces" in card


def test_a_split_that_chose_the_epoch_is_marked_in_the_terminal_and_in_the_numbers(command, undrawn, tmp_path):
    code, out, _ = command("--run", "20260102-000000-cnn3", "--split", "PublicTest", "--output", tmp_path / "out")
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert code == 0 and metrics["selected_on"] is True
    assert "warning: PublicTest chose the epoch" in out and "chose the epoch" in metrics["warnings"][0]


def test_runs_vote_and_each_is_told_beside_the_ensemble(command, undrawn, logs):
    names = ["20260101-000000-cnn3", "20260102-000000-cnn3"]
    code, out, _ = command("--run", *names, "--vote", "hard", "--tta", "flip", "--limit", 14)
    folder = Run(logs / names[0]).evaluation("PrivateTest-ensemble-of-2")
    metrics = json.loads((folder / "metrics.json").read_text())
    assert code == 0 and (folder / "ensemble.png").is_file()
    assert (metrics["n"], metrics["vote"], metrics["tta"], metrics["n_members"]) == (14, "hard", "flip", 2)
    assert [member["name"] for member in metrics["members"]] == names
    assert metrics["members"][0]["accuracy"] == metrics["members"][0]["ensemble_accuracy"]
    assert metrics["members"][1]["ensemble_accuracy"] == metrics["accuracy"]
    assert "majority vote" in out and "ensemble so far" in out
    alone = [member["accuracy"] for member in metrics["members"]]
    assert metrics["members_mean_accuracy"] == pytest.approx(statistics.mean(alone))
    assert metrics["members_sd_accuracy"] == pytest.approx(statistics.stdev(alone))


def test_another_epoch_than_the_kept_one_has_a_card_of_its_own(command, undrawn, logs, tmp_path):
    run = Run(tmp_path / "run")
    shutil.copytree(logs / "20260101-000000-cnn3", run.path)
    run.epoch_file(4).parent.mkdir()
    shutil.copyfile(run.model_file, run.epoch_file(4))
    command("--run", run.path, "--split", "PrivateTest")
    command("--run", run.path, "--split", "PrivateTest", "--epoch", 4)
    kept, other = (run.evaluation(f"PrivateTest{epoch}") / "card.md" for epoch in ("", "-epoch-4"))
    assert kept.read_text().startswith("# run\n") and "epoch 4" not in kept.read_text()
    assert other.read_text().startswith("# run, epoch 4\n") and "its epoch 4, not the one it kept" in other.read_text()


def test_an_evaluation_that_takes_the_place_of_another_one_says_so(command, undrawn):
    _, first, _ = command("--run", RUN, "--limit", 14)
    _, again, _ = command("--run", RUN, "--limit", 14)
    _, other, _ = command("--run", RUN, "--tta", "flip", "--limit", 7)
    assert "replaces" not in first and "replaces" not in again
    assert f"replaces one that stood there, of {RUN}, 14 images of synthetic faces, PrivateTest, --tta none" in other


def test_a_sample_can_be_drawn_again_from_what_metrics_json_tells(command, undrawn, tmp_path):
    def sampled(seed):
        _, out, _ = command("--run", RUN, "--limit", 14, "--seed", seed, "--output", tmp_path)
        return out, json.loads((tmp_path / "metrics.json").read_text())

    for seed in (1, 2):
        out, metrics = sampled(seed)
        assert (metrics["limit"], metrics["seed"]) == (14, seed)
        assert ("replaces one that stood there" in out) is (seed == 2)
    metrics = {name: value for name, value in metrics.items() if name not in ("limit", "seed")}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))  # of an earlier version: not said to be another one
    assert "replaces" not in sampled(2)[0]


def test_the_card_has_no_score_of_an_emotion_that_is_not_there():
    labels, predicted = np.array([3, 3, 0, 0]), np.array([3, 4, 0, 3])
    metrics = evaluate_probabilities(labels, np.eye(7)[predicted], resamples=10)
    rows = {line.split("|")[1].strip(): line for line in card._emotions(SimpleNamespace(metrics=metrics)).splitlines()}
    assert rows["happy"] == "| happy | 0.500 | 0.500 | 0.500 | 2 |"
    assert rows["sad"] == "| sad | 0.000 | - | 0.000 | 0 |"  # said of one face, wrongly
    assert rows["disgust"] == "| disgust | - | - | - | 0 |"


def test_a_file_of_another_kind_that_is_replaced_is_said_to_be_one(command, undrawn, tmp_path):
    (tmp_path / "metrics.json").write_text('{"runs": null, "n_members": 1}')
    code, out, _ = command("--run", RUN, "--limit", 7, "--output", tmp_path)
    assert code == 0 and "replaces one that stood there, of another kind" in out


def test_titles_tell_test_time_augmentation_and_data_that_are_not_the_runs_own(command, titles, tmp_path):
    faces = load_faces("synthetic", limit=LIMIT).split("PrivateTest")
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))}" for label, image in zip(faces.labels, faces.images, strict=True)
    ]
    (tmp_path / "mine.csv").write_text("\n".join(["emotion,pixels", *rows]) + "\n")
    command("--run", RUN, "--data", tmp_path / "mine.csv", "--tta", "flip", "--output", tmp_path / "out")
    assert f"of mine.csv ({LIMIT}), tta flip" in titles["confusion_matrix"]


def test_a_member_is_called_by_its_ensemble(command, undrawn, logs, tmp_path):
    command("--run", logs / "20260105-000000-cnn3-pair" / "members" / "01", "--output", tmp_path / "out")
    assert (tmp_path / "out" / "card.md").read_text().startswith("# 20260105-000000-cnn3-pair/01\n")


def test_a_majority_vote_is_said_wherever_its_numbers_stand(command, titles, logs, tmp_path):
    pair = logs / "20260105-000000-cnn3-pair"
    command("--run", pair, "--vote", "hard", "--limit", 7, "--output", tmp_path)
    card = (tmp_path / "card.md").read_text()
    assert "PrivateTest, majority vote (log loss and calibration: of the mean probability)." in card
    assert all(title.count("majority vote") == 1 for title in titles.values()) and "ensemble" in titles
    titles.clear()
    command("--run", pair, "--limit", 7, "--output", tmp_path)
    assert "vote" not in (tmp_path / "card.md").read_text()
    assert [name for name, title in titles.items() if "mean probability" in title] == ["ensemble"]


def test_the_picture_of_an_ensemble_goes_with_its_numbers(command, logs, tmp_path):
    pair, foreign = logs / "20260105-000000-cnn3-pair", tmp_path / "foreign"
    command("--run", pair, "--limit", 7, "--output", tmp_path)
    assert (tmp_path / "ensemble.png").is_file()
    command("--run", RUN, "--limit", 7, "--output", tmp_path)
    assert not (tmp_path / "ensemble.png").exists() and (tmp_path / "reliability.png").is_file()
    foreign.mkdir()
    (foreign / "ensemble.png").write_bytes(b"a person's own")
    command("--run", RUN, "--limit", 7, "--output", foreign)
    assert (foreign / "ensemble.png").read_bytes() == b"a person's own"


def test_a_network_votes_once_though_an_ensemble_may_be_compared_with_its_member(command, undrawn, logs):
    pair = logs / "20260105-000000-cnn3-pair"
    code, _, err = command("--run", pair, pair / "members" / "00")
    assert code == 2 and "20260105-000000-cnn3-pair/00 is there twice and would vote twice" in err
    code, _, _ = command("--run", pair, "--run", pair / "members" / "00", "--compare", "--limit", 7)
    assert code == 0
    shutil.copytree(pair / "members" / "01", logs / "copy")
    code, _, err = command("--run", pair, logs / "copy")
    assert code == 2 and "copy is the same network as 20260105-000000-cnn3-pair/01" in err and err.count("\n") == 1


# --- mistakes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run", "20260109-000000-cnn3"], "Did you mean '2026010"),
        (["--split", "PrivatTest"], "Did you mean 'PrivateTest'?"),
        (["--epoch", "4", "--run", RUN], "kept no model of epoch 4"),
        (["--epoch", "0"], "--epoch: expected a whole number of at least 1, received 0"),
        (["--limit", "few"], "expected a whole number, received 'few'"),
        (["--tta", "five-crop"], "Did you mean 'ten-crop'?"),
        (["--vote", "loud"], "Expected one of: soft, hard"),
        (["--vote", "hard", "--run", RUN], "--vote hard: expected an ensemble, received one network"),
        (
            ["--vote", "hard", "--compare", "--run", RUN, "20260102-000000-cnn3"],
            "networks that --compare has vote alone",
        ),
        (["--compare", "--run", RUN], "expected two or more runs, received 1"),
        (["--submission", "out.csv"], "expected --predict PATH too"),
        (["--predict", "x.csv", "--columns", "a,b"], "expected --submission FILE too"),
        (["--predict", "x.csv", "--submission", "o.csv", "--columns", "a,a"], "expected two different names"),
        (["--predict", "x.csv", "--split", "Training"], "expected no --split"),
        (["--predict", "x.csv", "y.jpg"], "expected one CSV file, or photos alone"),
        (["--predict", "x.csv", "--submission", "o.csv", "--output", "o"], "expected no --output"),
        (["--predict", "none.csv"], "no file none.csv"),
        (["--predict", "none.jpg"], "none.jpg does not exist"),
        (["--predict", "none.jpg", "--submission", "out.csv"], "expected --predict FILE.csv, received photos"),
        (["--data", "none.csv"], "no data at 'none.csv'"),
        (["--run", RUN, "--output", str(ROOT / "evaluate.py" / "x")], "expected a folder that can be written"),
    ],
)
def test_a_mistake_is_one_line(command, logs, arguments, said):
    before = sorted(logs.rglob("*"))
    code, out, err = command(*arguments)
    assert code == 2 and out == "" and err.startswith("evaluate.py: ") and err.count("\n") == 1
    assert said in err
    assert sorted(logs.rglob("*")) == before


def test_a_damaged_model_is_one_line_and_nothing_is_written(command, logs):
    run = Run(logs / RUN)
    run.model_file.write_bytes(run.model_file.read_bytes()[:1000])
    code, _, err = command("--run", run.path)
    assert code == 2 and f"{run.model_file}: expected a network" in err and err.count("\n") == 1
    assert not run.evaluation("PrivateTest").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "\0\0", '{"format": 1}'])
def test_a_damaged_config_is_one_line(command, logs, content):
    (logs / RUN / "config.json").write_text(content)
    code, _, err = command("--run", RUN)
    assert code == 2 and "config.json" in err and err.count("\n") == 1


def test_help_answers_without_heavy_libraries():
    probe = """
import runpy, sys
sys.argv = ["evaluate.py", "--help"]
try:
    runpy.run_path("evaluate.py", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print([heavy for heavy in ("tensorflow", "keras", "jax", "matplotlib", "pandas", "sklearn") if heavy in sys.modules])
"""
    command = [sys.executable, "-c", probe]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 0, answer.stderr
    assert "--compare" in answer.stdout and answer.stdout.endswith("[]\n")


def test_cross_validation_takes_each_image_from_the_network_of_its_part(command, logs, undrawn, save_run):
    crossed = Run(logs / "20260107-000000-cnn3-crossed")
    save_run(crossed, members=1, folds=2)
    for fold in range(2):
        save_run(crossed.member(fold), folds=2, fold=fold)
        save_model(build("cnn3", seed=fold), crossed.member(fold).model_file)
    code, out, err = command("--run", crossed.path, "--split", "validation")
    assert code == 0 and err == ""
    folder = crossed.evaluation("validation")
    rows = read_csv(folder / "predictions.csv")
    faces = load_faces("synthetic", limit=LIMIT)
    training = faces.split("Training")
    assert [row["id"] for row in rows] == training.ids.tolist()
    both = np.stack([predicted_by(seed, training.images) for seed in range(2)])
    expected, alone = np.empty((LIMIT, 7)), []
    for fold in range(2):
        _, validation = parted(faces, seed=0, folds=2, fold=fold)
        judged = np.isin(training.ids, validation.ids)
        expected[judged] = both[fold][judged]
        alone.append(np.mean(both[fold][judged].argmax(axis=1) == training.labels[judged]))
    found = np.array([[float(row[emotion]) for emotion in EMOTIONS] for row in rows])
    np.testing.assert_allclose(found, expected, atol=2e-6)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["accuracy"] == np.mean(expected.argmax(axis=1) == training.labels)
    assert [set(member) for member in metrics["members"]] == [{"name", "epoch", "accuracy"}] * 2
    assert [member["accuracy"] for member in metrics["members"]] == alone and max(alone) > 0
    assert not (folder / "ensemble.png").exists() and "its own images" in out
    code, _, err = command("--run", crossed.path, "--split", "validation", "--vote", "hard")
    assert code == 2 and "--vote hard: of a cross-validation, one network judges each of these images" in err
