"""What a run inherits of those it starts from (`--init-from`) or learns from (`--teachers`): the images they have seen.

A network that starts from weights which were fitted to its validation images, or learns the predictions of such a
network, finds its epochs better than they are, and a split that chose the epoch of the first run is no test of the
second. Both are told by the images' places in their source where both runs read the same file. In other files the same
images are found by their pixels, as far as these files are at hand; where not, evaluate.py says so.
"""

from dataclasses import replace

from fer_keras.config import Settings, flag
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import at_hand, load_faces
from fer_keras.data.protocol import indices
from fer_keras.data.select import stand_among
from fer_keras.errors import UserError
from fer_keras.provenance import Ancestor, SplitRecipe, ancestors_in
from fer_keras.runs import ensemble_of, open_run, read_config, split_recipe


def ancestors(settings: Settings, logdir: str) -> list[Ancestor]:
    """Return what is known of the runs that a run with these settings starts from or learns from, the oldest first.

    None without --init-from and --teachers.
    """
    parents = [*settings.init_from, *settings.teachers]
    found = [ancestor for parent in parents for ancestor in _with_ancestors(parent, logdir)]
    once: dict[Ancestor, Ancestor] = {}  # the one that tells most of each: older versions recorded less
    for ancestor in found:  # two runs may have one name, in two folders
        which = replace(ancestor, source=None, development_sha256="")
        if which not in once or once[which].source is None:
            once[which] = ancestor
    return list(once.values())


def _with_ancestors(path: str, logdir: str) -> list[Ancestor]:
    run = open_run(path, logdir)
    config, ensemble = read_config(run), ensemble_of(run)
    record = config.data
    parent = Ancestor(
        run=run.path.name if ensemble is None else f"{ensemble.path.name}/members/{run.path.name}",
        split=split_recipe(run, config),
        validation_split=record["validation_split"],
        testable=tuple(record["testable"]),
        source=config.source,
        keep=config.settings.keep,
        disputed="disputed" in record,
        development_sha256=record.get("development_sha256", ""),
    )
    # Without a record it starts from nothing, or was trained before this was recorded.
    before = ancestors_in(record) if "starts_from" in record else ancestors(config.settings, logdir)
    return [*before, parent]


def still_testable(testable: tuple[str, ...], lineage: list[Ancestor], sha256: str) -> tuple[str, ...]:
    """Return those of `testable` that no ancestor was trained or selected on, as far as it read the same data."""
    related = [ancestor for ancestor in lineage if ancestor.split.sha256 == sha256]
    return tuple(split for split in testable if all(split in ancestor.testable for ancestor in related))


def may_know_copies(settings: Settings, sha256: str, lineage: list[Ancestor]) -> list[str]:
    """Return the names of the ancestors that may have trained on what `--drop-copies` leaves out here, in their order.

    They have not where they left out the copies of the same images. sha256: of the run's own data.
    """

    def without_copies_of(split: SplitRecipe) -> tuple:
        limited = (split.limit, split.limit_seed) if split.limit else None
        return split.drop_copies and not split.by_another_rule, split.sha256, limited

    own = without_copies_of(SplitRecipe.of(settings, sha256))
    knowing = [ancestor.run for ancestor in lineage if without_copies_of(ancestor.split) != own]
    return list(dict.fromkeys(knowing)) if settings.drop_copies else []


def refuse_seen_validation(settings: Settings, lineage: list[Ancestor], source: Faces) -> None:
    """Raise UserError if an ancestor was fitted to images that would validate the new run or a member of it.

    source: what the run reads; only its name and its SHA-256 are looked at, for it may be limited and equalised.
    """
    if not lineage:
        return
    whole = load_faces("synthetic", limit=settings.limit) if source.synthetic else load_faces(source.source)
    _refuse_seen_elsewhere(settings, [run for run in lineage if run.split.sha256 != source.sha256], whole)
    related = [ancestor for ancestor in lineage if ancestor.split.sha256 == source.sha256]
    trained_on = [(ancestor, _places(ancestor.split, whole)[0]) for ancestor in related]
    for own in settings.each_member():
        _, selecting = _places(SplitRecipe.of(own, source.sha256, limit_seed=settings.seed), whole)
        for ancestor, training in trained_on:
            if seen := len(selecting & training):
                raise UserError(
                    f"{_asked(settings)}: {seen:,} of the {len(selecting):,} images that would validate it have "
                    f"trained {ancestor.run}, and would find it better than it is. "
                    f"{_way_out(settings, ancestor, trained_on, whole)}"
                )


def _refuse_seen_elsewhere(settings: Settings, others: list[Ancestor], whole: Faces) -> None:
    """Raise UserError if most of the images that would validate the run trained an ancestor that read another file.

    Most, for data sets repeat images; fewer are told by evaluate.py. Files that are not at hand are passed over.
    """
    if not others:
        return
    own = [SplitRecipe.of(member, whole.sha256, limit_seed=settings.seed) for member in settings.each_member()]
    validating = [whole.images[indices(recipe, whole)[1]] for recipe in own]
    for ancestor in others:
        data = at_hand(ancestor.source, ancestor.split.sha256, limit=ancestor.split.limit)
        if data is None:
            continue
        training, _ = indices(ancestor.split, data)
        for images in validating:
            seen = stand_among(images, data.images[training])
            if len(seen) and seen.mean() > 0.5:
                raise UserError(
                    f"{_asked(settings)}: {int(seen.sum()):,} of the {len(seen):,} images that would validate it have "
                    f"trained {ancestor.run}, in {data.source}, and would find it better than it is. Train on "
                    f"{data.source} too, or hold nothing out: --keep last alone"
                )


def _asked(settings: Settings) -> str:
    return ", ".join(flag(name) for name in ("init_from", "teachers") if getattr(settings, name))


def _places(recipe: SplitRecipe, whole: Faces) -> tuple[set[int], set[int]]:
    training, validation = indices(recipe, whole)
    return set(training.tolist()), set(validation.tolist())


def _way_out(settings: Settings, ancestor: Ancestor, trained_on: list[tuple[Ancestor, set[int]]], whole: Faces) -> str:
    """Return how to validate as the ancestor did: the flags to give, and those to leave out."""
    _, selecting = _places(ancestor.split, whole)
    for other, training in trained_on:
        if selecting & training:
            return f"What validated it has trained {other.run}: start and learn from runs of one validation part"
    split = ancestor.split
    if split.by_another_rule and ancestor.validation_split == "Training":
        return "What it held out is not known any more (--drop-copies by an earlier version). Take another run"
    if settings.networks > 1 and split.holds_out:
        given = "--folds" if settings.folds else "--members"
        return f"Leave out {given}: each member validates on another part"
    if split.limit and split.limit_seed != split.seed:
        return "No flags validate as it did, being a member of an ensemble on limited images. Take another run"
    theirs = _flags(split, by_part=ancestor.validation_split == "Training")
    ours = _flags(SplitRecipe.of(settings, split.sha256), by_part=True)
    without = [name for name in ours if name not in (*theirs, "--seed")]
    if "--keep" in theirs and settings.rollback:
        without.append("--rollback")
    if "--keep" in theirs and settings.schedule == "plateau":
        without.append("--schedule plateau")
    said = f"Validate as it did: {' '.join(f'{name} {value}'.strip() for name, value in theirs.items())}".rstrip(": ")
    return said + (f", without {' '.join(without)}" if without else "")


def _flags(split: SplitRecipe, *, by_part: bool) -> dict[str, str]:
    """Return the flags, with their values, that choose the validation images. by_part: a part of Training does."""
    flags = {}
    if split.folds:
        flags |= {"--folds": f"{split.folds}", "--fold": f"{split.fold}"}
    elif split.val_fraction:
        flags["--val-fraction"] = f"{split.val_fraction!r}"
    elif not split.holds_out:
        flags["--keep"] = "last"
    if by_part or split.limit:
        flags["--seed"] = f"{split.seed}"
    if split.limit:
        flags["--limit"] = f"{split.limit}"
    return flags | {flag(name): "" for name in ("drop_uniform", "drop_copies", "equalize") if getattr(split, name)}
