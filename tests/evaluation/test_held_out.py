"""On which split runs are evaluated, and what its images had to do with them."""

import dataclasses

import numpy as np
import pytest

from fer_keras.data.prepare import load_faces
from fer_keras.data.select import stratified_limit
from fer_keras.data.source import read_faces
from fer_keras.errors import UserError
from fer_keras.evaluation.held_out import hold_out
from fer_keras.evaluation.runs_to_evaluate import find_candidates
from fer_keras.files import write_text

ALL = ("Training", "PublicTest", "PrivateTest")


def test_a_split_that_took_no_part_is_taken_where_there_is_one(csv_of, candidate_of, drawn):
    held = hold_out([candidate_of(csv_of(*ALL))])
    assert held.split == "PrivateTest" and held.selected_on is False and held.warnings == ()
    assert np.array_equal(held.faces.images, drawn.split("PrivateTest").images)
    assert np.array_equal(held.faces.labels, drawn.split("PrivateTest").labels)
    assert not held.leaked.any()


def test_public_test_is_honest_for_a_run_that_selected_on_a_part_of_training(csv_of, candidate_of):
    held = hold_out([candidate_of(csv_of("Training", "PublicTest"), validation_split="Training", val_fraction=0.2)])
    assert held.split == "PublicTest" and held.selected_on is False and held.warnings == ()


def test_a_split_that_chose_the_epoch_is_taken_for_want_of_another_and_that_is_said(csv_of, candidate_of):
    held = hold_out([candidate_of(csv_of("Training", "PublicTest"))])
    assert held.split == "PublicTest" and held.selected_on is True
    (warning,) = held.warnings
    assert "chose the epoch" in warning and "too good" in warning
    assert not held.leaked.any() and held.seen_before == "seen in training"  # nothing would be left without them


def test_a_limited_run_leaves_most_of_the_split_that_chose_its_epoch_out_as_leaks(csv_of, candidate_of):
    run = candidate_of(csv_of("Training", "PublicTest"), limit=14)
    held = hold_out([run])
    assert held.split == "PublicTest" and held.leaked.sum() == 14 and len(held.leaked) == 21
    (warning,) = held.warnings
    assert "14 of the 21 images of PublicTest chose the epoch" in warning and "too good to be true" in warning


def test_two_runs_that_together_chose_on_all_of_a_split_leave_nothing_to_measure_without(csv_of, candidate_of):
    data = csv_of("Training", "PublicTest")
    limits = {f"run{seed}": candidate_of(data, f"run{seed}", limit=14, seed=seed) for seed in range(4)}
    held = hold_out(list(limits.values()))
    assert held.selected_on is True and held.seen_before == "seen in training" and not held.leaked.any()
    assert "PublicTest chose the epoch of these runs" in held.warnings[0] and "leaves them out" not in held.warnings[0]


def test_one_run_that_selected_on_it_spoils_a_split_for_all(csv_of, candidate_of):
    data = csv_of("Training", "PublicTest")
    clean = candidate_of(data, "clean", validation_split="Training", val_fraction=0.2)
    assert hold_out([clean, candidate_of(data, "other")]).selected_on is True


def test_selection_is_seen_by_the_pixels_whatever_the_file(csv_of, candidate_of, drawn, tmp_path):
    run = candidate_of(csv_of("Training", "PublicTest"))
    same_images = csv_of("PublicTest", name="same.csv")
    assert hold_out([run], data=str(same_images)).selected_on is True
    others = csv_of("PrivateTest", name="others.csv")
    write_text(others, others.read_text().replace("PrivateTest", "PublicTest"))
    held = hold_out([run], data=str(others))
    assert held.split == "PublicTest" and held.selected_on is False and held.warnings == ()


@pytest.mark.parametrize("split", [None, "PublicTest", "validation"])
def test_a_run_knows_its_data_again_in_a_file_with_more_to_test_on(csv_of, candidate_of, drawn, split):
    small = csv_of("Training", "PublicTest", name="small.csv")
    run = candidate_of(small, validation_split="Training", val_fraction=0.2, seed=5)
    expected = hold_out([run], split=split)
    small.unlink()
    held = hold_out([run], data=str(csv_of(*ALL)), split=split)
    assert held.warnings == expected.warnings and held.selected_on is expected.selected_on
    if split is None:
        assert (
            held.split == "PrivateTest"
            and held.reason == "PrivateTest took no part in training or in choosing the epoch."
        )
        assert not held.leaked.any()
    else:
        assert np.array_equal(held.faces.images, expected.faces.images)
        assert np.array_equal(held.leaked, expected.leaked)


def test_what_a_run_that_held_nothing_out_is_tested_on(csv_of, candidate_of):
    run = candidate_of(csv_of("Training", "PublicTest"), validation_split="", keep="last")
    held = hold_out([run])
    assert (held.split, held.selected_on, held.warnings) == ("PublicTest", False, ())
    with pytest.raises(UserError, match=r"held nothing out of training \(--keep last\). Choose one of: Training, "):
        hold_out([run], split="validation")


def test_where_nothing_was_held_out_and_there_is_no_test_the_training_images_are_told_to_be_seen(csv_of, candidate_of):
    held = hold_out([candidate_of(csv_of("Training"), validation_split="", keep="last")])
    assert held.split == "Training" and "held nothing out" in held.reason
    assert held.warnings[0].startswith("70 of the 70 images of Training were trained on")


def test_the_run_that_alone_was_trained_on_the_images_is_named(csv_of, candidate_of):
    here = candidate_of(csv_of("Training", "PublicTest"), "here", validation_split="", keep="last")
    other = csv_of("PublicTest", name="other.csv")
    write_text(other, other.read_text().replace("PublicTest", "Training"))
    there = candidate_of(other, "there", validation_split="", keep="last")  # learned what is PublicTest to "here"
    held = hold_out([here, there], split="PublicTest")
    assert held.trained_each == (False, True)
    assert held.warnings[0].startswith("21 of the 21 images of PublicTest were trained on by there, or held out of it")
    both = hold_out([there, there], data=str(other), split="Training")
    assert both.trained_each == (True, True)
    assert both.warnings[0].startswith("21 of the 21 images of Training were trained on, or held out of it")
    other.unlink()
    assert hold_out([here, there], split="PublicTest").trained_each == (False, None)


def test_repeats_that_the_data_have_name_no_run_among_those_that_trained_on_the_images(csv_of, candidate_of):
    data = csv_of("Training", "PublicTest")
    lines = data.read_text().splitlines()
    lines[71] = lines[1].replace("Training", "PublicTest")  # an image of Training, in PublicTest again
    data.write_text("\n".join(lines) + "\n")
    here = candidate_of(data, "here", validation_split="", keep="last")
    other = csv_of("PublicTest", name="other.csv")
    other.write_text("\n".join([lines[0], *lines[71:]]).replace("PublicTest", "Training") + "\n")
    there = candidate_of(other, "there", validation_split="", keep="last")
    held = hold_out([here, there], split="PublicTest")
    assert held.leaked.all() and held.trained_each == (False, True)
    assert held.warnings[0].startswith("21 of the 21 images of PublicTest were trained on by there, or held out of it")


def test_where_one_run_held_nothing_out_and_there_is_no_test_it_is_named(csv_of, candidate_of):
    data = csv_of("Training")
    part = candidate_of(data, "part", validation_split="Training", val_fraction=0.2)
    held = hold_out([part, candidate_of(data, "whole", validation_split="", keep="last")])
    assert held.split == "Training" and held.reason.endswith("whole held nothing out of training.")


def test_what_was_trained_on_is_evaluated_with_a_warning(csv_of, candidate_of):
    held = hold_out([candidate_of(csv_of(*ALL))], split="Training")
    assert held.leaked.all() and held.selected_on is False
    assert held.warnings[0].startswith("70 of the 70 images of Training were trained on")


def test_other_data_without_splits_are_taken_whole(csv_of, candidate_of):
    run = candidate_of(csv_of("Training", "PublicTest"))
    held = hold_out([run], data=str(csv_of("PrivateTest", name="mine.csv", usage=False)))
    assert (held.split, len(held.faces), held.selected_on, held.warnings) == ("Training", 14, False, ())
    assert held.reason == "The data have no split but Training."


def test_a_limit_takes_so_many_of_the_split(csv_of, candidate_of, drawn):
    held = hold_out([candidate_of(csv_of(*ALL))], limit=9)
    assert len(held.faces) == len(held.leaked) == 9 and set(held.faces.labels) == set(range(7))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_limit_takes_those_that_its_seed_draws(csv_of, candidate_of, seed):
    data = csv_of(*ALL)
    held = hold_out([candidate_of(data)], limit=7, seed=seed)
    assert held.faces.ids.tolist() == stratified_limit(read_faces(data).split("PrivateTest"), 7, seed).ids.tolist()


def test_a_limit_that_takes_what_was_trained_on_says_so(csv_of, candidate_of):
    """A run of fourteen images: most of all are new to it, those that the same limit and seed take are not."""
    run = candidate_of(csv_of("Training", "PublicTest"), limit=14)
    assert not hold_out([run], split="Training").warnings
    (warning,) = hold_out([run], split="Training", limit=14).warnings
    assert warning.startswith("14 of the 14 images taken of Training were trained on")


def test_a_run_on_synthetic_faces_is_tested_on_the_same_ones(make_run, csv_of, candidate_of):
    made = candidate_of(csv_of(*ALL), limit=20)
    faces = load_faces("synthetic", limit=20)
    record = made.config.data | {"source": faces.source, "sha256": faces.sha256, "synthetic": True}
    synthetic = dataclasses.replace(made, config=dataclasses.replace(made.config, data=record))
    held = hold_out([synthetic], find_copies=True)
    assert held.synthetic and held.copied is None
    assert np.array_equal(held.faces.images, faces.split("PrivateTest").images)
    real = hold_out([synthetic], data=str(csv_of("PrivateTest", name="real.csv")))
    assert not real.synthetic and any("Trained on drawn, synthetic faces" in warning for warning in real.warnings)


@pytest.mark.parametrize(
    ("split", "said"),
    [("PrivateTest", "has no PrivateTest split. It has: Training, PublicTest"), ("pubic", "no split 'pubic'.")],
)
def test_a_split_that_is_not_there_is_refused_with_those_that_are(csv_of, candidate_of, split, said):
    with pytest.raises(UserError, match=said):
        hold_out([candidate_of(csv_of("Training", "PublicTest"))], split=split)


def test_unlabelled_data_are_sent_to_predict(csv_of, candidate_of, drawn, tmp_path):
    unlabelled = tmp_path / "test.csv"
    unlabelled.write_text("pixels\n" + " ".join(["1"] * 2304) + "\n")
    with pytest.raises(UserError, match=f"--predict {unlabelled}"):
        hold_out([candidate_of(csv_of(*ALL))], data=str(unlabelled))


@pytest.mark.parametrize(("others", "honest"), [(6, True), (8, False)])
def test_a_split_that_mostly_repeats_training_is_not_said_to_have_taken_no_part(csv_of, candidate_of, others, honest):
    """Of the 14 faces of PrivateTest, `others` are Training's, pixel for pixel."""
    data = csv_of(*ALL)
    lines = data.read_text().splitlines()
    lines[-others:] = [line.replace("Training", "PrivateTest") for line in lines[1 : 1 + others]]
    write_text(data, "\n".join(lines) + "\n")
    held = hold_out([candidate_of(data)])
    assert held.split == "PrivateTest" and held.leaked.sum() == others
    assert ("took no part" in held.reason) is honest and (held.warnings == ()) is honest


def test_repeats_that_the_data_have_are_no_part_that_is_passed_over(csv_of, candidate_of, with_copies):
    held = hold_out([candidate_of(with_copies)])  # one of the 14 stands in Training too
    assert held.reason == "PrivateTest took no part in training or in choosing the epoch, except 1 of its images."


@pytest.mark.parametrize(
    ("split", "settings", "instead"),
    [
        ("PrivateTest", {}, "do so on --split validation"),
        ("PrivateTest", {"keep": "last", "validation_split": ""}, "train with --val-fraction to have a part for that"),
        ("Training", {}, None),
        ("PublicTest", {}, None),  # which validates the run
    ],
)
def test_an_epoch_is_not_to_be_chosen_on_a_test(csv_of, make_run, split, settings, instead):
    run = make_run(csv_of(*ALL), **settings)
    for epoch in (2, 4):
        write_text(run.epoch_file(epoch), "")
    (candidate,) = find_candidates((str(run.path),), logdir="logs", epoch=4)
    said = [warning for warning in hold_out([candidate], split=split).warnings if "best of several epochs" in warning]
    assert [warning.split(": ")[-1] for warning in said] == ([] if instead is None else [f"{instead}."])
