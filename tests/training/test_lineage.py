"""What a run may select and be tested on that starts from the weights of another."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import load_faces
from fer_keras.data.select import stratified_limit
from fer_keras.errors import UserError
from fer_keras.files import write_text
from fer_keras.provenance import SEARCH, ancestors_in
from fer_keras.runs import Run, RunConfig, read_config, write_config
from fer_keras.training.device import Device
from fer_keras.training.lineage import refuse_seen_validation
from fer_keras.training.split import choose_split
from fer_keras.training.summary import introduce
from tests.data.made_faces import parted


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A CSV of 140 Training, 14 PublicTest and 14 PrivateTest images, all different."""
    random = np.random.default_rng(0)
    usage = ["Training"] * 140 + ["PublicTest"] * 14 + ["PrivateTest"] * 14
    rows = [f"{i % 7},{' '.join(map(str, random.integers(0, 256, 2304)))},{split}" for i, split in enumerate(usage)]
    path = tmp_path_factory.mktemp("data") / "faces.csv"
    write_text(path, "\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    return str(path)


@pytest.fixture
def begin(source, tmp_path):
    """Return a function that does what job.start does before it trains: settings to a run with its config."""

    def make(name: str, **given) -> Run:
        settings = Settings(**{"data": source} | given)
        faces = load_faces(settings.data, equalize=settings.equalize, limit=settings.limit, seed=settings.seed)
        split = choose_split(faces, settings, str(tmp_path))
        refuse_seen_validation(settings, ancestors_in(split.record), faces)
        run = Run(tmp_path / name)
        run.path.mkdir()
        write_config(run, RunConfig(settings, split.record))
        return run, split

    return make


def seen(faces: Faces) -> set[str]:
    return set(faces.ids.tolist())


def line_of(name: str) -> int:
    """Return which line of its CSV, counted from 0, an image of that id stands in."""
    return int(name.rpartition(" ")[2]) - 1


def test_a_run_from_nothing_has_no_lineage(begin):
    _, split = begin("first")
    assert "starts_from" not in split.record and split.record["testable"] == ["PrivateTest"]


def test_the_same_validation_part_is_honest(begin):
    _, first = begin("first", val_fraction=0.2, seed=3)
    _, second = begin("second", val_fraction=0.2, seed=3, init_from=("first",))
    assert seen(second.validation) == seen(first.validation)
    assert second.record["testable"] == ["PublicTest", "PrivateTest"]
    assert [run["run"] for run in second.record["starts_from"]] == ["first"]


def test_ancestors_that_may_know_copies_of_what_a_run_is_tested_on_are_named(begin, capsys):
    def said(name, **settings):
        run, split = begin(name, keep="last", **settings)
        introduce(run, read_config(run).settings, split, Device("CPU", "some", 1, "float32"), None)
        return [line for line in capsys.readouterr().out.splitlines() if "may have trained" in line]

    begin("kept", keep="last")
    begin("few", keep="last", drop_copies=True, limit=14)  # without the copies of few of the images to test on
    begin("dropped", keep="last", drop_copies=True)
    before, _ = begin("before", keep="last", drop_copies=True)
    config = read_config(before)
    assert config.data.pop("copies_by") == SEARCH
    write_config(before, config)  # as a version that found fewer copies has written it
    (line,) = said("of all", drop_copies=True, init_from=("kept",), teachers=("few", "before", "dropped"))
    assert "may have trained kept, few and before: --drop-copies" in line
    assert said("of one", drop_copies=True, init_from=("dropped",)) == []
    assert said("keeps", init_from=("kept",)) == []


def test_a_validation_part_that_the_first_run_was_fitted_to_is_refused(begin):
    _, first = begin("first", val_fraction=0.2, seed=3)
    _, other_split = begin("other", val_fraction=0.2, seed=4)
    count = len(seen(other_split.validation) & seen(first.training))
    assert 10 < count < 28  # not all: the two validation parts overlap
    with pytest.raises(UserError) as caught:
        begin("second", val_fraction=0.2, seed=4, init_from=("first",))
    message = str(caught.value)
    assert f"{count} of the 28 images that would validate it have trained first" in message
    assert message.endswith("Validate as it did: --val-fraction 0.2 --seed 3")


def test_no_flags_validate_as_a_run_by_an_earlier_rule_did(begin):
    """What such a run held out cannot be dealt again, so that the advice would be what was just given."""
    old, _ = begin("old", drop_copies=True, val_fraction=0.2)
    config = read_config(old)
    write_config(old, RunConfig(config.settings, config.data | {"copies_by": SEARCH}))
    with pytest.raises(UserError, match=r"What it held out is not known any more .* Take another run$"):
        begin("second", drop_copies=True, val_fraction=0.2, init_from=("old",))


VALUES = {"": True, "last": "last"}  # of flags that the advice names; others are numbers
PART = {"val_fraction": 0.2, "seed": 3}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PART, {"val_fraction": 0.25}),
        (PART, PART | {"limit": 70}),
        (PART, PART | {"equalize": True, "limit": 70}),
        (PART | {"limit": 70, "equalize": True}, {"val_fraction": 0.25}),
        ({"folds": 4, "fold": 1, "seed": 3}, {"folds": 4, "fold": 2, "seed": 3}),
        ({"folds": 4, "fold": 1}, PART),
        (PART, {"folds": 4, "fold": 1}),
        ({}, {"folds": 4, "fold": 1}),
        ({"keep": "last"}, PART),
        ({"keep": "last"}, {"folds": 4, "fold": 1}),
        ({"keep": "last"}, PART | {"rollback": True}),
        ({"keep": "last"}, PART | {"schedule": "plateau"}),
        ({"keep": "last"}, PART | {"members": 2}),
    ],
)
def test_the_advice_of_the_refusal_works(begin, first, second):
    begin("first", **first)
    with pytest.raises(UserError) as caught:
        begin("second", init_from=("first",), **second)
    advice = str(caught.value).partition("Validate as it did")[2]
    give, _, without = advice.partition(", without ")
    settings = {name: value for name, value in second.items() if f"--{name.replace('_', '-')}" not in without.split()}
    for name, value in re.findall(r"--([a-z-]+)(?: ([\w.]+))?", give):
        settings[name.replace("-", "_")] = VALUES.get(value) or (float(value) if "." in value else int(value))
    assert settings != second
    begin("third", init_from=("first",), **settings)


def test_a_file_with_more_to_test_on_hides_nothing(source, tmp_path, begin):
    without = tmp_path / "without.csv"  # FER2013 is passed on with PrivateTest and without
    write_text(without, "\n".join(line for line in Path(source).read_text().splitlines() if "Private" not in line))
    begin("first", data=str(without), keep="last")
    without.unlink()
    with pytest.raises(UserError, match="28 of the 28 images that would validate it have trained first"):
        begin("second", init_from=("first",), val_fraction=0.2)
    begin("third", data=source, val_fraction=0.2, seed=3)
    _, split = begin("fourth", init_from=("third",), val_fraction=0.2, seed=3)
    assert split.record["testable"] == ["PublicTest", "PrivateTest"]


def test_all_of_training_may_learn_from_what_a_part_of_it_has_selected(begin):
    begin("first", **PART)
    _, split = begin("second", teachers=("first",), keep="last")
    assert (len(split.training), len(split.validation)) == (140, 0)
    assert split.record["testable"] == ["PublicTest", "PrivateTest"]


def test_the_advice_works_where_the_data_have_no_split_to_select_on(source, tmp_path, begin):
    lines = Path(source).read_text().splitlines()
    alone = tmp_path / "training.csv"
    write_text(alone, "\n".join(line for line in lines if "Test" not in line) + "\n")
    begin("first", data=str(alone), seed=3)
    with pytest.raises(UserError, match=r"Validate as it did: --seed 3$"):
        begin("second", data=str(alone), init_from=("first",))
    begin("third", data=str(alone), init_from=("first",), seed=3)


def test_a_parent_that_does_not_say_where_it_began_is_asked_again(begin, tmp_path):
    begin("first")
    run, _ = begin("second", init_from=("first",))
    config = json.loads(run.config_file.read_text())
    del config["data"]["starts_from"]  # as it was before this was recorded
    run.config_file.write_text(json.dumps(config))
    _, third = begin("third", init_from=("second",))
    assert [parent["run"] for parent in third.record["starts_from"]] == ["first", "second"]


def test_a_part_of_training_is_refused_after_a_run_on_all_of_it(begin):
    begin("first")
    with pytest.raises(UserError, match=r"28 of the 28 .* Validate as it did, without --val-fraction$"):
        begin("second", val_fraction=0.2, init_from=("first",))


def test_members_with_parts_of_their_own_are_refused(begin):
    begin("first", val_fraction=0.2)
    with pytest.raises(UserError, match="Leave out --members: each member validates on another part"):
        begin("second", val_fraction=0.2, members=2, init_from=("first",))


def test_a_start_from_a_member_is_of_the_images_that_the_ensembles_seed_chose(begin, tmp_path):
    limited = {"limit": 70, "val_fraction": 0.2}
    begin("pair", members=2, seed=3, **limited)
    (tmp_path / "pair" / "members").mkdir()
    begin("pair/members/01", seed=4, **limited)
    _, child = begin("child", keep="last", init_from=("pair/members/01",))
    (parent,) = child.record["starts_from"]
    assert parent["run"] == "pair/members/01"
    assert (parent["split"]["limit_seed"], parent["split"]["seed"]) == (3, 4)


def test_a_member_validates_on_images_that_the_ensembles_seed_chose(begin, source):
    """The first member, of the first run's seed, validates as that did; the second one does not."""
    limited = {"limit": 70, "val_fraction": 0.2}
    begin("first", seed=3, **limited)

    def refused(limit_seed):
        """Return how many images would validate the second member and have trained the first run."""
        whole = load_faces(source)
        first, _ = parted(stratified_limit(whole, 70, 3), val_fraction=0.2, seed=3)
        _, second = parted(stratified_limit(whole, 70, limit_seed), val_fraction=0.2, seed=4)
        return len(seen(second) & seen(first))

    assert refused(3) != refused(4), "these seeds show nothing"
    with pytest.raises(
        UserError, match=rf"--init-from: {refused(3)} of the 14 images that would validate it have trained first"
    ):
        begin("pair", members=2, seed=3, init_from=("first",), **limited)


def test_what_trained_a_start_in_another_file_is_held_against_those_images(begin, source, tmp_path):
    """The other file has the images that validate the second member, and no more."""
    _, second = parted(stratified_limit(load_faces(source), 70, 3), val_fraction=0.2, seed=4)
    lines = Path(source).read_text().splitlines()
    other = tmp_path / "other.csv"
    write_text(other, "\n".join([lines[0], *(lines[line_of(name)] for name in second.ids)]) + "\n")
    begin("first", data=str(other), keep="last")
    with pytest.raises(UserError, match="--init-from: 14 of the 14 images that would validate it have trained first"):
        begin("pair", members=2, seed=3, limit=70, val_fraction=0.2, init_from=("first",))


def test_what_selected_the_first_run_is_no_test_of_the_second(begin):
    begin("first")
    _, second = begin("second", init_from=("first",))
    assert second.record["testable"] == ["PrivateTest"]
    begin("part", val_fraction=0.2)
    _, third = begin("third", init_from=("part",))  # selects on PublicTest, which "part" has left alone
    assert third.record["testable"] == ["PrivateTest"]


def test_grandparents_count(begin):
    begin("first", val_fraction=0.2, seed=3)
    begin("second", init_from=("first",))  # trains on all of Training, the validation part of "first" too
    with pytest.raises(UserError, match="have trained second"):
        begin("third", val_fraction=0.2, seed=3, init_from=("second",))
    _, fourth = begin("fourth", init_from=("second",))
    assert [run["run"] for run in fourth.record["starts_from"]] == ["first", "second"]


def test_other_data_are_recorded_and_not_judged(begin, tmp_path):
    begin("first", data="synthetic", limit=21)
    _, second = begin("second", val_fraction=0.2, init_from=("first",))
    assert second.record["testable"] == ["PublicTest", "PrivateTest"]
    (parent,) = second.record["starts_from"]
    assert parent["split"]["sha256"] != second.record["sha256"]


def test_images_that_trained_it_in_another_file_may_not_validate(begin, source, tmp_path):
    begin("first", val_fraction=0.2, seed=3)
    lines = Path(source).read_text().splitlines()
    alone = tmp_path / "training.csv"
    write_text(alone, "\n".join(line.rpartition(",")[0] for line in lines if "Test" not in line) + "\n")
    with pytest.raises(UserError, match=rf"--init-from: \d+ of the 28 images .* have trained first, in {source}, "):
        begin("second", data=str(alone), val_fraction=0.2, seed=4, init_from=("first",))
    _, third = begin("third", data=str(alone), keep="last", init_from=("first",))
    assert third.record["starts_from"][0]["source"] == source
    write_text(alone, "\n".join(lines[:1] + lines[1:141]) + "\n")
    begin("same", data=str(alone), val_fraction=0.2, seed=3, init_from=("first",))  # the same images as the first


def test_one_image_that_another_data_set_repeats_is_no_reason_to_refuse(begin, source, tmp_path):
    _, own = begin("own", **PART)
    lines = Path(source).read_text().splitlines()
    other = tmp_path / "other.csv"
    repeated = lines[line_of(own.validation.ids[0])]
    assert repeated.split(",")[1].split() == list(map(str, own.validation.images[0].ravel()))
    write_text(other, "\n".join([lines[0], repeated, *lines[141:148]]).replace("PublicTest", "Training") + "\n")
    begin("first", data=str(other), keep="last")
    _, second = begin("second", init_from=("first",), **PART)
    assert [run["source"] for run in second.record["starts_from"]] == [str(other)]


def test_a_pupil_inherits_what_its_teachers_have_seen(begin):
    begin("first", val_fraction=0.2, seed=3)
    begin("second", val_fraction=0.2, seed=3, init_from=("first",))
    _, pupil = begin("pupil", val_fraction=0.2, seed=3, init_from=("first",), teachers=("first", "second"))
    assert [run["run"] for run in pupil.record["starts_from"]] == ["first", "second"]  # each once
    with pytest.raises(UserError, match=r"--teachers: .* have trained first, .* --val-fraction 0.2 --seed 3$"):
        begin("other", val_fraction=0.2, seed=4, teachers=("first",))
    begin("whole")  # PublicTest has selected it
    _, taught = begin("taught", teachers=("whole",))
    assert taught.record["testable"] == ["PrivateTest"]


def test_a_mean_inherits_what_all_its_starts_have_seen(begin):
    begin("first", **PART)
    begin("whole")  # PublicTest has selected it
    begin("other", keep="last")
    _, mean = begin("mean", epochs=0, keep="last", init_from=("first", "whole"))
    assert mean.record["testable"] == ["PrivateTest"]
    assert [parent["run"] for parent in mean.record["starts_from"]] == ["first", "whole"]
    with pytest.raises(UserError, match=r"--init-from: .* have trained other"):
        begin("again", epochs=0, init_from=("first", "other"), **PART)


def test_teachers_that_know_each_others_validation_parts_are_no_teachers_of_one_pupil(begin):
    for fold in (0, 1):
        begin(f"fold{fold}", folds=4, fold=fold)
    for fold in (0, 1):
        with pytest.raises(UserError, match=r"What validated it has trained fold\d: start and learn from runs of"):
            begin("pupil", folds=4, fold=fold, teachers=("fold0", "fold1"))


def test_a_run_that_an_older_version_recorded_is_inherited_once(begin, source):
    begin("first", **PART)
    second, _ = begin("second", init_from=("first",), **PART)
    config = json.loads(second.config_file.read_text())
    (recorded,) = config["data"]["starts_from"]
    del recorded["keep"], recorded["source"], recorded["disputed"], recorded["split"]["holds_out"]
    write_text(second.config_file, json.dumps(config))
    _, third = begin("third", init_from=("second",), teachers=("first",), **PART)
    assert [run["run"] for run in third.record["starts_from"]] == ["first", "second"]
    assert third.record["starts_from"][0]["source"] == source  # the fuller of the two records


@pytest.mark.parametrize("names", [("x/base", "y/base"), ("y/base", "x/base")])
def test_of_two_runs_of_one_name_neither_hides_what_the_other_has_done(begin, tmp_path, names):
    for folder, keep in (("x", "last"), ("y", "best")):
        (tmp_path / folder).mkdir()
        begin(f"{folder}/base", keep=keep, val_fraction=0.2)
    _, split = begin("pupil", val_fraction=0.2, teachers=tuple(str(tmp_path / name) for name in names))
    assert {(run["run"], run["keep"]) for run in split.record["starts_from"]} == {("base", "last"), ("base", "best")}
