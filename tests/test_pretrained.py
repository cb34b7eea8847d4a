"""The run that is shipped with the package: complete, small, of this project's own form, and of use at once."""

import re

import numpy as np
import pytest

from fer_keras.data.synthetic import synthetic_faces
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError
from fer_keras.evaluation.held_out import hold_out
from fer_keras.evaluation.runs_to_evaluate import find_candidates
from fer_keras.explanations.options import Options
from fer_keras.explanations.target import find_target
from fer_keras.inference import predict_probabilities
from fer_keras.models.files import open_model
from fer_keras.runs import SHIPPED, Run, read_config
from fer_keras.training.job import read_result

RUN = Run(SHIPPED)


def test_it_is_a_finished_run_with_a_card_of_at_most_15_mb():
    assert RUN.finished and RUN.history_file.is_file() and RUN.environment_file.is_file()
    card = (SHIPPED / "card.md").read_text()
    for said in ("SHA-256", "Recipe", "calibration error", "Limits", *EMOTIONS):
        assert said in card
    files = [file for file in SHIPPED.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 15e6


def test_its_texts_name_no_place_on_the_machine_it_was_trained_on():
    for file in SHIPPED.rglob("*"):
        if file.suffix in (".json", ".md", ".csv", ".txt"):
            assert not re.search(r"(?<![\w.])/(home|root|tmp|work|usr)\b", file.read_text()), file


def test_its_history_is_that_of_its_recipe():
    settings, result = read_config(RUN).settings, read_result(RUN)
    rows = RUN.history_file.read_text().splitlines()
    assert len(rows) == 1 + result["epochs"] and result["epochs"] == settings.total_epochs
    assert settings.arch == "vgg25" and "PublicTest" in read_config(RUN).data["testable"]


def test_it_reads_faces_that_it_has_never_seen_the_like_of():
    faces = synthetic_faces(training=0, public=140, private=0)
    probabilities = predict_probabilities(open_model(RUN.model_file), faces.images)
    assert (probabilities.argmax(axis=1) == faces.labels).mean() > 2 / 7  # drawn ones: twice as often as by guessing
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_without_fer2013_at_hand_it_is_tried_on_what_there_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    candidates = find_candidates(("pretrained",), logdir="logs", epoch=None)
    held = hold_out(candidates, limit=14)
    assert held.synthetic and len(held.faces) == 14
    assert any("not at hand" in warning for warning in held.warnings)


def test_without_fer2013_it_is_explained_on_drawn_faces(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = find_target(Options(run="pretrained", limit=14))
    assert target.synthetic and target.split == "PublicTest" and len(target.faces) == 14


def test_with_another_copy_of_fer2013_in_its_place_it_is_explained_on_a_split_of_that(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faces = synthetic_faces(training=7, public=7, private=7)
    rows = zip(faces.labels, faces.images, faces.usage, strict=True)
    lines = [f"{label},{' '.join(map(str, image.ravel()))},{usage}" for label, image, usage in rows]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *lines]))
    assert find_target(Options(run="pretrained")).split == "PublicTest"
    assert hold_out(find_candidates(("pretrained",), logdir="logs", epoch=None)).split == "PrivateTest"


def test_a_validation_part_is_refused_for_all_of_training_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    candidates = find_candidates(("pretrained",), logdir="logs", epoch=None)
    with pytest.raises(UserError, match="held nothing out of training"):
        hold_out(candidates, split="validation")
