import json
import shutil

import pytest

from fer_keras.errors import UserError
from fer_keras.evaluation.runs_to_evaluate import find_candidates, members_of
from fer_keras.runs import Run


@pytest.fixture
def data(csv_of):
    return csv_of("Training", "PublicTest")


def find(run, *more, epoch=None):
    names = tuple(str(one.path) for one in (run, *more))
    return find_candidates(names, logdir=str(run.path.parent), epoch=epoch)


def refusal(run, *more, epoch=None):
    with pytest.raises(UserError) as refused:
        find(run, *more, epoch=epoch)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def make_members(run, finished):
    for index, done in enumerate(finished):
        shutil.copytree(run.path, run.member(index).path, ignore=shutil.ignore_patterns("members"))
        run.member(index).result_file.unlink(missing_ok=True)
        if done:
            run.member(index).result_file.write_text('{"best_epoch": 3}')


def test_the_newest_finished_run_is_the_default(make_run, data):
    old, new = make_run(data, "20260101-a"), make_run(data, "20260102-b")
    make_run(data, "20260103-c", finished=False)
    (candidate,) = find_candidates((), logdir=str(old.path.parent), epoch=None)
    assert candidate.run == new
    (member,) = candidate.members
    assert (member.name, member.file, member.epoch) == ("20260102-b", new.model_file, 3)


def test_runs_keep_the_order_in_which_they_are_named(make_run, data):
    a, b = make_run(data, "a"), make_run(data, "b", equalize=True)
    assert [candidate.name for candidate in find(b, a)] == ["b", "a"]
    assert [member.equalize for member in members_of(find(b, a))] == [True, False]


def test_a_run_with_members_is_all_of_them(make_run, data):
    run = make_run(data, members=2)
    make_members(run, [True, True])
    (candidate,) = find(run)
    assert [member.file for member in candidate.members] == [run.member(i).model_file for i in (0, 1)]
    assert [member.name for member in candidate.members] == ["run/00", "run/01"]


def test_an_ensemble_half_done_names_the_members_that_there_are(make_run, data):
    run = make_run(data, members=2, finished=False)
    make_members(run, [True, False])
    said = refusal(run)
    assert "1 of 2 members were" in said and f"--resume {run.path}" in said and f"--run {run.member(0).path}" in said


def test_a_member_can_be_evaluated_alone_with_the_seed_that_limited_them_all(make_run, data):
    run = make_run(data, members=2, seed=11)
    make_members(run, [True, True])
    config = json.loads(run.member(1).config_file.read_text())
    config["settings"] |= {"members": 1, "seed": 12}
    run.member(1).config_file.write_text(json.dumps(config))
    (candidate,) = find(run.member(1))
    assert candidate.split.limit_seed == 11 and candidate.config.settings.seed == 12
    config["data"]["limit_seed"] = 11  # which is recorded now, for a member that is moved
    run.member(1).config_file.write_text(json.dumps(config))
    (candidate,) = find(Run(run.member(1).path.rename(run.path.with_name("solo"))))
    assert candidate.split.limit_seed == 11


def test_a_kept_epoch_is_taken_even_of_an_unfinished_run_and_a_missing_one_lists_them(make_run, data):
    run = make_run(data, finished=False)
    run.epoch_file(5).parent.mkdir()
    for epoch in (10, 5):
        run.epoch_file(epoch).touch()
    (candidate,) = find(run, epoch=10)
    assert candidate.members[0].file == run.epoch_file(10) and candidate.members[0].epoch == 10
    assert refusal(run, epoch=7).endswith("kept no model of epoch 7. It has: 5, 10")
    assert "--save-every" in refusal(make_run(data, "other"), epoch=7)


def test_an_unfinished_run_says_how_to_go_on(make_run, data):
    run = make_run(data, finished=False)
    assert refusal(run).endswith(f"python train.py --resume {run.path}")


def test_a_run_named_twice_would_have_two_votes(make_run, data):
    run = make_run(data)
    assert "named twice" in refusal(run, run)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda config: config["data"].pop("sha256"), "expected data.sha256 to be a str, which is missing"),
        (lambda config: config["data"].update(testable="all"), "expected data.testable to be a list, received 'all'"),
        (lambda config: config["emotions"].reverse(), "in this order"),
    ],
)
def test_a_config_that_would_be_misread_is_refused(make_run, data, damage, said):
    run = make_run(data)
    config = json.loads(run.config_file.read_text())
    damage(config)
    run.config_file.write_text(json.dumps(config))
    assert said in refusal(run)
