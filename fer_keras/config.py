"""Settings of a training run: one frozen dataclass that feeds the command line, config.json and `--config`."""

import dataclasses
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from fer_keras.errors import UserError, near_miss, unknown_name
from fer_keras.models.catalog import ANY_SIZE, ARCHITECTURES, DEFAULT_ARCHITECTURE

AUGMENT_LEVELS = ("none", "light", "standard", "strong")
PROGRESSIVE = "progressive"  # as a strength of augmentation: standard in coarse epochs, strong after them
OPTIMIZERS = ("adam", "sgd", "adamw", "muon")
SCHEDULES = ("constant", "step", "cosine", "one-cycle", "plateau")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
CLASS_WEIGHTS = ("none", "balanced")
KEEP = ("best", "last")
TTA = {"none": 1, "flip": 2, "ten-crop": 10}  # kinds of test-time augmentation, and how many views each shows

# What each optimizer starts from when --learning-rate is not given (cosine schedule, batches of 64 to 128).
DEFAULT_LEARNING_RATE = {"adam": 1e-3, "sgd": 0.1, "adamw": 1e-3, "muon": 0.1}
SMALLEST_MIXUP = 0.01  # below it both gamma variates that a share is made of are often too small for any float
TEACHER_WEIGHT = 0.7  # of the targets, where --teachers are given
PRETRAINED = "pretrained"  # as a run's name: the one that is shipped with the package
MAX_SEED = 2**32 - 1  # NumPy's
# The settings that have a part in a run of no epochs: its start, and the images that it is calibrated and measured on.
WITHOUT_EPOCHS = {
    *("data", "arch", "epochs", "init_from", "keep", "val_fraction", "folds", "fold"),
    *("drop_uniform", "drop_copies", "equalize", "limit", "seed", "precision"),
}
_LARGEST = 2**32  # no setting takes a larger whole number
MANY = 10_000  # training images from which on the recipe of configs/quick.json is the better one: see training.defaults
LONG = 34  # epochs from which on vgg25 learns many of them by heart, unless augmentation is strong


def _setting(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] = (),
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    many: Any = None,
) -> Any:
    """Return a field. many: what the default gives way to where a network learns from scratch from MANY faces."""
    bounds = {"at_least": at_least, "above": above, "below": below, "at_most": at_most}
    return field(default=default, metadata={"help": help, "choices": choices, **bounds, "many": many})


@dataclass(frozen=True)
class Settings:
    """Everything that decides how a run is trained. Field `val_fraction` is the flag `--val-fraction`, and so on."""

    data: str = _setting("auto", "auto, synthetic, a CSV, or a folder with one folder an emotion")
    arch: str = _setting(DEFAULT_ARCHITECTURE, "the network", choices=tuple(ARCHITECTURES))
    epochs: int = _setting(50, "epochs of training; 0, with --init-from: keep the network that it gives", at_least=0)
    fine_tune_epochs: int = _setting(0, "epochs of fine-tuning from the epoch that was kept", at_least=0)
    batch_size: int = _setting(64, "images a step", at_least=1, many=128)
    optimizer: str = _setting(
        "adam", "sgd has Nesterov momentum 0.9; muon is sgd with orthogonal steps", choices=OPTIMIZERS, many="muon"
    )
    learning_rate: float | None = _setting(
        None, "peak learning rate (default: by optimizer); without --optimizer the optimizer is adam then", above=0
    )
    schedule: str = _setting("cosine", "course of the learning rate", choices=SCHEDULES)
    warmup_epochs: float = _setting(
        1.0, "epochs of linear warm-up of the learning rate, at most half of all", at_least=0
    )
    weight_decay: float = _setting(
        0.0, "decoupled weight decay of kernels; with adamw 0.004, with adam 0", at_least=0, many=0.005
    )
    label_smoothing: float = _setting(0.0, "share of the label spread over all emotions", at_least=0, below=1, many=0.1)
    dropout: float | None = _setting(None, "rate of dropout (default: by network)", at_least=0, below=1)
    augment: str = _setting(
        "standard",
        f"strength of augmentation; {PROGRESSIVE} is standard in coarse epochs, strong after them: the default of "
        f"{DEFAULT_ARCHITECTURE} from {LONG} epochs and {MANY:,} training images on",
        choices=(*AUGMENT_LEVELS, PROGRESSIVE),
    )
    mixup: float = _setting(0.0, "mix pairs of images, shares drawn from Beta(X, X) (0: do not)", at_least=0)
    coarse_epochs: int = _setting(
        0,
        f"take so many of the first epochs at 32x32 pixels, at about half the cost; 3 in 5 from {MANY:,} training "
        f"images on, where the network takes them",
        at_least=0,
    )
    class_weight: str = _setting("none", "balanced: rare emotions count more", choices=CLASS_WEIGHTS)
    clip_norm: float = _setting(0.0, "clip the gradient's global norm (0: do not)", at_least=0)
    fine_tune_optimizer: str = _setting("sgd", "optimizer of the fine-tuning phase", choices=OPTIMIZERS)
    fine_tune_learning_rate: float = _setting(1e-4, "learning rate of the fine-tuning phase", above=0)
    keep: str = _setting(
        "best",
        "which epoch's network to keep: the best on the validation images, or the last, whatever they say; last "
        "without --val-fraction or --folds holds nothing out: all of Training trains",
        choices=KEEP,
    )
    early_stop: int = _setting(12, "stop after so many epochs without a better one (0: never)", at_least=0, many=0)
    rollback: bool = _setting(False, "after an epoch that lowers validation accuracy go back to the best weights")
    save_every: int = _setting(0, "keep the model of every N-th epoch too (0: do not)", at_least=0)
    val_fraction: float = _setting(
        0.0,
        "validate on this stratified share of Training, not on PublicTest (0: 0.1 of it where there is no PublicTest)",
        at_least=0,
        below=1,
    )
    drop_uniform: bool = _setting(
        False, "leave out images of Training with one value in more than half of their pixels, before it is split"
    )
    drop_copies: bool = _setting(
        False,
        "leave out images of Training whose photograph stands in another split too, or in the part held out of "
        "Training, cut, scaled or mirrored: what is tested on is new then, but to what "
        "--init-from and --teachers have seen (with --limit: what that leaves)",
    )
    equalize: bool = _setting(False, "equalise the histogram of every image")
    limit: int = _setting(0, "use only so many images of each split (0: all)", at_least=0)
    seed: int = _setting(0, "seed of weights, split, shuffling, augmentation and dropout", at_least=0, at_most=MAX_SEED)
    precision: str = _setting(
        "auto",
        "arithmetic; weights stay float32. auto: bfloat16 where the hardware has it, else float16 "
        "on a GPU, float32 on a CPU",
        choices=PRECISIONS,
    )
    members: int = _setting(
        1,
        "train so many networks, each by its own seed; each holds its own tenth of Training out (another share: "
        "--val-fraction; with 0 of it PublicTest validates all, where there is one), with --keep last alone nothing",
        at_least=1,
    )
    folds: int = _setting(
        0, "cross-validate: train so many networks, each validated on another part of Training", at_least=0
    )
    fold: int | None = _setting(None, "with --folds: train the network of this part alone (0, 1, ...)", at_least=0)
    init_from: tuple[str, ...] = _setting(
        (), "start from the weights of this run, or from the mean of those of several that share a start"
    )
    teachers: tuple[str, ...] = _setting(
        (), "learn from the predictions of these runs too, from their mean, by default without label smoothing"
    )
    teacher_weight: float = _setting(
        TEACHER_WEIGHT, "with --teachers: their share of the targets; the labels have the rest", above=0, at_most=1
    )
    drop_disputed: str | None = _setting(
        None, "leave out training images whose label the networks of this cross-validated run dispute"
    )

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            _check(item, getattr(self, item.name))
        for name in ("init_from", "drop_disputed", "teachers"):
            value = getattr(self, name)
            runs = value if isinstance(value, tuple) else (value,)
            if any(run is not None and not run.strip() for run in runs):
                raise UserError(f"{flag(name)}: expected a run's folder, received an empty name")
        self._check_epochs()
        if 0 < self.mixup < SMALLEST_MIXUP:
            raise UserError(f"--mixup: expected 0, or a number of at least {SMALLEST_MIXUP}, received {self.mixup}")
        if self.coarse_epochs and self.arch not in ANY_SIZE:
            raise UserError(
                f"--coarse-epochs: {self.arch} takes 48x48 images alone. Expected 0, or --arch {', '.join(ANY_SIZE)}"
            )
        if self.coarse_epochs > self.epochs:
            raise UserError(
                f"--coarse-epochs: expected at most the {self.epochs} of --epochs, received {self.coarse_epochs}"
            )

        if self.teacher_weight != TEACHER_WEIGHT and not self.teachers:
            raise UserError("--teacher-weight is the share of what --teachers say: expected --teachers too")
        if self.seed + self.members - 1 > MAX_SEED:
            raise UserError(f"--seed: member {self.members} would have a seed above {MAX_SEED}. Choose a lower one")
        self._check_folds()
        self._check_keep()

    def _check_epochs(self) -> None:
        if self.epochs:
            return
        if not self.init_from:
            raise UserError("--epochs: expected a whole number of at least 1, or --init-from too, received 0")
        asked = {"--teachers": self.teachers, "--fine-tune-epochs": self.fine_tune_epochs}
        asked |= {
            "--drop-disputed": self.drop_disputed,
            "--members": self.members > 1,
            "--folds without --fold": self.networks > 1,
        }
        if refused := [name for name, value in asked.items() if value]:
            raise UserError(f"--epochs 0 trains nothing: expected no {refused[0]}")

    def _check_folds(self) -> None:
        if self.fold is not None and not self.folds:
            raise UserError("--fold says which part of --folds validates: expected --folds too")
        if not self.folds:
            return
        if self.folds == 1:
            raise UserError("--folds: expected 2 or more (0: no cross-validation), received 1")
        if self.fold is not None and self.fold >= self.folds:
            raise UserError(f"--fold: expected 0 to {self.folds - 1} with --folds {self.folds}, received {self.fold}")
        if self.members > 1:
            raise UserError("--folds trains a network for each part: expected no --members (or 1)")
        if self.val_fraction:
            raise UserError("--folds validates on a part for each network: expected no --val-fraction (or 0)")

    def _check_keep(self) -> None:
        if self.keep == "last" and self.rollback:
            raise UserError("--keep last lets no validation image decide: expected no --rollback")
        if self.keep == "last" and self.schedule == "plateau":
            raise UserError("--keep last lets no validation image decide: expected another --schedule than plateau")

    @property
    def holds_out(self) -> bool:
        """Whether images are held out of training to validate on."""
        return self.keep == "best" or bool(self.val_fraction) or bool(self.folds)

    @property
    def networks(self) -> int:
        """How many networks the run trains: the members of an ensemble, or one for each fold."""
        return self.folds if self.folds and self.fold is None else self.members

    @property
    def peak_learning_rate(self) -> float:
        return DEFAULT_LEARNING_RATE[self.optimizer] if self.learning_rate is None else self.learning_rate

    @property
    def total_epochs(self) -> int:
        return self.epochs + self.fine_tune_epochs

    @property
    def idle(self) -> frozenset[str]:
        """The names of the fields that have no part in a run with these settings."""
        idle = set()
        if not self.fine_tune_epochs:
            idle |= {"fine_tune_optimizer", "fine_tune_learning_rate"}
        if self.schedule == "one-cycle":
            idle.add("warmup_epochs")
        if not self.epochs:
            idle |= {item.name for item in dataclasses.fields(self)} - WITHOUT_EPOCHS
        return frozenset(idle)

    def each_member(self) -> list["Settings"]:
        """Return the settings of each network of the run: its own validation part, by its fold or by its own seed."""
        if self.folds and self.fold is None:
            return [dataclasses.replace(self, fold=fold) for fold in range(self.folds)]
        seeds = range(self.seed, self.seed + self.members)
        return [dataclasses.replace(self, members=1, seed=seed) for seed in seeds]

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any], source: str | None) -> "Settings":
        """Return the settings of a JSON object. UserError for unknown keys, wrong types and values out of range.

        source: the file to name in errors; None where there is none, but flags alone.
        """
        _refuse_unknown(values, source)
        lists = [item.name for item in dataclasses.fields(cls) if value_type(item) is tuple]
        given = {name: tuple(values[name]) for name in lists if isinstance(values.get(name), list)}
        try:
            return cls(**values | given | {"init_from": starts_in(values)})
        except UserError as error:
            raise (UserError(f"{source}: {error}") if source else error) from None


def starts_in(values: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the runs whose weights are the start, in the settings of a recipe or a config.json.

    One name may stand by itself, and null for none: once a run could start from one other alone. UserError for
    anything else than a list.
    """
    named = values.get("init_from")
    if named is None or isinstance(named, str):
        return () if named is None else (named,)
    if not isinstance(named, list | tuple):
        raise UserError(f"--init-from: expected {_NAMES[tuple]}, received {named!r}")
    return tuple(named)


def check_each(values: dict[str, Any], source: str) -> None:
    """Raise UserError for unknown keys and for values of the wrong type or out of range, each judged by itself."""
    _refuse_unknown(values, source)
    fields = {item.name: item for item in dataclasses.fields(Settings)}
    for name, value in values.items():
        try:
            plain = tuple(value) if isinstance(value, list) else value
            _check(fields[name], starts_in(values) if name == "init_from" else plain)
        except UserError as error:
            raise UserError(f"{source}: {error}") from None


def _refuse_unknown(values: dict[str, Any], source: str | None) -> None:
    known = [item.name for item in dataclasses.fields(Settings)]
    for key in values:
        if key not in known:
            raise UserError(f"{source}: {unknown_name('key', key, known)}")


def flag(name: str) -> str:
    """Return the command-line flag of a setting: val_fraction -> --val-fraction."""
    return "--" + name.replace("_", "-")


def value_type(item: dataclasses.Field) -> type:
    """Return the plain type of a field, without the `| None`; tuple for names."""
    if get_origin(item.type) is tuple:
        return tuple
    if isinstance(item.type, UnionType):
        return next(kind for kind in get_args(item.type) if kind is not type(None))
    return item.type


def _check(item: dataclasses.Field, value: Any) -> None:
    kind, limits = value_type(item), item.metadata
    if value is None and isinstance(item.type, UnionType):
        return
    allowed = (int, float) if kind is float else (kind,)
    if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
        raise UserError(f"{flag(item.name)}: expected {_NAMES[kind]}, received {value!r}")
    if kind is tuple and not all(isinstance(text, str) for text in value):
        raise UserError(f"{flag(item.name)}: expected {_NAMES[kind]}, received {list(value)!r}")
    if limits["choices"] and value not in limits["choices"]:
        one_of = ", ".join(limits["choices"])
        hint = near_miss(value, limits["choices"])
        raise UserError(f"{flag(item.name)}: no '{value}'.{hint} Expected one of: {one_of}")
    if kind in (int, float):
        bounds = {"at_least": "of at least", "above": "above", "below": "below", "at_most": "at most"}
        wanted = " and ".join(
            f"{word} {_plain(limits[key])}" for key, word in bounds.items() if limits[key] is not None
        )
        if isinstance(value, int) and abs(value) > _LARGEST:  # so large that Python may refuse to print it
            largest = _plain(limits["at_most"] or _LARGEST)
            raise UserError(f"{flag(item.name)}: expected {_NAMES[kind]} of at most {largest}, received a larger one")
        inside = (
            math.isfinite(value)
            and (limits["at_least"] is None or value >= limits["at_least"])
            and (limits["above"] is None or value > limits["above"])
            and (limits["below"] is None or value < limits["below"])
            and (limits["at_most"] is None or value <= limits["at_most"])
        )
        if not inside:
            raise UserError(f"{flag(item.name)}: expected {_NAMES[kind]} {wanted}, received {value}")


def _plain(number: float) -> str:
    return f"{number}" if isinstance(number, int) else f"{number:g}"


_NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", tuple: "a list of texts"}


def read_json_object(path: Path | str) -> dict[str, Any]:
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"no file {path}. Expected a JSON file") from None
    except IsADirectoryError:
        raise UserError(f"{path}: expected a JSON file, received a folder") from None
    except (ValueError, RecursionError) as error:  # of the syntax, of numbers and of brackets beyond Python's limits
        raise UserError(f"{path}: expected JSON, received something else: {error}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected a JSON object, received {type(values).__name__}")
    return values


def check_run_name(name: str) -> str:
    """Return `name` if it can be part of a folder's name, else raise UserError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise UserError(f"--name: expected up to 64 letters, digits, '.', '_' or '-', received '{name}'")
    if name == PRETRAINED:
        raise UserError(f"--name: '{PRETRAINED}' is the shipped run. Choose another word")
    return name
