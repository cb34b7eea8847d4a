"""A whole training job: read the faces, make the run, train its network or its members, leave a result."""

import dataclasses
import time
from collections.abc import Collection
from dataclasses import dataclass

import keras
import numpy as np

from fer_keras.config import Settings, read_json_object
from fer_keras.console import duration, say
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import load_faces
from fer_keras.errors import UserError
from fer_keras.files import writable, write_json
from fer_keras.provenance import ancestors_in
from fer_keras.runs import (
    Run,
    RunConfig,
    create_run,
    ensemble_of,
    limit_seed,
    name_of,
    open_run,
    read_config,
    write_config,
)
from fer_keras.training.checkpoint import read_progress
from fer_keras.training.clean import refuse_other_judgements
from fer_keras.training.console import EpochBar, EpochLines
from fer_keras.training.defaults import in_force
from fer_keras.training.device import Device, device_errors, find_device, says_out_of_memory
from fer_keras.training.environment import environment
from fer_keras.training.figures import draw_before, draw_history
from fer_keras.training.going_on import (
    home_of,
    precision_of,
    refuse_other_images,
    refuse_without_files,
    remove_half_written,
)
from fer_keras.training.lineage import refuse_seen_validation
from fer_keras.training.lock import only_here
from fer_keras.training.loop import make_deterministic, train
from fer_keras.training.progress import Progress
from fer_keras.training.split import Split, choose_split
from fer_keras.training.start import refuse_unfit_start, starting_network, with_starting_data, with_starting_network
from fer_keras.training.summary import conclude, introduce
from fer_keras.training.teachers import find_teachers, targets_of

ENSEMBLE_VAL_FRACTION = 0.1  # members validate on parts of Training of their own unless told otherwise


@dataclass(frozen=True)
class _Job:
    """A run, and what its training needs beside the images. go_on: what to type where it is stopped."""

    run: Run
    settings: Settings
    device: Device
    logdir: str
    command: list[str]
    go_on: str


def start(
    settings: Settings,
    *,
    logdir: str,
    name: str | None,
    command: list[str],
    given: Collection[str] = (),
    go_on: str | None = None,
) -> Run:
    """Train a new run and return it. UserError before anything is written if data or settings are no good.

    given: names of the settings that were asked for; the others may give way to the recipe for many faces, and the
    network to that of the run whose weights it starts from. go_on: what to type where the run is stopped, if that is
    more than to resume it.
    """
    writable(logdir, "--logdir")
    settings = before_the_data(settings, given, logdir)
    started = time.monotonic()
    faces = load_faces(settings.data, equalize=settings.equalize, limit=settings.limit, seed=settings.seed)
    read_in = time.monotonic() - started
    split = choose_split(faces, settings, logdir)
    settings = with_names(in_force(settings, given, len(split.training)), logdir)
    device = find_device(settings.precision)
    _refuse_uneven_batches(settings, device)
    refuse_unfit_start(settings, logdir)  # before a run is made
    find_teachers(settings, logdir)
    refuse_seen_validation(settings, ancestors_in(split.record), faces)
    run = create_run(logdir, settings.arch, name)
    write_config(run, RunConfig(settings, split.record))
    with only_here(run):
        introduce(run, settings, split, device, read_in)
        return _train_all(_Job(run, settings, device, logdir, command, go_on or _resuming(run)), faces, split)


def resume(path: str, *, logdir: str, data: str | None, command: list[str], go_on: str | None = None) -> Run:
    """Go on with a run that was stopped. go_on: as in `start`.

    Raises:
        UserError: there is nothing left to do, another process is at it, or the data are others now.
    """
    run = open_run(path, logdir)
    with only_here(ensemble_of(run) or run):  # a member is trained by whoever trains its ensemble
        return _resume(run, home_of(run, logdir), data, command, go_on)


def _resume(run: Run, logdir: str, data: str | None, command: list[str], go_on: str | None) -> Run:
    config = read_config(run)
    settings = config.settings
    if run.finished:
        raise UserError(f"{run.path} is finished, nothing to resume. See: python evaluate.py --run {run.quoted}")
    seed = limit_seed(run, config)
    faces = load_faces(data or config.source, equalize=settings.equalize, limit=settings.limit, seed=seed)
    if faces.sha256 != config.data["sha256"]:
        raise UserError(
            f"{faces.source}: expected the data that the run began with (SHA-256 {config.data['sha256'][:12]}...), "
            f"received other data ({faces.sha256[:12]}...). Give the right ones with --data, or train anew"
        )
    split = choose_split(faces, settings, logdir, lineage=config.ancestors)
    refuse_other_judgements(config.data, split.record)
    refuse_other_images(run, config, split)
    refuse_without_files(run, settings)
    remove_half_written(run, settings)
    device = find_device(precision_of(run, settings))
    _refuse_uneven_batches(settings, device)
    introduce(run, settings, split, device, None)
    return _train_all(_Job(run, settings, device, logdir, command, go_on or _resuming(run)), faces, split)


def _resuming(run: Run) -> str:
    return f"python train.py --resume {run.quoted}"


def _refuse_uneven_batches(settings: Settings, device: Device) -> None:
    if settings.batch_size % device.parts:
        raise UserError(
            f"--batch-size: expected a multiple of {device.parts}, the GPUs that JAX deals each batch to, received "
            f"{settings.batch_size}. Take {-(-settings.batch_size // device.parts) * device.parts}"
        )


def before_the_data(settings: Settings, given: Collection[str], logdir: str) -> Settings:
    """Return the settings with what does not depend on the data: its start's network and data, the members' part."""
    settings = with_starting_data(with_starting_network(settings, given, logdir), given, logdir)
    chosen = "val_fraction" in given  # also a 0: the data's own split validates all of them, as it was asked for
    if settings.members > 1 and not settings.val_fraction and not chosen and settings.keep == "best":
        settings = dataclasses.replace(settings, val_fraction=ENSEMBLE_VAL_FRACTION)
    if not settings.epochs:  # one network, and nothing to choose
        settings = dataclasses.replace(settings, keep="last")
    return settings


def as_recorded(settings: Settings, given: Collection[str], images: int, logdir: str) -> Settings:
    """Return the settings as config.json has them after `start` with the same ones. images: of training."""
    return with_names(in_force(before_the_data(settings, given, logdir), given, images), logdir)


def with_names(settings: Settings, logdir: str) -> Settings:
    """Return the settings with the names of the folders of all runs in them: a word may mean another run later."""
    judges = settings.drop_disputed
    return dataclasses.replace(
        settings,
        init_from=tuple(name_of(start, logdir) for start in settings.init_from),
        teachers=tuple(name_of(teacher, logdir) for teacher in settings.teachers),
        drop_disputed=None if judges is None else name_of(judges, logdir),
    )


def _train_all(job: _Job, faces: Faces, split: Split) -> Run:
    """Train the run's network, or every member that is not finished yet, and write result.json last."""
    run, settings = job.run, job.settings
    started = time.monotonic()
    goes_on = any(one.checkpoint_file.is_file() for one in run.networks(settings.networks))
    _record_environment(job)
    make_deterministic()
    try:
        if settings.networks == 1:
            _train_one(job, split)
        else:
            _train_members(job, faces, split.record)
    except (KeyboardInterrupt, OSError):
        if not run.path.is_dir():
            raise UserError(
                f"{run.path} is gone: was it moved? It is kept as of its last whole epoch. Go on with it where it is: "
                f"python train.py --resume PLACE"
            ) from None
        checkpoints = [one.checkpoint_file for one in run.networks(settings.networks)]
        kept = " before its first epoch" if settings.epochs else ""
        kept = " as of its last whole epoch" if any(file.is_file() for file in checkpoints) else kept
        say(f"\nThe run is kept{kept}. To go on:\n  {job.go_on}")
        raise
    took, result = duration(time.monotonic() - started), read_result(run)
    in_all = f"; all its epochs took {duration(result['seconds'])}" if goes_on else ""
    say(f"\n{'trained' if settings.epochs else 'made'} in {took}{in_all}")
    conclude(run, result)
    return run


def _record_environment(job: _Job) -> None:
    """Write environment.json, unless the run has that of its beginning."""
    if not job.run.environment_file.is_file():
        write_json(job.run.environment_file, environment(job.device, job.settings.seed, job.command))


def _train_members(job: _Job, faces: Faces, record: dict) -> None:
    """Train the members that are not finished. record: of the whole run's split; what it inherits, they inherit."""
    run, results = job.run, []
    for index, own in enumerate(job.settings.each_member()):
        member = run.member(index)
        if not member.finished:
            split = choose_split(faces, own, job.logdir, lineage=ancestors_in(record))
            refuse_other_judgements(record, split.record)
            say(f"\nmember {index + 1} of {job.settings.networks}, seed {own.seed}: {split.record['rule']}")
            limited = {"limit_seed": job.settings.seed} if own.limit else {}
            write_config(member, RunConfig(own, split.record | limited))
            of_member = dataclasses.replace(job, run=member, settings=own)
            _record_environment(of_member)
            same_images = index and not own.holds_out
            _train_one(of_member, split, elder=run.member(0) if same_images else None)
            keras.utils.clear_session()
        results.append(read_result(member))
    accuracies = [result["val_accuracy"] for result in results]
    write_json(
        run.result_file,
        {
            "members": results,
            "val_accuracy": None if None in accuracies else float(np.mean(accuracies)),
            "seconds": sum(result["seconds"] for result in results),
        },
    )


def _train_one(job: _Job, split: Split, elder: Run | None = None) -> None:
    """Train one network. elder: another member of its ensemble, which trained on the same images."""
    run, settings = job.run, job.settings
    begun = run.checkpoint_file.is_file()
    if not begun:
        draw_before(run, settings, split)
    initial_weights = None if begun else starting_network(settings, split.training, job.logdir)
    targets = targets_of(run, settings, split.training, job.logdir, job.device.precision, elder)
    lines = EpochLines(settings, read_progress(run.checkpoint_file) if begun else None)  # whose clock runs from here
    try:
        progress = train(
            run,
            settings,
            split.training,
            split.validation,
            job.device,
            initial_weights=initial_weights,
            targets=targets,
            watch=[EpochBar(lines)],
            report=lines,
        )
    except device_errors() as error:
        if not says_out_of_memory(error):
            raise
        raise UserError(
            f"--batch-size: {settings.batch_size} images at a time are more than the memory holds. Take fewer, or a "
            f"smaller network"
        ) from error
    draw_history(run, settings, progress, split.record)
    write_json(run.result_file, _result(progress, len(split.training), len(split.validation)))


def _result(progress: Progress, images: int, held_out: int) -> dict:
    """Return what result.json says. best_epoch: whose network was kept, 0: that of the start; val_...: null where
    nothing is held out; images_per_second: null where nothing was trained."""
    seconds = sum(row.seconds for row in progress.rows)
    return {
        "best_epoch": progress.best_epoch,
        "val_accuracy": progress.best_accuracy if held_out else None,
        "val_loss": progress.best_loss if held_out else None,
        "epochs": progress.epoch,
        "seconds": round(seconds, 1),
        # validation included
        "images_per_second": round(images * progress.epoch / seconds, 1) if progress.epoch else None,
    }


def read_result(run: Run) -> dict:
    return read_json_object(run.result_file)
