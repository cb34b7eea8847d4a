"""What runs have seen of the images they are evaluated on, by the pixels and through all that they come from."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from fer_keras.errors import UserError
from fer_keras.evaluation import held_out
from fer_keras.evaluation.held_out import hold_out
from fer_keras.evaluation.runs_to_evaluate import find_candidates
from fer_keras.files import write_text

ALL = ("Training", "PublicTest", "PrivateTest")


def named(csv, old, new):
    """Give the images of one split of a CSV the name of another."""
    write_text(csv, csv.read_text().replace(old, new))
    return str(csv)


def started_from(candidate, parent, **recorded):
    """Return the candidate as a run that started from the weights of `parent`, as training records it."""
    lineage = recorded | {
        "run": parent.name,
        "split": dataclasses.asdict(parent.split),
        "validation_split": parent.config.data["validation_split"],
        "keep": parent.config.settings.keep,
        "testable": parent.config.data["testable"],
    }
    record = candidate.config.data | {"starts_from": [lineage]}
    return dataclasses.replace(candidate, config=dataclasses.replace(candidate.config, data=record))


def test_the_few_images_that_chose_a_runs_own_epoch_are_told_repeats_of_the_data_set_are_not(
    csv_of, candidate_of, monkeypatch
):
    for module in ("held_out", "caveats"):
        monkeypatch.setattr(f"fer_keras.evaluation.{module}.FEW", 0.5)
    run = candidate_of(csv_of("Training", "PublicTest"), limit=7)
    (warning,) = hold_out([run]).warnings
    assert "7 of the 21 images of PublicTest chose the epoch" in warning and "too good" not in warning
    repeats = named(csv_of("PublicTest", "PrivateTest", name="repeats.csv"), "PublicTest", "PrivateTest")
    held = hold_out([run], data=repeats)
    assert held.leaked.sum() == 7 and held.warnings == ()


def test_the_few_images_that_chose_where_a_run_began_are_told_too(csv_of, candidate_of, monkeypatch):
    for module in ("held_out", "caveats"):
        monkeypatch.setattr(f"fer_keras.evaluation.{module}.FEW", 0.5)
    data = csv_of("Training", "PublicTest")
    child = started_from(
        candidate_of(data, "child", keep="last", init_from=("parent",), validation_split=""),
        candidate_of(data, "parent", limit=7),
    )
    (warning,) = hold_out([child], split="PublicTest").warnings
    assert "7 of the 21 images of PublicTest chose the epoch of child, or of what it comes from" in warning


def test_what_is_not_left_out_is_not_said_to_be(csv_of, candidate_of):
    data = csv_of("Training", "PublicTest")
    parent = candidate_of(data, "parent", limit=14)
    gone = csv_of("Training", name="gone.csv")
    child = started_from(candidate_of(gone, "child", val_fraction=0.2, validation_split="Training"), parent)
    gone.unlink()
    held = hold_out([child], data=str(data), split="PublicTest")
    assert held.leaked is None and held.selected_on is True
    assert "PublicTest chose the epoch of this run" in held.warnings[0] and "leaves them out" not in held.warnings[0]


def test_that_a_run_did_not_train_on_the_images_is_not_said_where_what_it_comes_from_is_gone(csv_of, candidate_of):
    gone = csv_of("PublicTest", name="gone.csv")
    gone.write_text(gone.read_text().replace("PublicTest", "Training"))
    parent = candidate_of(gone, "parent", validation_split="", keep="last")
    child = candidate_of(csv_of("Training", "PublicTest"), "child", validation_split="", keep="last")
    child = started_from(child, parent, source=str(gone))
    assert hold_out([child], split="PublicTest").trained_each == (True,)
    gone.unlink()
    assert hold_out([child], split="PublicTest").trained_each == (None,)


def test_images_that_stand_in_training_too_are_found(csv_of, candidate_of, drawn, tmp_path):
    data = csv_of(*ALL)
    twice = drawn.images.copy()
    private = np.flatnonzero(drawn.usage == "PrivateTest")
    twice[private[[1, 4]]] = drawn.images[[0, 69]]
    rows = [line.split(",") for line in data.read_text().splitlines()]
    for i in private:
        rows[i + 1][1] = " ".join(map(str, twice[i].ravel().tolist()))
    data.write_text("\n".join(",".join(row) for row in rows))
    held = hold_out([candidate_of(data)])
    assert np.flatnonzero(held.leaked).tolist() == [1, 4]


def test_where_the_runs_own_data_are_gone_leaks_are_unknown_and_that_is_said(csv_of, candidate_of):
    data = csv_of("Training", "PublicTest")
    run = candidate_of(data)
    data.rename(data.with_name("moved.csv"))
    with pytest.raises(UserError, match=f"expected its data at {data}, found none. Give them with --data PATH"):
        hold_out([run])
    for split in ("PrivateTest", "PublicTest"):  # whatever their names are now: the same images or not
        held = hold_out([run], data=str(csv_of(split, name=f"{split}.csv")))
        assert held.leaked is None and held.selected_on is None
        assert "not at hand" in held.warnings[0] and "took no part" not in held.reason


def test_images_that_chose_the_epoch_are_counted_where_they_are_not_all_of_a_split(csv_of, candidate_of):
    run = candidate_of(csv_of("Training", "PublicTest"))  # its 21 images of PublicTest chose the epoch
    merged = named(csv_of("PublicTest", "PrivateTest", name="merged.csv"), "PublicTest", "PrivateTest")
    most = hold_out([run], data=merged)
    assert most.selected_on is True and np.flatnonzero(most.leaked).tolist() == [*range(21)]  # of 35
    assert most.seen_before == "seen in training or to choose the epoch"
    assert "21 of the 35 images of PrivateTest chose the epoch of run" in most.warnings[0]
    both = csv_of("PublicTest", "PrivateTest", name="both.csv")
    lines = both.read_text().splitlines()
    few = both.with_name("few.csv")
    few.write_text("\n".join(lines[:8] + lines[22:]))  # 7 of 21
    held = hold_out([run], data=named(few, "PublicTest", "PrivateTest"))
    assert held.selected_on is False and held.leaked.tolist() == [True] * 7 + [False] * 14
    assert (
        held.warnings[0].startswith("7 of the 21 images of PrivateTest chose the epoch of run")
        and "no part" not in held.reason
    )
    for seed in range(3):  # what a split has done is not for a sample of it to say
        sample = hold_out([run], data=str(few), limit=7, seed=seed)
        assert (sample.selected_on, sample.warnings, sample.reason) == (False, held.warnings, held.reason)


def test_images_that_trained_it_under_other_names_took_part(csv_of, candidate_of):
    run = candidate_of(csv_of(*ALL, name="all.csv", usage=False), validation_split="Training", val_fraction=0.2)
    held = hold_out([run], data=str(csv_of(*ALL, name="full.csv")))
    assert held.split == "PrivateTest" and held.leaked.all()
    assert "no part" not in held.reason and held.warnings[0].startswith(
        "14 of the 14 images of PrivateTest were trained on"
    )


def test_leaks_are_counted_whatever_the_name_by_which_the_split_is_asked_for(csv_of, candidate_of):
    """Validated on PublicTest, which the data do not keep apart from Training."""
    data = csv_of("Training", "PublicTest")
    lines = data.read_text().splitlines()
    lines[71] = lines[1].replace("Training", "PublicTest")
    data.write_text("\n".join(lines) + "\n")
    run = candidate_of(data)
    for split in ("PublicTest", "validation"):
        assert hold_out([run], split=split).leaked.tolist() == [True] + [False] * 20


def test_only_what_a_limit_has_left_was_trained_on(csv_of, candidate_of):
    run = candidate_of(csv_of("Training", "PublicTest"), limit=14)
    assert hold_out([run], split="Training").leaked.sum() == 14


def test_the_run_that_a_split_has_selected_is_named_beside_another(csv_of, candidate_of):
    data = csv_of("Training", "PublicTest")
    clean = candidate_of(data, "clean", validation_split="Training", val_fraction=0.2)
    held = hold_out([clean, candidate_of(data, "other")])
    assert held.selected_each == (False, True) and "the epoch of other:" in held.warnings[0]


def test_changed_data_are_not_taken_for_what_was_trained_on(csv_of, candidate_of):
    data = csv_of(*ALL)
    run = candidate_of(data)
    write_text(data, data.read_text() + "0," + " ".join(["7"] * 2304) + ",Training\n")
    held = hold_out([run])
    assert len(held.faces) == 14 and held.leaked is None and "not at hand" in held.warnings[0]


def test_a_run_whose_data_lie_where_nobody_may_look_is_tested_on_others(csv_of, candidate_of, monkeypatch):
    data, other = csv_of(*ALL), csv_of("PrivateTest", name="other.csv")
    run = candidate_of(data)
    exists = Path.exists

    def refused(path):
        if path == data:
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", refused)
    held = hold_out([run], data=str(other))
    assert len(held.faces) == 14 and held.leaked is None and "not at hand" in held.warnings[0]
    with pytest.raises(UserError, match="Give them with --data PATH"):
        hold_out([run])


def test_a_start_from_another_run_is_said(csv_of, candidate_of):
    (warning,) = hold_out([candidate_of(csv_of(*ALL), init_from=("logs/older",))]).warnings
    assert "started from the weights of logs/older" in warning


def test_what_selected_the_run_it_started_from_has_selected_it(csv_of, candidate_of):
    data = csv_of(*ALL)
    parent = candidate_of(data, "parent")
    child = candidate_of(data, "child", validation_split="Training", val_fraction=0.2, init_from=("parent",))
    held = hold_out([started_from(child, parent)], split="PublicTest")
    assert held.selected_on is True and "too good" in held.warnings[0]
    assert hold_out([started_from(child, parent)], split="PrivateTest").warnings == ()


def test_a_start_of_before_there_was_keep_is_known_to_have_kept_its_best_epoch(csv_of, candidate_of):
    data, part = csv_of(*ALL), {"validation_split": "Training", "val_fraction": 0.2}
    child = started_from(candidate_of(data, "child", init_from=("parent",), **part), candidate_of(data, "parent"))
    del child.config.data["starts_from"][0]["keep"]
    assert hold_out([child], split="PublicTest").selected_on is True


@pytest.mark.parametrize(("parents", "selected_on"), [("best", True), ("last", False)])
def test_validation_images_that_chose_only_where_the_run_began_have_selected_it(
    csv_of, candidate_of, parents, selected_on
):
    data, part = csv_of(*ALL), {"validation_split": "Training", "val_fraction": 0.2}
    child = started_from(
        candidate_of(data, "child", keep="last", init_from=("parent",), **part),
        candidate_of(data, "parent", keep=parents, **part),
    )
    held = hold_out([child], split="validation")
    assert held.selected_on is selected_on
    told = [warning for warning in held.warnings if "too good" in warning]
    assert bool(told) is selected_on
    assert not told or told[0].startswith("validation chose the epoch of what this run started or learned from:")


def test_a_start_from_a_run_on_other_data_is_said(csv_of, candidate_of):
    parent = candidate_of(csv_of(*ALL, name="other.csv"), "parent")
    child = candidate_of(csv_of("Training", "PrivateTest"), "child", init_from=("parent",))
    held = hold_out([started_from(child, parent)])
    assert "child started from the weights of parent" in held.warnings[0] and "cannot be told" in held.warnings[0]
    assert held.selected_on is None and "took no part" not in held.reason


def test_what_a_run_on_other_data_has_seen_is_found_there(csv_of, candidate_of, monkeypatch):
    whole = csv_of(*ALL)
    parent = candidate_of(whole, "parent")
    alone = csv_of("Training", name="training.csv", usage=False)
    child = candidate_of(
        alone, "child", validation_split="Training", val_fraction=0.2, keep="last", init_from=("parent",)
    )
    child = started_from(child, parent, source=str(whole))
    own = hold_out([child])  # its own validation images have all trained the parent
    assert (
        own.split == "validation"
        and own.leaked.all()
        and own.warnings[0].startswith("14 of the 14 images of validation were")
    )
    public = hold_out([child], data=str(whole), split="PublicTest")
    assert public.selected_on is True and "started or learned from" in public.warnings[0]
    monkeypatch.setattr(
        held_out, "near_copies", lambda images, _: np.full((len(images), 8), -1)
    )  # drawn ones are alike
    private = hold_out([child], data=str(whole), find_copies=True)
    assert (private.split, private.selected_on, private.warnings) == ("PrivateTest", False, ())
    assert private.reason.startswith("PrivateTest took no part in training or in choosing the epoch, as far as")


def test_what_trained_its_start_in_another_file_took_part(csv_of, candidate_of):
    alone = csv_of(*ALL, name="all.csv", usage=False)
    parent = candidate_of(alone, "parent", validation_split="Training", val_fraction=0.2)
    child = candidate_of(csv_of(*ALL), "child", init_from=("parent",))
    held = hold_out([started_from(child, parent, source=str(alone))])
    assert held.leaked.all() and "no part" not in held.reason


def test_data_are_found_where_another_of_the_runs_has_read_them(csv_of, candidate_of):
    """A grandparent that did not record where it read, and a parent that read the same file."""
    data = csv_of(*ALL, name="other.csv")
    grandparent, parent = (candidate_of(data, name) for name in ("grandparent", "parent"))
    child = candidate_of(csv_of("Training", "PrivateTest"), "child", init_from=("parent",))
    child = started_from(child, parent, source=str(data))
    theirs = started_from(child, grandparent).config.data["starts_from"] + child.config.data["starts_from"]
    record = child.config.data | {"starts_from": theirs}
    child = dataclasses.replace(child, config=dataclasses.replace(child.config, data=record))
    held = hold_out([child])
    assert held.selected_on is False and not any("cannot be told" in warning for warning in held.warnings)
    assert held.leaked.tolist() == [False] * 14  # the others' PrivateTest, too


def test_where_it_is_not_recorded_what_a_run_started_from_nothing_is_promised(csv_of, candidate_of):
    held = hold_out([candidate_of(csv_of(*ALL), init_from=("logs/older",))])
    assert held.selected_on is None and "no part" not in held.reason


def test_a_cross_validated_run_is_told_of_no_repeats_that_are_leaks_anyway(csv_of, make_run):
    data = csv_of("Training", "PublicTest")
    lines = data.read_text().splitlines()
    lines[71:74] = [line.replace("Training", "PublicTest") for line in lines[1:4]]
    data.write_text("\n".join(lines) + "\n")
    run = make_run(data, "crossed", validation_split="Training", folds=3)
    for fold in range(3):
        make_run(data, f"crossed/members/{fold:02d}", fold=fold, validation_split="Training", folds=3)
    (candidate,) = find_candidates((str(run.path),), logdir="logs", epoch=None)
    held = hold_out([candidate])
    assert (held.selected_on, held.leaked.sum(), held.warnings) == (False, 3, ())
    assert held.reason.startswith("PublicTest took no part")


def test_the_kept_epoch_is_the_kept_one_by_whatever_name(csv_of, candidate_of):
    run = candidate_of(csv_of("Training"), validation_split="Training", val_fraction=0.2, keep="last").run
    run.epoch_file(3).parent.mkdir()
    run.epoch_file(3).touch()
    (third,) = find_candidates((str(run.path),), logdir="logs", epoch=3)  # which result.json calls the kept one
    assert hold_out([third], split="validation").selected_on is False


def test_what_judges_have_chosen_for_the_run_it_started_from_is_said(csv_of, candidate_of):
    data, part = csv_of(*ALL), {"validation_split": "Training", "val_fraction": 0.2, "keep": "last"}
    child = candidate_of(data, "child", init_from=("parent",), **part)
    child = started_from(child, candidate_of(data, "parent", **part), disputed=True)
    (warning,) = hold_out([child], split="validation").warnings
    assert "chose what was left out of training" in warning


def test_of_several_runs_those_are_named_whose_data_are_gone(csv_of, candidate_of):
    here, gone = csv_of("Training", "PublicTest"), csv_of("Training", name="gone.csv")
    runs = [candidate_of(here, "stays"), candidate_of(gone, "lost", validation_split="Training", val_fraction=0.2)]
    gone.unlink()
    (warning,) = hold_out(runs, data=str(csv_of("PrivateTest", name="new.csv"))).warnings
    assert warning.startswith(f"What lost trained on is not at hand, unchanged, at {gone}: ")
