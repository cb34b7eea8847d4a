"""Where a network comes from, as config.json records it: the images that it saw, and the runs that came before it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_type_hints

from fer_keras.config import Settings

SEARCH = 4  # which search for photographs that stand in a data set again (`data.near_copies`): others find others


def copies_rule(holds_out: bool) -> int:
    """Return the number of the rule by which this version leaves copies out (`data.protocol`): others leave others out.

    holds_out: as in the run's settings. Where nothing is, the search alone decides.
    """
    return 5 if holds_out else SEARCH


@dataclass(frozen=True)
class SplitRecipe:
    """All that decides which images of a source train a network and which validate it (`data.protocol`).

    sha256: of the source. limit_seed: the seed by which `limit` chose among the images: that of the whole ensemble for
    one of its members. copies_by: by which rule `drop_copies` left images out, see `copies_rule`; 0: it left none out,
    or that was not recorded. The others: as in Settings. What has a default here older versions did not record.
    """

    sha256: str
    limit: int
    limit_seed: int
    equalize: bool
    drop_uniform: bool
    val_fraction: float
    seed: int
    folds: int = 0
    fold: int | None = None
    holds_out: bool = True
    drop_copies: bool = False
    copies_by: int = 0

    @classmethod
    def of(
        cls, settings: Settings, sha256: str, *, limit_seed: int | None = None, copies_by: int | None = None
    ) -> "SplitRecipe":
        """Return the recipe of a run with these settings on the source of that SHA-256."""
        names = [item.name for item in fields(cls) if item.name not in ("sha256", "limit_seed", "copies_by")]
        own = {name: getattr(settings, name) for name in names}
        rule = copies_rule(settings.holds_out) if copies_by is None else copies_by
        return cls(
            sha256=sha256,
            limit_seed=settings.seed if limit_seed is None else limit_seed,
            copies_by=rule if settings.drop_copies else 0,
            **own,
        )

    @property
    def by_another_rule(self) -> bool:
        """Whether `drop_copies` left images out by another rule than this version's: which, it cannot tell."""
        return self.drop_copies and self.copies_by != copies_rule(self.holds_out)

    @property
    def cross_validates(self) -> bool:
        """Whether it is the recipe of a run that trains a network for each fold, and not of one of them."""
        return bool(self.folds) and self.fold is None

    def each_fold(self) -> list["SplitRecipe"]:
        """Return the recipe of every network of a cross-validated run."""
        return [replace(self, fold=fold) for fold in range(self.folds)]


@dataclass(frozen=True)
class Ancestor:
    """A run that another one started from (--init-from) or learned from (--teachers), as the other's config.json tells.

    run: its name. split: of its images. validation_split, testable: as in its own config.json. source: "synthetic", or
    the path of its data; None: not recorded. keep: as in its settings. disputed: whether other networks chose what
    trained it. development_sha256: of its data, see `Faces`; "": not recorded. The defaults are what held for runs of
    before each was recorded.
    """

    run: str
    split: SplitRecipe
    validation_split: str
    testable: tuple[str, ...]
    source: str | None = None
    keep: str = "best"
    disputed: bool = False
    development_sha256: str = ""

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Ancestor":
        """Return what a config.json tells of one run. KeyError or TypeError where it is damaged."""
        split, testable = _checked(SplitRecipe(**values["split"])), tuple(map(str, values["testable"]))
        return _checked(cls(**{**values, "split": split, "testable": testable}))

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"testable": list(self.testable)}

    @property
    def selected(self) -> bool:
        """Whether held-out images have chosen its epoch."""
        return self.keep == "best" and bool(self.validation_split)


def ancestors_in(record: Mapping[str, Any]) -> list[Ancestor]:
    """Return the runs that config.json's "data" tells of, the oldest first. KeyError or TypeError for a damaged one."""
    return [Ancestor.from_json(values) for values in record.get("starts_from", [])]


def _checked(value):
    """Return `value`, a dataclass of plain fields. TypeError if one has another type than it should."""
    for name, kind in get_type_hints(type(value)).items():
        there = getattr(value, name)
        plain = getattr(kind, "__origin__", kind)  # tuple[str, ...] is checked as a tuple
        if not isinstance(there, plain) and not (kind is float and isinstance(there, int)):
            raise TypeError(f"{name}: expected {kind}, received {there!r}")
    return value
