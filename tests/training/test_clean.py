"""Training without the images whose labels a cross-validated run disputes."""

import hashlib

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.disputed import disputed
from fer_keras.data.prepare import load_faces
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError
from fer_keras.files import write_text
from fer_keras.runs import Run, RunConfig, read_config, write_config
from fer_keras.training import job
from fer_keras.training.lineage import ancestors
from fer_keras.training.split import choose_split

TINY = {"data": "synthetic", "limit": 28}


@pytest.fixture(scope="module")
def faces():
    return load_faces("synthetic", limit=28)


def write_predictions(run, ids, labels, probabilities):
    lines = [",".join(["id", "true", "predicted", *EMOTIONS])]
    for name, label, row in zip(ids, labels, probabilities, strict=True):
        lines.append(",".join([name, EMOTIONS[label], EMOTIONS[row.argmax()], *(f"{p:.6f}" for p in row)]))
    write_text(run.evaluation("validation") / "predictions.csv", "\n".join(lines) + "\n")


@pytest.fixture
def judges(tmp_path, faces):
    """A cross-validated run that disputes the first two images of Training."""
    run = Run(tmp_path / "judges")
    settings = Settings(**TINY, folds=4)
    write_config(run, RunConfig(settings, choose_split(faces, settings, str(tmp_path)).record))
    training = faces.split("Training")
    sure = np.where(np.arange(7) == training.labels[:, None], 0.7, 0.05)
    sure[:2] = np.roll(sure[:2], 1, axis=1)
    write_predictions(run, training.ids, training.labels, sure)
    assert np.flatnonzero(disputed(training.labels, sure)).tolist() == [0, 1]
    return run


def test_disputed_images_are_left_out_of_training_alone(tmp_path, faces, judges):
    whole = choose_split(faces, Settings(**TINY), str(tmp_path))
    split = choose_split(faces, Settings(**TINY, drop_disputed="judges"), str(tmp_path))
    assert split.training.ids.tolist() == whole.training.ids.tolist()[2:]
    assert split.validation.ids.tolist() == whole.validation.ids.tolist()
    assert split.record["training"] == 26 and split.record["rule"].endswith(
        "Left out, since judges disputes their labels: 2 training images."
    )
    content = (judges.evaluation("validation") / "predictions.csv").read_bytes()
    assert split.record["disputed"] == {"run": "judges", "sha256": hashlib.sha256(content).hexdigest(), "left_out": 2}


def test_who_starts_from_a_run_is_told_that_judges_chose_what_trained_it(tmp_path, faces, judges):
    for name, given in (("judged", {"drop_disputed": "judges"}), ("plain", {})):
        settings = Settings(**TINY, **given)
        write_config(Run(tmp_path / name), RunConfig(settings, choose_split(faces, settings, str(tmp_path)).record))
        (parent,) = ancestors(Settings(init_from=(name,)), str(tmp_path))
        assert parent.disputed is (name == "judged")


def test_validation_images_keep_disputed_labels(tmp_path, faces, judges):
    first = faces.split("Training").ids[0]
    seed = next(
        seed
        for seed in range(50)
        if first in choose_split(faces, Settings(**TINY, val_fraction=0.5, seed=seed), str(tmp_path)).validation.ids
    )
    settings = Settings(**TINY, val_fraction=0.5, seed=seed, drop_disputed="judges")
    assert first in choose_split(faces, settings, str(tmp_path)).validation.ids


def refusal(tmp_path, faces, **settings):
    with pytest.raises(UserError, match="--drop-disputed: ") as caught:
        choose_split(faces, Settings(**TINY | {"drop_disputed": "judges"} | settings), str(tmp_path))
    return str(caught.value)


def test_judges_that_have_seen_the_images_are_refused(tmp_path, faces, judges):
    settings = Settings(**TINY)
    other = Run(tmp_path / "other")
    write_config(other, RunConfig(settings, choose_split(faces, settings, str(tmp_path)).record))
    assert "expected a cross-validated run" in refusal(tmp_path, faces, drop_disputed="other")


def test_judges_of_other_data_are_refused(tmp_path, judges):
    others = load_faces("synthetic", limit=21)
    assert "was trained on other data" in refusal(tmp_path, others, limit=21)


def test_judges_that_are_not_evaluated_are_told_how(tmp_path, faces, judges):
    (judges.evaluation("validation") / "predictions.csv").unlink()
    assert refusal(tmp_path, faces).endswith(f"python evaluate.py --run {judges.path} --split validation")


def test_judgements_of_some_images_will_not_do(tmp_path, faces, judges):
    file = judges.evaluation("validation") / "predictions.csv"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:-3]) + "\n")
    assert "says nothing of 3 of the 28 training images" in refusal(tmp_path, faces)
    file.write_text("id,true\n1,happy\n")
    assert "is damaged" in refusal(tmp_path, faces)


def test_a_run_is_not_resumed_with_other_judgements(tmp_path, faces, judges):
    settings = Settings(**TINY, arch="cnn_plain", drop_disputed=str(judges.path))
    run = Run(tmp_path / "run")
    write_config(run, RunConfig(settings, choose_split(faces, settings, str(tmp_path)).record))
    training = faces.split("Training")
    write_predictions(judges, training.ids, training.labels, np.eye(7)[training.labels])
    with pytest.raises(UserError, match="are others than when"):
        job.resume(str(run.path), logdir=str(tmp_path), data=None, command=[])


def test_judges_too_weak_to_judge_are_refused(tmp_path, faces, judges):
    training = faces.split("Training")
    write_predictions(judges, training.ids, training.labels, np.tile(np.linspace(0.2, 0.1, 7), (28, 1)))
    assert "too weak to judge" in refusal(tmp_path, faces)


def dispute(judges, training, of_each):
    """Let the judges dispute so many images of each emotion, integers (7,), the first ones; return which, bool (N,)."""
    nth = np.array([np.count_nonzero(training.labels[:i] == label) for i, label in enumerate(training.labels)])
    wrong = nth < np.array(of_each)[training.labels]
    said = (training.labels + wrong) % 7
    write_predictions(judges, training.ids, training.labels, np.where(np.arange(7) == said[:, None], 0.7, 0.05))
    return wrong


def test_judges_that_dispute_half_of_the_labels_are_believed(tmp_path, faces, judges):
    wrong = dispute(judges, faces.split("Training"), [2, 2, 2, 2, 2, 2, 2])  # of four each
    split = choose_split(faces, Settings(**TINY, drop_disputed="judges"), str(tmp_path))
    assert split.training.ids.tolist() == faces.split("Training").ids[~wrong].tolist() and wrong.sum() == 14


def test_judges_that_dispute_more_than_half_are_refused_though_they_leave_some_of_every_emotion(
    tmp_path, faces, judges
):
    wrong = dispute(judges, faces.split("Training"), [3, 3, 3, 2, 2, 2, 2])
    assert wrong.sum() == 17  # of 28
    assert "dispute 61% of the labels: too weak to judge" in refusal(tmp_path, faces)


def test_judges_with_a_past_are_refused(tmp_path, faces, judges):
    settings = Settings(**TINY, folds=4, init_from=("pretrained",))
    write_config(judges, RunConfig(settings, read_config(judges).data))
    assert "which may have seen the images that it judges" in refusal(tmp_path, faces)


def test_two_images_of_one_name_are_refused(tmp_path, faces, judges):
    file = judges.evaluation("validation") / "predictions.csv"
    file.write_text(file.read_text() + file.read_text().splitlines()[1] + "\n")
    assert "has two images named" in refusal(tmp_path, faces)


def test_bytes_that_are_no_text_are_told(tmp_path, faces, judges):
    file = judges.evaluation("validation") / "predictions.csv"
    file.write_bytes(file.read_bytes() + b"\xff\xfe")
    assert "is damaged" in refusal(tmp_path, faces)


def test_judges_on_fewer_images_are_told_apart_from_judgements_on_fewer(tmp_path, faces, judges):
    settings = Settings(**TINY | {"drop_uniform": True}, folds=4)
    write_config(judges, RunConfig(settings, read_config(judges).data))
    file = judges.evaluation("validation") / "predictions.csv"
    file.write_text("\n".join(file.read_text().splitlines()[:-1]) + "\n")
    assert refusal(tmp_path, faces).endswith("the same --limit, --drop-uniform and --seed, or cross-validate without")
