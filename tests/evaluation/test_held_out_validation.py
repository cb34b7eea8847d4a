"""The part of Training that was held out, as what runs are evaluated on."""

import dataclasses

import numpy as np
import pytest

from fer_keras.data.prepare import load_faces
from fer_keras.data.select import stand_among
from fer_keras.data.source import read_faces
from fer_keras.errors import UserError
from fer_keras.evaluation.held_out import hold_out
from fer_keras.evaluation.runs_to_evaluate import find_candidates
from fer_keras.files import write_text
from fer_keras.provenance import copies_rule
from fer_keras.runs import Run, RunConfig, write_config
from tests.data.made_faces import make_faces, parted, write_faces

ALL = ("Training", "PublicTest", "PrivateTest")


@pytest.mark.parametrize("settings", [{}, {"equalize": True}, {"limit": 40}, {"drop_uniform": True}])
def test_validation_is_what_training_validated_on(csv_of, candidate_of, settings):
    data = csv_of("Training")
    run = candidate_of(data, validation_split="Training", val_fraction=0.2, seed=5, **settings)
    held = hold_out([run])  # the default, where there is no test split
    assert held.split == "validation" and held.selected_on is True and not held.leaked.any()
    seen = load_faces(str(data), equalize=settings.get("equalize", False), limit=settings.get("limit", 0), seed=5)
    _, validation = parted(seen, val_fraction=0.2, seed=5)
    assert held.faces.ids.tolist() == validation.ids.tolist() and len(held.faces) in (8, 14)
    whole = read_faces(data)
    originals = dict(zip(whole.ids, whole.images, strict=True))
    assert all(np.array_equal(originals[i], image) for i, image in zip(held.faces.ids, held.faces.images, strict=True))


def test_validation_of_data_that_the_run_was_not_trained_on_is_refused(csv_of, candidate_of):
    run = candidate_of(csv_of(*ALL))
    with pytest.raises(UserError, match=r"received other data: .*Choose one of: Training, PrivateTest$"):
        hold_out([run], data=str(csv_of("Training", "PrivateTest", name="other.csv")), split="validation")


def test_validation_parts_that_differ_are_refused(csv_of, candidate_of):
    data = csv_of("Training")
    runs = [candidate_of(data, f"run{s}", validation_split="Training", val_fraction=0.2, seed=s) for s in (0, 1)]
    with pytest.raises(UserError, match=r"expected runs with the same validation part, received 2 .* images in common"):
        hold_out(runs, split="validation")


def test_runs_that_hold_out_nearly_the_same_are_judged_on_what_all_did(candidate_of, tmp_path):
    """--drop-copies leaves out of the held-out part what a test split shows too."""
    part = {"validation_split": "Training", "val_fraction": 0.5, "keep": "last"}
    images = np.random.default_rng(0).integers(0, 256, (50, 48, 48), dtype=np.uint8)
    faces = make_faces([0, 1] * 25, ["Training"] * 40 + ["PrivateTest"] * 10, images)
    dealt = parted(faces, val_fraction=0.5)[1].ids.tolist()
    images[40:43] = images[np.isin(faces.ids, dealt[:3])]
    data = write_faces(tmp_path / "faces.csv", images, faces.labels, faces.usage)
    plain, new = candidate_of(data, "plain", **part), candidate_of(data, "new", drop_copies=True, **part)
    write_config(new.run, RunConfig(new.config.settings, new.config.data | {"copies_by": copies_rule(True)}))
    (new,) = find_candidates((str(new.run.path),), logdir="logs", epoch=None)
    alone, both = hold_out([plain], split="validation"), hold_out([plain, new], split="validation")
    assert alone.faces.ids.tolist() == dealt and alone.reason == ""
    assert both.faces.ids.tolist() == dealt[3:] and not both.leaked.any()
    assert both.reason == "Of these images all runs held out 17, one 20: those that all did are judged."


def test_runs_of_other_seeds_share_the_validation_split_of_the_data(csv_of, candidate_of, drawn):
    data = csv_of(*ALL)
    runs = [candidate_of(data, f"run{seed}", seed=seed) for seed in (0, 1)]
    assert np.array_equal(hold_out(runs, split="validation").faces.images, drawn.split("PublicTest").images)
    runs += [candidate_of(data, "limited", limit=7)]
    with pytest.raises(UserError, match="received 2 different ones, with 7 images in common"):
        hold_out(runs, split="validation")


def test_runs_of_other_data_are_refused(csv_of, candidate_of):
    other = csv_of("Training", name="other.csv")
    runs = [candidate_of(csv_of(*ALL), "a"), candidate_of(other, "b", validation_split="Training", val_fraction=0.2)]
    with pytest.raises(UserError, match="--split validation: expected runs of the same data, received 2 different"):
        hold_out(runs, split="validation")


def test_what_judges_had_trained_on_is_said(csv_of, candidate_of):
    run = candidate_of(csv_of("Training"), validation_split="Training", val_fraction=0.2, keep="last")
    record = run.config.data | {"disputed": {"run": "judges"}}
    run = dataclasses.replace(run, config=dataclasses.replace(run.config, data=record))
    (warning,) = hold_out([run], split="validation").warnings
    assert "chose what was left out of training" in warning


def test_validation_images_that_chose_nothing_are_an_honest_test(csv_of, candidate_of):
    data = csv_of("Training")
    part = {"validation_split": "Training", "val_fraction": 0.2}
    last = candidate_of(data, "last", keep="last", **part)
    held = hold_out([last])
    assert (held.split, held.selected_on, held.warnings) == ("validation", False, ())
    last.run.epoch_file(1).parent.mkdir()
    last.run.epoch_file(1).touch()
    (first_epoch,) = find_candidates((str(last.run.path),), logdir="logs", epoch=1)
    held = hold_out([first_epoch])
    assert held.selected_on is None and "if it chose this one, it is too good" in held.warnings[0]
    assert hold_out([last, candidate_of(data, "best", **part)], split="validation").selected_on is True


def test_cross_validation_judges_every_image_by_the_network_that_did_not_train_on_it(csv_of, candidate_of, make_run):
    data = csv_of("Training", "PublicTest")
    lines = data.read_text().splitlines()
    lines[8] = lines[15] = lines[22] = lines[1]  # four copies of one image
    data.write_text("\n".join(lines) + "\n")
    settings = {"validation_split": "Training", "folds": 3, "seed": 2}
    run = make_run(data, "crossed", **settings)
    for fold in range(3):
        make_run(data, f"crossed/members/{fold:02d}", fold=fold, **settings)
    (candidate,) = find_candidates((str(run.path),), logdir="logs", epoch=None)
    held = hold_out([candidate], split="validation", find_copies=True)
    assert held.selected_on is True and held.leaked.tolist() == [False] * 70 and held.copied is None
    assert held.reason == "Each image is judged by the one network that was not trained on it."
    whole = read_faces(data)
    assert held.faces.ids.tolist() == whole.split("Training").ids.tolist()
    for fold in range(3):
        training, _ = parted(whole, seed=2, folds=3, fold=fold)
        judged = held.faces.take(held.fold_of == fold)
        assert len(judged) and not stand_among(judged.images, training.images).any()
    few = hold_out([candidate], split="validation", limit=14)
    fold_of = dict(zip(held.faces.ids, held.fold_of, strict=True))
    assert len(few.faces) == 14 and [fold_of[name] for name in few.faces.ids] == few.fold_of.tolist()
    with pytest.raises(UserError, match="expected one cross-validated run, received 2"):
        copy = dataclasses.replace(candidate, run=Run(run.path.with_name("copy")))
        hold_out([candidate, copy], split="validation")
    last = dataclasses.replace(candidate.config.settings, keep="last")
    unselected = dataclasses.replace(candidate, config=dataclasses.replace(candidate.config, settings=last))
    assert hold_out([unselected], split="validation").selected_on is False
    one = candidate_of(data, "alone", fold=1, **settings)  # one part alone: its own images
    assert hold_out([one], split="validation").faces.ids.tolist() == held.faces.ids[held.fold_of == 1].tolist()


@pytest.mark.parametrize("part", [{"val_fraction": 0.25}, {"folds": 2}])
def test_what_a_run_of_an_earlier_search_held_out_is_not_guessed(csv_of, candidate_of, part):
    run = candidate_of(csv_of(*ALL), validation_split="Training", drop_copies=True, **part)  # copies_by: not recorded
    with pytest.raises(UserError, match="held out a part of Training that this version cannot tell"):
        hold_out([run], split="validation")
    assert hold_out([run], split="Training").leaked.all()


def test_members_that_share_the_validation_split_of_the_data_are_evaluated_on_it(csv_of, make_run, drawn):
    run = make_run(csv_of(*ALL), members=2)
    for i in range(2):
        write_text(run.member(i).config_file, run.config_file.read_text())
        write_text(run.member(i).result_file, "{}")
    (candidate,) = find_candidates((str(run.path),), logdir="logs", epoch=None)
    held = hold_out([candidate], split="validation")
    assert np.array_equal(held.faces.images, drawn.split("PublicTest").images)
