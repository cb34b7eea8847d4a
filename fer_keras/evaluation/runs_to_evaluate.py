"""Which networks are evaluated: those of the runs that were named, or of the newest one that is finished."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fer_keras.config import read_json_object
from fer_keras.data.faces import Faces
from fer_keras.data.known_again import record_on
from fer_keras.errors import UserError
from fer_keras.provenance import SplitRecipe
from fer_keras.runs import Run, RunConfig, newest_finished, open_run, read_config, split_recipe, title_of
from fer_keras.same_network import refuse_same_network


@dataclass(frozen=True)
class Member:
    """One trained network. name: for tables; file: its .keras; epoch: when it was saved, None where not known."""

    name: str
    file: Path
    epoch: int | None
    equalize: bool


@dataclass(frozen=True)
class Candidate:
    """One run with the networks that vote for it: one, or those of all its members.

    split: of its images. other_epoch: of the networks, where it is not the one that the run has kept, else None.
    """

    run: Run
    config: RunConfig
    members: tuple[Member, ...]
    split: SplitRecipe
    other_epoch: int | None = None

    @property
    def name(self) -> str:
        return title_of(self.run)


def on_data(candidate: Candidate, faces: Faces) -> Candidate:
    """Return the candidate as if it had read the file of `faces`, where these hold all that it has learned from."""
    record = record_on(candidate.config.data, faces, drop_copies=candidate.split.drop_copies)
    config = replace(candidate.config, data=record)
    return replace(candidate, config=config, split=replace(candidate.split, sha256=record["sha256"]))


def members_of(candidates: list[Candidate]) -> tuple[Member, ...]:
    """Return the networks of all candidates, in order: the members of the ensemble that these make."""
    return tuple(member for candidate in candidates for member in candidate.members)


def judges_json(candidates: list[Candidate], tta: str, vote: str) -> dict[str, Any]:
    """Return what is recorded of who judges the images, and how. epoch: of the networks, None where they differ."""
    members = members_of(candidates)
    epochs = {member.epoch for member in members}
    return {
        "runs": [str(candidate.run.path) for candidate in candidates],
        "epoch": epochs.pop() if len(epochs) == 1 else None,
        "n_members": len(members),
        "tta": tta,
        "vote": vote,
    }


def refuse_two_votes(candidates: list[Candidate]) -> None:
    """Raise UserError if a network would vote twice: by itself, and as a member of its ensemble or of another one."""
    networks = [(member.name, member.file) for member in members_of(candidates)]
    refuse_same_network("--run", networks, "would vote twice")


def refuse_lone_votes(candidates: list[Candidate], *, apart: bool) -> None:
    """Raise UserError where no network votes with another one. apart: every candidate is evaluated for itself."""
    voters = max(len(one.members) for one in candidates) if apart else len(members_of(candidates))
    if voters < 2:
        received = "networks that --compare has vote alone" if apart else "one network"
        raise UserError(f"--vote hard: expected an ensemble, received {received}. Leave it out")


def find_candidates(names: tuple[str, ...], *, logdir: str, epoch: int | None) -> list[Candidate]:
    """Return the runs to evaluate, in the order named; the newest finished one for no names.

    epoch: take the models that `--save-every` kept of that epoch instead of the selected ones.

    Raises:
        UserError: for a run that is missing, unfinished, damaged or of another order of emotions, one named twice, or
            an epoch that was not kept (with those that were).
    """
    runs = [open_run(name, logdir) for name in names] or [newest_finished(logdir)]
    _refuse_twice(runs)
    return [_candidate(run, epoch) for run in runs]


def _refuse_twice(runs: list[Run]) -> None:
    places = [run.path.resolve() for run in runs]
    for run, place in zip(runs, places, strict=True):
        if places.count(place) > 1:
            raise UserError(f"--run: {run.path} is named twice. Name each run once")


def _candidate(run: Run, epoch: int | None) -> Candidate:
    config = read_config(run)
    size = config.settings.networks
    runs = run.networks(size)
    if epoch is None and not run.finished:
        raise _unfinished(run, runs)
    members = tuple(_member(one, config.settings.equalize, epoch) for one in runs)
    split = split_recipe(run, config)
    other = epoch is not None and {_best_epoch(one) for one in runs} != {epoch}
    return Candidate(run, config, members, split, epoch if other else None)


def _member(run: Run, equalize: bool, epoch: int | None) -> Member:
    name = title_of(run)
    if epoch is None:
        return Member(name, run.model_file, _best_epoch(run), equalize)
    kept = run.kept_epochs()
    if epoch not in kept:
        there = f"It has: {_listed(kept)}" if kept else "It kept none: train with --save-every N"
        raise UserError(f"--epoch: {run.path} kept no model of epoch {epoch}. {there}")
    return Member(name, run.epoch_file(epoch), epoch, equalize)


def _best_epoch(run: Run) -> int | None:
    """Return the epoch whose network a run has kept; None where it is not known."""
    best = read_json_object(run.result_file).get("best_epoch") if run.finished else None
    return best if isinstance(best, int) else None


def _listed(numbers: list[int], most: int = 12) -> str:
    words = [str(number) for number in numbers]
    return ", ".join(words if len(words) <= most else [*words[: most - 1], "...", words[-1]])


def _unfinished(run: Run, members: list[Run]) -> UserError:
    done = [member.quoted for member in members if member.finished and member != run]
    said = f"{run.path} was not trained to its end"
    if done:
        said += f" ({len(done)} of {len(members)} members were)"
    said += f". Go on with it: python train.py --resume {run.quoted}"
    if done:
        said += f"; or evaluate what there is: --run {' '.join(done)}"
    return UserError(said)
