"""What `python visualize.py` is asked for, checked before anything heavy is loaded."""

from dataclasses import dataclass

from fer_keras.config import MAX_SEED, flag
from fer_keras.errors import UserError, unknown_name
from fer_keras.explain.registry import EXPLAINERS
from fer_keras.explanations.methods import (
    ALL,
    DEFAULT_METHODS,
    DEFAULT_METHODS_OF_PHOTOS,
    METHODS,
    OF_ATTRIBUTIONS,
    OF_DATA,
    OF_PHOTOS,
    SEGMENTATIONS,
    STYLES,
)

_LEAST = {
    "epoch": 1,
    "per_class": 1,
    "filters": 1,
    "channels": 1,
    "seed": 0,
    "limit": 0,
    "lime_samples": 2,
    "lime_top_labels": 1,
}


@dataclass(frozen=True)
class Options:
    """The flags of visualize.py. Field `per_class` is the flag `--per-class`, and so on; None and () are: not given."""

    run: str | None = None
    epoch: int | None = None
    model: str | None = None
    data: str | None = None
    split: str | None = None
    photo: tuple[str, ...] = ()
    detect: bool = True
    layer: str | None = None
    method: tuple[str, ...] = ()
    per_class: int = 5
    filters: int = 10
    filter: tuple[int, ...] = ()
    channels: int = 5
    index: tuple[int, ...] = ()
    score: bool = False
    seed: int = 0
    limit: int = 0
    style: str = "robust"
    lime_samples: int = 500
    lime_segments: str = "slic"
    lime_top_labels: int = 1
    lime_positive_only: bool = False
    force: bool = False
    logdir: str = "logs"
    output: str | None = None

    def __post_init__(self) -> None:
        for name in self.method:
            if name not in (*METHODS, ALL):
                raise unknown_name("method", name, (*METHODS, ALL))
        if self.style not in STYLES:
            raise unknown_name("--style", self.style, STYLES)
        if self.lime_segments not in SEGMENTATIONS:
            raise unknown_name("--lime-segments", self.lime_segments, SEGMENTATIONS)
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UserError(f"{flag(name)}: expected a whole number of at least {least}, received {value}")
        if self.seed > MAX_SEED:
            raise UserError(f"--seed: expected a whole number of at most {MAX_SEED}, received {self.seed}")
        for name in ("filter", "index"):
            negative = [value for value in getattr(self, name) if value < 0]
            if negative:
                raise UserError(f"{flag(name)}: expected whole numbers of at least 0, received {negative[0]}")
        if self.model is not None:
            refused = [name for name in ("run", "epoch") if getattr(self, name) is not None]
            if refused:
                raise UserError(f"--model names a network by its file: expected no --{refused[0]}. Leave one out")
        self._check_photos()

    def _check_photos(self) -> None:
        """Refuse what does not go with photos, or only with them."""
        if not self.photo:
            if not self.detect:
                raise UserError("--no-detect is for photos: expected --photo PATH too")
            if "faces" in self.method:
                raise UserError("--method faces is for photos: expected --photo PATH too")
            return
        of_data = {"--data": self.data, "--split": self.split, "--limit": self.limit, "--score": self.score}
        given = [name for name, value in of_data.items() if value]
        if given:
            raise UserError(f"--photo: expected no {given[0]}, which is for labelled data. Leave one out")
        others = [name for name in self.method if name not in (*OF_PHOTOS, ALL)]
        if others:
            raise UserError(
                f"--photo: expected a method of photos, whose faces have no label ({', '.join(OF_PHOTOS)}), "
                f"received {others[0]}"
            )

    @property
    def methods(self) -> list[str]:
        """The methods to carry out, each once and in order; with "regions" or "scores" an attribution to measure."""
        named = self.method or (DEFAULT_METHODS_OF_PHOTOS if self.photo else DEFAULT_METHODS)
        every = OF_PHOTOS if self.photo else OF_DATA
        wanted = set(every) if ALL in named else {*named, *(["scores"] if self.score else [])}
        if wanted & set(OF_ATTRIBUTIONS) and not wanted & set(EXPLAINERS):
            wanted.add("saliency")
        return [name for name in METHODS if name in wanted]
