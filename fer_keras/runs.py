"""The run folder: the only owner of its file names, and how a run is made, found and opened.

    logs/<yyyymmdd-hhmmss>-<arch>[-<name>]/
      config.json environment.json history.csv summary.txt targets.npz result.json model.keras
      checkpoints/ tensorboard/ figures/ members/00/ evaluation/<split>/ explanations/<method>/

A run is finished when result.json stands: it is the last file that training writes. logs/pretrained is a copy of the
run that is shipped with the package, made when it is first named.
"""

import filecmp
import re
import shlex
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fer_keras.config import PRETRAINED, Settings, read_json_object
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError, near_miss
from fer_keras.files import expanded, write_json, written_aside
from fer_keras.provenance import Ancestor, SplitRecipe, ancestors_in

SHIPPED = Path(__file__).with_name("pretrained")  # a complete run, and its card
VALIDATION = "validation"  # instead of a split: the images held out of training to validate it, whatever their split
METRICS, PREDICTIONS, COMPARE = "metrics.json", "predictions.csv", "compare.json"  # in evaluation/<split>/
FORMAT = 1  # of config.json; raised when an older reader would misread it
# What the record of the data in config.json must have: key by key the type.
OPTIONAL = ("training", "validation", "copies_by", "limit_seed")  # whole numbers that older versions did not record
RECORD = {"source": str, "sha256": str, "synthetic": bool, "validation_split": str, "testable": list}


@dataclass(frozen=True)
class Run:
    """The places inside a run's folder. Nothing here writes to the disk."""

    path: Path

    @property
    def quoted(self) -> str:
        """The path as a shell takes it: for commands that people copy."""
        return shlex.quote(str(self.path))

    @property
    def config_file(self) -> Path:
        return self.path / "config.json"

    @property
    def environment_file(self) -> Path:
        return self.path / "environment.json"

    @property
    def history_file(self) -> Path:
        return self.path / "history.csv"

    @property
    def result_file(self) -> Path:
        return self.path / "result.json"

    @property
    def model_file(self) -> Path:
        return self.path / "model.keras"

    @property
    def targets_file(self) -> Path:
        return self.path / "targets.npz"

    @property
    def summary_file(self) -> Path:
        return self.path / "summary.txt"

    @property
    def checkpoint_file(self) -> Path:
        return self.path / "checkpoints" / "last.npz"

    def epoch_file(self, epoch: int) -> Path:
        return self.path / "checkpoints" / f"epoch-{epoch:04d}.keras"

    @property
    def fine_tune_start_file(self) -> Path:
        return self.path / "checkpoints" / "fine-tune-from.keras"

    def kept_epochs(self) -> list[int]:
        """Return the epochs whose models `--save-every` kept, in order."""
        numbers = [file.stem.removeprefix("epoch-") for file in self.epoch_file(0).parent.glob("epoch-*.keras")]
        return sorted(int(number) for number in numbers if number.isdigit())

    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    def figure(self, name: str) -> Path:
        return self.path / "figures" / f"{name}.png"

    def member(self, index: int) -> "Run":
        return Run(self.path / "members" / f"{index:02d}")

    def networks(self, count: int) -> list["Run"]:
        """Return the runs of the networks that this one trains: itself, or of several its members."""
        return [self] if count == 1 else [self.member(index) for index in range(count)]

    def evaluation(self, split: str) -> Path:
        return self.path / "evaluation" / split

    @property
    def explanations(self) -> Path:
        return self.path / "explanations"

    @property
    def lock_file(self) -> Path:
        """Held by the process that trains the run, see `training.lock`."""
        return self.path / "checkpoints" / "lock"

    @property
    def finished(self) -> bool:
        return self.result_file.is_file()


@dataclass(frozen=True)
class RunConfig:
    """What config.json holds: the settings in force and the data that the run was trained on.

    data: source, sha256, development_sha256 (see `Faces`), synthetic (bool), rule (how the validation set was chosen, a
          sentence), validation_split (the split that validates the model: "PublicTest", or "Training" when a part of
          it does; "" where nothing is held out), training and validation (numbers of images), testable (names of the
          splits that took no part); for a run that began with the weights of another, or learned from others,
          starts_from (see `provenance.Ancestor`); for one without disputed labels, disputed (see `training.clean`);
          with --drop-copies copies_by (see `provenance.copies_rule`); for a member of an ensemble on limited images
          limit_seed, the seed that chose them.
    """

    settings: Settings
    data: dict[str, Any]

    @property
    def source(self) -> str:
        """What to give --data for the same data: "synthetic", or a path."""
        return "synthetic" if self.data["synthetic"] else self.data["source"]

    @property
    def ancestors(self) -> list[Ancestor]:
        """The runs that this one started or learned from, and those before them, the oldest first."""
        return ancestors_in(self.data)

    @property
    def related(self) -> list[Ancestor]:
        """Those of the ancestors that read the same data."""
        return [ancestor for ancestor in self.ancestors if ancestor.split.sha256 == self.data["sha256"]]

    def to_json(self) -> dict[str, Any]:
        return {"format": FORMAT, "settings": self.settings.to_json(), "emotions": list(EMOTIONS), "data": self.data}


def create_run(logdir: Path | str, arch: str, name: str | None = None, now: datetime | None = None) -> Run:
    """Make a new folder for a run and return it; an old run is never touched."""
    stem = f"{now or datetime.now():%Y%m%d-%H%M%S}-{arch}" + (f"-{name}" if name else "")
    logdir = Path(logdir)
    logdir.mkdir(parents=True, exist_ok=True)
    for attempt in range(1, 1000):  # two runs may start within one second
        path = logdir / (stem if attempt == 1 else f"{stem}~{attempt}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return Run(path)
    raise UserError(f"{logdir}: a thousand runs named {stem} stand there. Give this one a --name")


def write_config(run: Run, config: RunConfig) -> None:
    write_json(run.config_file, config.to_json())


def read_config(run: Run) -> RunConfig:
    """Return a run's config. UserError for a damaged file, another format, or another order of the emotions."""
    values = read_json_object(run.config_file)
    if values.get("format") != FORMAT:
        raise UserError(f"{run.config_file}: expected format {FORMAT}, received {values.get('format')!r}")
    if values.get("emotions") != list(EMOTIONS):
        raise UserError(
            f"{run.config_file}: expected the emotions {', '.join(EMOTIONS)} in this order, "
            f"received {values.get('emotions')!r}. Labels of such a run would be read wrongly"
        )
    settings, data = values.get("settings"), values.get("data")
    if not isinstance(settings, dict) or not isinstance(data, dict):
        raise UserError(f"{run.config_file}: expected the objects 'settings' and 'data'. Train the run again")
    for key, kind in RECORD.items() | {(key, int) for key in OPTIONAL if key in data}:
        if not isinstance(data.get(key), kind):
            received = f"received {data[key]!r}" if key in data else "which is missing"
            raise UserError(f"{run.config_file}: expected data.{key} to be a {kind.__name__}, {received}. Train anew")
    try:
        ancestors_in(data)
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{run.config_file}: expected data.starts_from to tell of the runs before it, received one that is damaged "
            f"({error!r}). Train anew"
        ) from None
    return RunConfig(Settings.from_json(settings, str(run.config_file)), data)


def limit_seed(run: Run, config: RunConfig) -> int:
    """Return the seed by which `--limit` chose the run's images: that of the whole ensemble for one of its members."""
    if "limit_seed" in config.data:
        return config.data["limit_seed"]
    ensemble = ensemble_of(run)  # members of before it was recorded
    return config.settings.seed if ensemble is None else read_config(ensemble).settings.seed


def split_recipe(run: Run, config: RunConfig) -> SplitRecipe:
    """Return what decided which images trained the run and which validated it."""
    record = config.data
    return SplitRecipe.of(
        config.settings, record["sha256"], limit_seed=limit_seed(run, config), copies_by=record.get("copies_by", 0)
    )


def ensemble_of(run: Run) -> Run | None:
    """Return the run that this one is a member of, or None."""
    folder = run.path.resolve().parent
    ensemble = Run(folder.parent)
    return ensemble if folder == ensemble.member(0).path.parent and is_run(ensemble.path) else None


def title_of(run: Run) -> str:
    """Return what people call a run: the name of its folder, for a member of an ensemble with the ensemble's."""
    ensemble = ensemble_of(run)
    return run.path.name if ensemble is None else f"{ensemble.path.name}/{run.path.name}"


def is_run(path: Path) -> bool:
    """Tell whether a run lies there; not where one may not look, as in somebody else's folder among the runs."""
    try:
        return (path / "config.json").is_file()
    except PermissionError:
        return False


def open_run(path: Path | str, logdir: Path | str = "logs") -> Run:
    """Return the run at `path`, or the one of that name under `logdir`. UserError, with the near miss, if none.

    A name is that of the run's folder, or the word given with --name, where one run alone has it. "pretrained" is the
    run shipped with the package: the one to evaluate, explain or start from without training.
    """
    if str(path) == PRETRAINED and is_run(SHIPPED):
        return open_pretrained(logdir)
    for candidate in (expanded(path), Path(logdir) / str(path)):
        if is_run(candidate):  # "." and ".." are no names
            return Run(candidate if candidate.name not in ("", "..") else candidate.resolve())
    if run := run_called(str(path), logdir):
        return run
    runs = all_runs(logdir)
    names = [name for run in runs for name in (run.path.name, _word(run)) if name]
    newest = f" Newest run: {runs[-1].path.name}" if runs else " Train one: python train.py"
    hint = near_miss(Path(path).name, names) or newest
    raise UserError(f"no run at {path} (expected a folder with config.json).{hint}")


def run_called(word: str, logdir: Path | str) -> Run | None:
    """Return the run under `logdir` that `--name` gave this word, None if there is none. UserError for several."""
    called = [run for run in all_runs(logdir) if _word(run) == word]
    if len(called) > 1:
        raise UserError(
            f"{len(called)} runs in {logdir} are called '{word}'. Name the folder of one: {called[-1].path}"
        )
    return called[0] if called else None


def _word(run: Run) -> str | None:
    """Return the word that --name has added to a run's folder, or None."""
    parts = re.fullmatch(r"\d{8}-\d{6}-[^-~]+-([^~]+)(~\d+)?", run.path.name)  # as `create_run` names it
    return parts[1] if parts else None


def name_of(path: Path | str, logdir: Path | str) -> str:
    """Return by what name config.json can record the run at `path`, so that it means the same run later.

    The name of its folder, where that stands in `logdir`, wherever that may be moved; else its path.
    """
    run = open_run(path, logdir)
    return run.path.name if run.path.resolve().parent == Path(logdir).resolve() else str(run.path)


def one_network(flag: str, path: Path | str, logdir: Path | str) -> Run:
    """Return the run at `path`, as `open_run`. UserError, naming the flag, if it is unfinished, or several networks.

    Unfinished: its model may be another tomorrow, and whoever stopped it may have chosen the epoch by its curves.
    """
    run = open_run(path, logdir)
    if run.member(0).model_file.is_file():
        raise UserError(f"{flag}: {run.path} has several networks. Expected one of them, e.g. {run.member(0).path}")
    if run.finished and not run.model_file.is_file():
        raise UserError(f"{flag}: {run.model_file} is gone. Copy it back, or train {run.path.name} anew")
    if not run.finished:
        raise UserError(f"{flag}: {run.path} is not trained to its end: python train.py --resume {run.quoted}")
    return run


def open_pretrained(logdir: Path | str) -> Run:
    """Return the shipped run as it stands in `logdir`, where evaluations and explanations of it can be written.

    It is copied there where it is missing or of another version of the package: first card.md, which no other run has,
    and last result.json, which makes it a finished run. UserError where a run of somebody's own has its place.
    """
    run = Run(Path(logdir) / PRETRAINED)
    if is_run(run.path) and not (run.path / "card.md").is_file():
        raise UserError(
            f"{run.path} is a run of your own, in the place of the one that is shipped. Give it another name, or give "
            f"another --logdir"
        )
    order = {"card.md": 0, "result.json": 2}
    files = sorted((file for file in SHIPPED.rglob("*") if file.is_file()), key=lambda file: order.get(file.name, 1))
    for file in files:
        copy = run.path / file.relative_to(SHIPPED)
        if not copy.is_file() or not filecmp.cmp(file, copy, shallow=False):
            with written_aside(copy) as aside:
                shutil.copyfile(file, aside)
    return run


def all_runs(logdir: Path | str) -> list[Run]:
    """Return the runs trained under `logdir`, the one that began first at the front."""
    folder = Path(logdir)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return sorted((Run(path) for path in paths if is_run(path) and path.name != PRETRAINED), key=_began)


def _began(run: Run) -> float:
    """Return when a run began, in seconds since 1970: by its environment.json, or else by its name.

    Names are of local time, which stands still for an hour in autumn, and people rename folders.
    """
    try:
        return datetime.fromisoformat(read_json_object(run.environment_file)["started"]).timestamp()
    except (UserError, KeyError, TypeError, ValueError):  # it was stopped before its first step, or is damaged
        pass
    try:
        return datetime.strptime(run.path.name[:15], "%Y%m%d-%H%M%S").timestamp()
    except ValueError:
        return run.config_file.stat().st_mtime


def newest_finished(logdir: Path | str) -> Run:
    """Return the newest finished run under `logdir`. UserError that says what to do when there is none."""
    runs = all_runs(logdir)
    finished = [run for run in runs if run.finished]
    if finished:
        return finished[-1]
    if runs:
        raise UserError(
            f"no finished run in {logdir}: {runs[-1].path.name} was not trained to its end. "
            f"Go on with it: python train.py --resume {runs[-1].quoted}"
        )
    raise UserError(f"no run in {logdir}. Train one: python train.py. Or take the shipped one: --run {PRETRAINED}")
