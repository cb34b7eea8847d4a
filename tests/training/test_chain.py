"""A recipe that builds on others: they are trained before it, once, and it starts and learns from them."""

import dataclasses
import json
from pathlib import Path

import pytest

from fer_keras.config import WITHOUT_EPOCHS, Settings
from fer_keras.data.prepare import load_faces
from fer_keras.errors import UserError
from fer_keras.files import write_json
from fer_keras.provenance import SplitRecipe
from fer_keras.recipe_files import read_settings
from fer_keras.runs import Run, RunConfig, all_runs, create_run, read_config, run_called, write_config
from fer_keras.training import chain, job
from fer_keras.training.chain import train_before
from tests.training.tiny_runs import TINY

pytestmark = pytest.mark.usefixtures("tiny_network", "undrawn")

RECORD = {"synthetic": True, "validation_split": "Training", "testable": []}
PUPIL = TINY | {"after": ["first.json", "second.json"], "init_from": "first", "teachers": ["first", "second"]}


@pytest.fixture
def recipes(tmp_path):
    """Write three recipes, the last built on the others; return the place of each by its name."""
    contents = {"first": TINY, "second": TINY | {"dropout": 0.5}, "pupil": PUPIL}
    files = {name: tmp_path / f"{name}.json" for name in contents}
    for name, content in contents.items():
        files[name].write_text(json.dumps(content))
    return files


@pytest.fixture(autouse=True)
def trained(monkeypatch):
    """Have runs made without training them, and return what was trained and gone on with: their places."""
    done = []

    def finish(run: Run) -> Run:
        run.model_file.touch()
        write_json(run.result_file, {})
        done.append(run.path)
        return run

    def start(settings, *, logdir, name, command, given, go_on=None):
        run = create_run(logdir, settings.arch, name)
        faces = load_faces(settings.data, limit=settings.limit)
        record = RECORD | {"source": faces.source, "sha256": faces.sha256}
        write_config(run, RunConfig(job.as_recorded(settings, given, 21, str(logdir)), record))
        return finish(run)

    monkeypatch.setattr(job, "start", start)
    monkeypatch.setattr(job, "resume", lambda path, **_: finish(Run(Path(path))))
    return done


def before(recipes, logdir, **given) -> Settings:
    recipe = recipes["pupil"]
    settings = dataclasses.replace(Settings.from_json(read_settings(recipe), "pupil"), **given)
    return train_before(recipe, settings, given, logdir=str(logdir), command=[])


def test_a_chain_that_is_stopped_goes_on_by_the_same_command(recipes, tmp_path, monkeypatch):
    def stopped(*_, go_on, **__):
        raise KeyboardInterrupt(go_on)

    monkeypatch.setattr(job, "start", stopped)
    command = ["train.py", "--config", "my recipes/pupil.json"]
    settings = Settings.from_json(read_settings(recipes["pupil"]), "pupil")
    with pytest.raises(KeyboardInterrupt, match=r"^python train\.py --config 'my recipes/pupil\.json'$"):
        train_before(recipes["pupil"], settings, {}, logdir=str(tmp_path / "logs"), command=command)
    monkeypatch.setattr(chain, "_refuse_other_recipe", lambda *_: None)
    monkeypatch.setattr(chain, "run_called", lambda *_: Run(tmp_path / "logs"))
    monkeypatch.setattr(job, "resume", stopped)
    with pytest.raises(KeyboardInterrupt, match=r"^python train\.py --config 'my recipes/pupil\.json'$"):
        train_before(recipes["pupil"], settings, {}, logdir=str(tmp_path / "logs"), command=command)


def test_what_a_recipe_builds_on_is_trained_once_with_its_seed_and_data(recipes, tmp_path, trained):
    logdir = tmp_path / "logs"
    settings = before(recipes, logdir, seed=3, limit=28, epochs=7)
    first, second = (run_called(f"{name}-3", logdir) for name in ("first", "second"))
    assert settings.init_from == (first.path.name,) and settings.teachers == (first.path.name, second.path.name)
    for run, dropout in ((first, 0), (second, 0.5)):
        theirs = read_config(run).settings
        assert run.finished and (theirs.seed, theirs.limit, theirs.epochs, theirs.dropout) == (3, 28, 1, dropout)
    assert trained == [first.path, second.path]
    assert before(recipes, logdir, seed=3, limit=28, epochs=7) == settings and len(trained) == 2
    other = before(recipes, logdir, seed=4)
    assert len(trained) == 4 and other.init_from == (trained[2].name,)


def test_what_is_held_out_is_the_same_in_the_whole_chain(recipes, tmp_path):
    before(recipes, tmp_path / "logs", keep="last", val_fraction=0.0)
    assert [read_config(run).settings.keep for run in all_runs(tmp_path / "logs")] == ["last", "last"]


def test_one_that_was_stopped_is_finished_first(recipes, tmp_path, trained):
    logdir = tmp_path / "logs"
    before(recipes, logdir)
    second = run_called("second-0", logdir)
    second.result_file.unlink()
    before(recipes, logdir)
    assert trained[2:] == [second.path] and len(all_runs(logdir)) == 2


def test_one_that_was_stopped_goes_on_with_the_data_that_are_named_now(recipes, tmp_path, monkeypatch):
    logdir, asked = tmp_path / "logs", []
    before(recipes, logdir)
    run_called("second-0", logdir).result_file.unlink()
    monkeypatch.setattr(job, "resume", lambda path, *, data, **_: asked.append(data) or Run(Path(path)))
    before(recipes, logdir)
    assert asked == ["synthetic"]


def test_what_is_filled_in_as_a_run_starts_is_no_other_recipe(recipes, tmp_path, trained):
    """A word for a run becomes its folder, null the rate and the dropout in force."""
    job.start(Settings(**TINY), logdir=tmp_path / "logs", name="older", command=[], given=TINY)
    named = TINY | {"init_from": "older", "learning_rate": None, "dropout": None}
    recipes["second"].write_text(json.dumps(named))
    settings = before(recipes, tmp_path / "logs")
    assert before(recipes, tmp_path / "logs") == settings and len(trained) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"members": 2}, "expected one network, received --members"),
        ({"folds": 3}, "expected one network, received --folds without --fold"),
        ({"arch": "cnn4"}, "expected --arch cnn_plain, as first.json has it, received cnn4"),
    ],
)
def test_what_could_not_be_trained_after_the_others_is_refused_before_them(recipes, tmp_path, trained, given, said):
    with pytest.raises(UserError, match=said):
        before(recipes, tmp_path / "logs", **given)
    assert trained == []


@pytest.mark.parametrize(("name", "value"), [("val_fraction", 0.2), ("equalize", True), ("limit", 14)])
def test_files_that_disagree_about_the_images_are_refused_before_training(recipes, tmp_path, trained, name, value):
    recipes["pupil"].write_text(json.dumps(PUPIL | {name: value}))
    with pytest.raises(UserError, match=f"expected the --{name.replace('_', '-')} of first.json, which is .*received"):
        before(recipes, tmp_path / "logs")
    assert trained == []
    before(recipes, tmp_path / "logs", **{name: value})  # one flag for all


def test_a_recipe_takes_its_network_from_the_one_it_starts_from(recipes, tmp_path):
    recipes["second"].write_text(
        json.dumps({"after": ["first.json"], "init_from": "first"} | {k: v for k, v in TINY.items() if k != "arch"})
    )
    recipes["pupil"].write_text(json.dumps(PUPIL | {"after": ["second.json"], "init_from": "second", "teachers": []}))
    settings = before(recipes, tmp_path / "logs", arch="cnn_plain")
    assert settings.init_from[0].endswith("second-0")
    with pytest.raises(UserError, match=r"expected --arch cnn_plain, as second.json has it, received cnn4"):
        before(recipes, tmp_path / "other", arch="cnn4")


def test_starts_of_two_networks_are_refused_before_they_are_trained(recipes, tmp_path, trained):
    recipes["second"].write_text(json.dumps(TINY | {"arch": "cnn3"}))
    after = {"after": ["first.json", "second.json"], "init_from": ["first", "second"], "teachers": []}
    mean = {name: value for name, value in (PUPIL | after).items() if name != "arch"}
    recipes["pupil"].write_text(json.dumps(mean))
    with pytest.raises(UserError, match=r"expected starts of one network, cnn_plain, received second.json of cnn3"):
        before(recipes, tmp_path / "logs")
    recipes["pupil"].write_text(json.dumps(mean | {"init_from": ["second", "first"]}))  # not in the order of "after"
    with pytest.raises(UserError, match=r"expected starts of one network, cnn3, received first.json of cnn_plain"):
        before(recipes, tmp_path / "logs")
    assert trained == []


def test_a_recipe_of_several_networks_is_no_start(recipes, tmp_path, trained):
    recipes["first"].write_text(json.dumps(TINY | {"members": 2}))
    with pytest.raises(UserError, match=r"expected one network of first\.json, received a recipe of 2"):
        before(recipes, tmp_path / "logs")
    assert trained == []


def test_one_part_of_a_cross_validation_is_that_of_the_whole_chain(recipes, tmp_path):
    before(recipes, tmp_path / "logs", folds=3, fold=1)
    before(recipes, tmp_path / "logs", folds=3, fold=2)
    assert sorted(read_config(run).settings.fold for run in all_runs(tmp_path / "logs")) == [1, 1, 2, 2]


def test_a_run_of_that_name_by_another_recipe_is_refused(recipes, tmp_path):
    job.start(Settings(**TINY | {"batch_size": 7}), logdir=tmp_path / "logs", name="first-0", command=[], given={})
    with pytest.raises(UserError, match=r"with --batch-size 16, received one with 7\. Move it elsewhere"):
        before(recipes, tmp_path / "logs")


@pytest.mark.parametrize(("name", "value"), [("drop_uniform", True), ("equalize", True), ("mixup", 0.3)])
def test_a_run_that_differs_in_what_the_recipe_leaves_open_is_refused_too(recipes, tmp_path, name, value):
    given = TINY | {name: value}
    job.start(Settings(**given), logdir=tmp_path / "logs", name="first-0", command=[], given=given)
    with pytest.raises(UserError, match=f"with --{name.replace('_', '-')} .*, received one with {value}"):
        before(recipes, tmp_path / "logs")


def test_a_run_on_data_that_have_changed_since_is_refused(recipes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where "auto" finds nothing, and then something
    for recipe in recipes.values():
        recipe.write_text(json.dumps(json.loads(recipe.read_text()) | {"data": "auto"}))
    before(recipes, tmp_path / "logs")
    (tmp_path / "data").mkdir()
    rows = [f"{label},{' '.join(['7'] * 48**2)},Training" for label in range(7)]
    (tmp_path / "data" / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]) + "\n")
    with pytest.raises(UserError, match=r"on data/fer2013.csv as it is now, received one on other data \(synthetic"):
        before(recipes, tmp_path / "logs")


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ("first.json", "expected a list of file names, received 'first.json'"),
        ([3], "expected a list of file names"),
        (["fist.json"], r"no file .*fist\.json\. Expected a recipe in the same folder"),
        (["pupil.json"], "builds on itself"),
    ],
)
def test_what_names_no_recipes_is_refused(recipes, tmp_path, after, said):
    recipes["pupil"].write_text(json.dumps(PUPIL | {"after": after}))
    with pytest.raises(UserError, match=said):
        before(recipes, tmp_path / "logs")
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("circle", ["pupil.json", "second.json"])
def test_recipes_that_build_on_each_other_are_refused_before_anything_is_trained(recipes, tmp_path, trained, circle):
    recipes["second"].write_text(json.dumps(TINY | {"after": [circle]}))
    with pytest.raises(UserError, match="builds on itself"):
        before(recipes, tmp_path / "logs")
    assert trained == []


@pytest.mark.parametrize(
    "given", [{"init_from": ("nosuch",)}, {"teachers": ("first", "nosuch")}, {"drop_disputed": "no"}]
)
def test_a_run_that_nothing_makes_is_missed_before_anything_is_trained(recipes, tmp_path, trained, given):
    with pytest.raises(UserError, match="no run"):
        before(recipes, tmp_path / "logs", **given)
    assert trained == []


def test_what_flags_have_replaced_is_not_trained(recipes, tmp_path, trained):
    job.start(Settings(**TINY), logdir=tmp_path / "logs", name="older", command=[], given=TINY)
    settings = before(recipes, tmp_path / "logs", init_from=("older",), teachers=("older", "second"))
    assert [run.name.split("-", 3)[-1] for run in trained] == ["older", "second-0"]
    assert settings.init_from == ("older",) and settings.teachers[1] == trained[1].name


def test_what_decides_which_images_a_network_sees_is_shared_by_a_chain_and_heeded_without_epochs():
    """A setting that is forgotten in one of these places would let a recipe validate on what has trained its start."""
    settings = {item.name for item in dataclasses.fields(SplitRecipe)}
    settings -= {"sha256", "limit_seed", "holds_out", "copies_by"}
    assert settings <= {*chain.SHARED} and settings <= WITHOUT_EPOCHS


def test_what_a_flag_replaces_in_a_recipe_must_be_right_too(recipes, tmp_path):
    recipes["pupil"].write_text(json.dumps(PUPIL | {"teachers": None}))
    settings = Settings(**TINY | {"init_from": ("first",), "teachers": ("first",)})
    with pytest.raises(UserError, match=r"pupil\.json: --teachers: expected a list of texts, received None"):
        train_before(recipes["pupil"], settings, {}, logdir=str(tmp_path / "logs"), command=[])
