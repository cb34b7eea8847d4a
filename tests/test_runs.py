import json
from datetime import datetime
from pathlib import Path

import pytest

from fer_keras import runs
from fer_keras.config import Settings
from fer_keras.errors import UserError
from fer_keras.provenance import Ancestor, SplitRecipe
from fer_keras.runs import (
    Run,
    RunConfig,
    create_run,
    name_of,
    newest_finished,
    one_network,
    open_run,
    read_config,
    write_config,
)

RECORD = {"source": "x", "sha256": "ab", "synthetic": False, "validation_split": "Training", "testable": []}
NOON = datetime(2026, 1, 2, 12, 0, 5)


def make_run(logdir, name, *, finished, now=NOON):
    run = create_run(logdir, "cnn4", name, now)
    write_config(run, RunConfig(Settings(arch="cnn4"), RECORD))
    if finished:
        run.result_file.write_text("{}")
    return run


def test_a_run_is_named_by_time_network_and_name(tmp_path):
    assert create_run(tmp_path, "vgg25", None, NOON).path == tmp_path / "20260102-120005-vgg25"
    assert create_run(tmp_path, "vgg25", "wide", NOON).path == tmp_path / "20260102-120005-vgg25-wide"


def test_two_runs_of_one_second_do_not_share_a_folder(tmp_path):
    first, second = (create_run(tmp_path, "vgg25", None, NOON) for _ in range(2))
    assert first.path != second.path and second.path.is_dir()


def test_two_runs_of_one_word_and_second_are_both_called_by_it(tmp_path):
    for _ in range(2):
        make_run(tmp_path, "first", finished=True)
    with pytest.raises(UserError, match=r"2 runs in .* are called 'first'"):
        open_run("first", tmp_path)


def test_a_folder_that_was_named_otherwise_has_no_word(tmp_path):
    make_run(tmp_path, None, finished=True).path.rename(tmp_path / "my-best-run-first")
    with pytest.raises(UserError, match="no run at first"):
        open_run("first", tmp_path)


def test_a_run_is_recorded_by_a_name_that_moves_with_its_folder(tmp_path):
    run = make_run(tmp_path / "logs", "first", finished=True)
    assert name_of("first", tmp_path / "logs") == name_of(run.path, tmp_path / "logs") == run.path.name
    assert name_of(run.path, tmp_path) == str(run.path)
    assert name_of("pretrained", tmp_path) == "pretrained"


def test_config_is_read_back_as_written(tmp_path):
    run = create_run(tmp_path, "cnn4", None, NOON)
    config = RunConfig(Settings(arch="cnn4", epochs=3), RECORD)
    write_config(run, config)
    assert read_config(run) == config


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 99}, "expected format 1"),
        ({"emotions": ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]}, "in this order"),
        ({"settings": None}, "expected the objects"),
        ({"settings": {"epochz": 1}}, "no key 'epochz'"),
    ],
)
def test_a_config_that_would_be_misread_is_refused(tmp_path, change, said):
    run = make_run(tmp_path, None, finished=True)
    values = json.loads(run.config_file.read_text()) | change
    run.config_file.write_text(json.dumps(values))
    with pytest.raises(UserError, match=said):
        read_config(run)


def test_the_newest_finished_run_is_found_past_an_unfinished_one(tmp_path):
    older = make_run(tmp_path, "a", finished=True)
    make_run(tmp_path, "b", finished=False)
    (tmp_path / "20990101-000000-not-a-run").mkdir()
    assert newest_finished(tmp_path) == older


def test_the_newest_run_is_the_one_that_began_last_whatever_it_is_called(tmp_path):
    older, newer, unknown = (make_run(tmp_path, name, finished=True) for name in ("a", "b", "c"))
    for run, began in ((older, "2026-10-24T23:30:00+00:00"), (newer, "2026-10-25T00:30:00+00:00")):
        run.environment_file.write_text(json.dumps({"started": began}))
    older.path.rename(tmp_path / "zz-mine")
    assert newest_finished(tmp_path) == newer  # what says nothing is as old as its name, of January
    unknown.path.rename(tmp_path / "20261231-000000-cnn4-c")
    assert newest_finished(tmp_path).path.name == "20261231-000000-cnn4-c"


ANCESTOR = Ancestor("first", SplitRecipe.of(Settings(), "a" * 64), "PublicTest", ("PrivateTest",)).to_json()


@pytest.mark.parametrize(
    "damaged",
    [
        "x",
        {"run": "x"},
        ANCESTOR | {"split": {"sha256": "x"}},
        ANCESTOR | {"split": ANCESTOR["split"] | {"seed": "0"}},
        ANCESTOR | {"split": ANCESTOR["split"] | {"of a later version": 0}},
        ANCESTOR | {"testable": None},
        ANCESTOR | {"source": 3},
    ],
)
def test_a_damaged_lineage_is_told(tmp_path, damaged):
    run = make_run(tmp_path, None, finished=True)
    for before in (damaged, [damaged]):
        write_config(run, RunConfig(Settings(), RECORD | {"starts_from": before}))
        with pytest.raises(UserError, match=r"config\.json: expected data\.starts_from to tell of the runs before it"):
            read_config(run)


def test_what_older_versions_did_not_record_of_a_lineage_has_one_meaning(tmp_path):
    run, old = make_run(tmp_path, None, finished=True), json.loads(json.dumps(ANCESTOR))
    for name in ("source", "keep", "disputed", "development_sha256"):
        del old[name]
    for name in ("folds", "fold", "holds_out", "drop_copies"):
        del old["split"][name]
    write_config(run, RunConfig(Settings(), RECORD | {"starts_from": [old]}))
    assert [before.to_json() for before in read_config(run).ancestors] == [ANCESTOR]
    assert read_config(run).ancestors[0].selected


def test_without_a_finished_run_the_next_command_is_told(tmp_path):
    with pytest.raises(UserError, match=r"python train\.py\. .*--run pretrained"):
        newest_finished(tmp_path / "logs")
    run = make_run(tmp_path, None, finished=False)
    with pytest.raises(UserError, match=f"--resume {run.path}$"):
        newest_finished(tmp_path)
    spaced = make_run(tmp_path / "my runs", None, finished=False)
    with pytest.raises(UserError, match=f"--resume '{spaced.path}'$"):  # to be copied into a shell
        newest_finished(tmp_path / "my runs")


def test_a_start_whose_network_is_lost_is_not_sent_to_resume(tmp_path):
    stopped = make_run(tmp_path, "stopped", finished=False)
    with pytest.raises(UserError, match=r"is not trained to its end: python train\.py --resume"):
        one_network("--init-from", stopped.path, tmp_path)
    run = make_run(tmp_path, "lost", finished=True)
    run.model_file.unlink(missing_ok=True)
    with pytest.raises(UserError, match=f"{run.model_file} is gone. Copy it back, or train {run.path.name} anew"):
        one_network("--init-from", run.path, tmp_path)


def test_a_run_opens_by_path_and_by_name_and_a_typo_is_told(tmp_path, monkeypatch):
    run = make_run(tmp_path, "good", finished=True)
    assert open_run(run.path) == run == open_run(run.path.name, tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_run(f"~/{run.path.name}") == run and name_of(f"~/{run.path.name}", "logs") == str(run.path)
    with pytest.raises(UserError, match=f"Did you mean '{run.path.name}'"):
        open_run(run.path.name[:-1] + "x", tmp_path)


def test_a_run_opens_by_the_word_it_was_given_where_it_is_the_only_one(tmp_path):
    make_run(tmp_path, None, finished=True)
    run = make_run(tmp_path, "five-small-ones", finished=True)
    assert open_run("five-small-ones", tmp_path) == run
    with pytest.raises(UserError, match="Did you mean 'five-small-ones'"):
        open_run("five-small-one", tmp_path)
    with pytest.raises(UserError, match="no run at vgg25"):
        open_run("vgg25", tmp_path)
    other = make_run(tmp_path, "five-small-ones", finished=False, now=NOON.replace(hour=13))
    with pytest.raises(
        UserError, match=rf"2 runs in .* are called 'five-small-ones'\. Name the folder .* {other.path}$"
    ):
        open_run("five-small-ones", tmp_path)


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    run = make_run(tmp_path / "package", None, finished=True)
    run.model_file.write_bytes(b"weights of this version")
    (run.path / "card.md").write_text("# pretrained")
    monkeypatch.setattr(runs, "SHIPPED", run.path)
    return run


def test_the_shipped_run_is_copied_to_where_results_of_it_can_be_written(shipped, tmp_path):
    run = open_run("pretrained", tmp_path / "logs")
    assert run.path == tmp_path / "logs" / "pretrained"
    assert run.finished and read_config(run) == read_config(shipped)
    assert run.model_file.read_bytes() == b"weights of this version"


def test_the_copy_of_an_older_version_is_brought_up_to_date(shipped, tmp_path):
    old = open_run("pretrained", tmp_path / "logs")
    old.model_file.write_bytes(b"weights of that version")
    (old.path / "evaluation").mkdir()
    assert open_run("pretrained", tmp_path / "logs").model_file.read_bytes() == b"weights of this version"
    assert (old.path / "evaluation").is_dir()


def test_the_shipped_run_is_never_taken_for_the_newest(shipped, tmp_path):
    own = make_run(tmp_path / "logs", None, finished=True)
    open_run("pretrained", tmp_path / "logs")
    assert newest_finished(tmp_path / "logs") == own


def test_the_contract_of_file_names():
    run = Run(Path("logs/r"))
    names = {
        "config.json": run.config_file,
        "environment.json": run.environment_file,
        "history.csv": run.history_file,
        "model.keras": run.model_file,
        "tensorboard": run.tensorboard(),
        "figures/history.png": run.figure("history"),
        "members/00": run.member(0).path,
        "evaluation/PublicTest": run.evaluation("PublicTest"),
        "explanations": run.explanations,
    }
    for name, path in names.items():
        assert path.relative_to("logs/r").as_posix() == name


def test_a_run_of_somebodys_in_the_place_of_the_shipped_one_stays(tmp_path):
    own = make_run(tmp_path, None, finished=True)
    own.path.rename(tmp_path / "pretrained")
    with pytest.raises(UserError, match="is a run of your own, in the place of the one that is shipped"):
        open_run("pretrained", tmp_path)
    assert read_config(Run(tmp_path / "pretrained")).settings.arch == "cnn4"
    shipped = open_run("pretrained", tmp_path / "logs")
    assert open_run("pretrained", tmp_path / "logs") == shipped and read_config(shipped).settings.arch == "vgg25"


def test_what_one_may_not_look_into_hides_no_run(tmp_path, monkeypatch):
    run, is_file = make_run(tmp_path, None, finished=True), Path.is_file
    (tmp_path / "lost+found").mkdir()

    def refusing(path, **options):
        if "lost+found" in path.parts:
            raise PermissionError(13, "Permission denied", str(path))
        return is_file(path, **options)

    monkeypatch.setattr(Path, "is_file", refusing)
    assert newest_finished(tmp_path) == run


def test_a_run_has_its_name_from_inside_too(tmp_path, monkeypatch):
    run = make_run(tmp_path, None, finished=True)
    (run.path / "figures").mkdir()
    for inside, path in ((run.path, "."), (run.path / "figures", "..")):
        monkeypatch.chdir(inside)
        assert open_run(path).path.name == run.path.name == name_of(path, tmp_path)


def test_a_number_of_images_that_is_none_is_told(tmp_path):
    run = make_run(tmp_path, None, finished=True)
    write_config(run, RunConfig(Settings(), RECORD | {"training": "many"}))
    with pytest.raises(UserError, match=r"expected data\.training to be a int, received 'many'"):
        read_config(run)
