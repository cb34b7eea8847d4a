"""What a reader of the numbers must not miss: images that trained a run or chose its epoch, and what cannot be told."""

from collections.abc import Iterator

import numpy as np

from fer_keras.data.faces import Faces
from fer_keras.evaluation.runs_to_evaluate import Candidate
from fer_keras.evaluation.seen import Seen
from fer_keras.runs import VALIDATION, RunConfig

FEW = 0.05  # share of a split's images that is too small to speak of: data sets repeat some


def mostly_trained_on(seen: list[Seen]) -> bool:
    """Tell whether most of the images trained one run or the other."""
    return bool(np.any([by.trained for by in seen], axis=0).mean() > 0.5)


def says_learned(seen: list[Seen], which: str) -> str:
    """Return what to say of images most of which were trained on. which: what they are, e.g. "images of PublicTest"."""
    images = np.any([by.trained for by in seen], axis=0)
    most = [by for by in seen if by.trained.mean() > 0.5]  # repeats that the data set itself has name nobody
    names = [by.candidate.name for by in most or seen if by.trained.any()]
    whose = f" by {', '.join(names)}" if len(names) < len(seen) else ""
    return (
        f"{int(images.sum()):,} of the {len(images):,} {which} were trained on{whose}, or held out of it: the "
        f"accuracy says how well they were learned, and nothing about new faces."
    )


def selected_on(seen: Seen, split: str) -> bool | None:
    """Tell whether the images chose the epoch of the run.

    None for a network of another epoch than the run has kept: history.csv tells which epochs are good on the images
    that validated it.
    """
    chose = seen.selected_on()
    return None if chose is False and split == VALIDATION and seen.candidate.other_epoch is not None else chose


def caveats(seen: list[Seen], whole: Faces, split: str, *, left_out: bool) -> list[str]:
    """Return what a reader of the numbers must not miss, a sentence each.

    seen: what each run has seen of the images. whole: their source. split: one of SPLITS or VALIDATION. left_out:
    whether the accuracy without leaks is without the images that chose an epoch.
    """
    learned = mostly_trained_on(seen)
    return [
        *([] if learned else _chose_an_epoch(seen, split, left_out=left_out)),
        *(_of_validation(seen) if split == VALIDATION else _of_another_epoch(seen, split)),
        *([says_learned(seen, f"images of {split}")] if learned else []),
        *_not_at_hand(seen, whole),
        *_drawn(seen, whole),
    ]


def of_photographs(images: int, *, learned: bool, chosen_for: list[str]) -> Iterator[str]:
    """Yield what to say of images whose photographs were seen in another form, most of them.

    images: how many there are. learned: whether they were trained on. chosen_for: the runs whose epoch they chose.
    """
    which = f"The photographs of most of these {images:,} images"
    if learned:
        yield f"{which} were trained on in another form: the accuracy says nothing of new ones."
    if chosen_for:
        yield (
            f"{which}, in another form, chose the epoch of {', '.join(chosen_for)}: the accuracy is a little too good "
            f"to be true."
        )


def _chose_an_epoch(seen: list[Seen], split: str, *, left_out: bool) -> Iterator[str]:
    chosen = [by.candidate for by in seen if selected_on(by, split) and not left_out]
    if chosen:
        whose = _these(seen) if len(chosen) == len(seen) else ", ".join(candidate.name for candidate in chosen)
        if all(candidate.config.settings.keep == "last" for candidate in chosen):
            whose = f"what {whose} started or learned from"
        yield f"{split} chose the epoch of {whose}: its accuracy is a little too good to be true."
    for by in seen:
        few = 0 if split in _validated_by(by.candidate.config) else FEW  # others are repeats of the data set's
        if by.candidate not in chosen and by.only_chose.mean() > few:
            number, of = int(by.only_chose.sum()), f"{len(by.chose):,} images of {split}"
            said = f"{number:,} of the {of} chose the epoch of {by.candidate.name}, or of what it comes from"
            too_good = "is a little too good to be true, that " if selected_on(by, split) else ""
            yield f"{said}: the accuracy {too_good}without leaks leaves them out." if left_out else f"{said}."


def _of_validation(seen: list[Seen]) -> Iterator[str]:
    others = any(by.candidate.other_epoch is not None for by in seen)
    if others and not any(selected_on(by, VALIDATION) for by in seen):
        yield "history.csv tells the accuracy of every epoch on these images: if it chose this one, it is too good."
    if any(_knows_judges(by.candidate.config) for by in seen):
        yield "Networks that had trained on some of these images chose what was left out of training."


def _of_another_epoch(seen: list[Seen], split: str) -> Iterator[str]:
    """Yield what to say of an epoch that is looked at on a test: what validates a run is there to choose by."""
    runs = [by.candidate for by in seen if by.candidate.other_epoch is not None]
    if split == "Training" or not runs or any(run.config.data["validation_split"] == split for run in runs):
        return
    held_out = all(run.split.holds_out for run in runs)
    instead = f"do so on --split {VALIDATION}" if held_out else "train with --val-fraction to have a part for that"
    yield f"Whoever takes the best of several epochs by {split} chooses it there: {instead}."


def _not_at_hand(seen: list[Seen], whole: Faces) -> Iterator[str]:
    if unknown := [by for by in seen if not by.known]:
        records = [by.candidate.config.data for by in unknown]
        places = sorted({record["source"] for record in records if record["sha256"] != whole.sha256})
        which = ", ".join(by.candidate.name for by in unknown) if len(unknown) < len(seen) else _these(seen)
        yield (
            f"What {which} trained on is not at hand, unchanged, at {', '.join(places)}: "
            f"which of these images were seen, in training or to choose the epoch, cannot be told."
        )
    for by in seen:
        if by.strangers and by.known:
            settings = by.candidate.config.settings
            began = [f"started from the weights of {', '.join(settings.init_from)}"] if settings.init_from else []
            taught = [f"learned from {', '.join(settings.teachers)}"] if settings.teachers else []
            yield (
                f"{by.candidate.name} {' and '.join([*began, *taught])}: what was trained and selected there counts "
                f"too, and cannot be told, its data not being at hand."
            )


def _drawn(seen: list[Seen], whole: Faces) -> Iterator[str]:
    if not whole.synthetic:
        yield from of_drawn_faces([by.candidate for by in seen])


def of_drawn_faces(candidates: list[Candidate]) -> Iterator[str]:
    """Yield what to say where one of the runs was trained on drawn faces, and is to judge others."""
    if any(candidate.config.data["synthetic"] for candidate in candidates):
        yield "Trained on drawn, synthetic faces: no network for real ones."


def _these(seen: list[Seen]) -> str:
    return "this run" if len(seen) == 1 else "these runs"


def _validated_by(config: RunConfig) -> set[str]:
    """Return the splits of its data that have validated a run, or one on the same data that it comes from."""
    return {config.data["validation_split"], *(ancestor.validation_split for ancestor in config.related)}


def _knows_judges(config: RunConfig) -> bool:
    """Tell whether what trained a run, or one that it comes from, was chosen by other networks (--drop-disputed)."""
    return "disputed" in config.data or any(ancestor.disputed for ancestor in config.related)
