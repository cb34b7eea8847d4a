"""What a training job says before its first step and after its last: the settings in force, how it went, what next."""

import shlex

import keras

from fer_keras.config import Settings
from fer_keras.console import counted, listed, say, table
from fer_keras.data.source import passed_over
from fer_keras.models.files import open_model
from fer_keras.provenance import ancestors_in
from fer_keras.runs import Run, RunConfig, read_config
from fer_keras.training.device import Device
from fer_keras.training.lineage import may_know_copies
from fer_keras.training.split import Split

_HOW_TO_GET_FER2013 = """\
No FER2013 here, so this run trains on built-in synthetic faces. They show that everything works; they say nothing
about people. To train on real faces: get fer2013.csv (287 MB) of the Kaggle challenge "Challenges in Representation
Learning: Facial Expression Recognition Challenge", put it at data/fer2013.csv, and run the same command again.
"""

_GOES_ON_WITH_SYNTHETIC_FACES = """\
This run goes on with the built-in synthetic faces that it began with; they say nothing about people. For real faces put
FER2013 at data/fer2013.csv, and start a new run.
"""


def _recipe(settings: Settings) -> str:
    """Return the recipe in a line: what decides most, as it is in force."""
    start = "the mean of the weights of " * (len(settings.init_from) > 1) + ", ".join(settings.init_from)
    if not settings.epochs:
        return f"no training: {start}"
    words = [
        f"from {start}" if start else "",
        counted(settings.epochs, "epoch") + (f", {settings.coarse_epochs} at 32x32" if settings.coarse_epochs else ""),
        f"{settings.optimizer}, {settings.schedule} from {settings.peak_learning_rate:g}",
        f"batches of {settings.batch_size}",
        f"weight decay {settings.weight_decay:g}" if settings.weight_decay else "",
        f"label smoothing {settings.label_smoothing:g}" if settings.label_smoothing else "",
        f"{settings.augment} augmentation" if settings.augment != "none" else "",
        f"mixup {settings.mixup:g}" if settings.mixup else "",
    ]
    if settings.teachers:
        words.append(f"{settings.teacher_weight:.0%} of the targets from {', '.join(settings.teachers)}")
    return "; ".join(filter(None, words))


def introduce(run: Run, settings: Settings, split: Split, device: Device, seconds: float | None) -> None:
    """Say what a run is about to do. seconds: that it took to read the data; None: of a run that goes on."""
    record = split.record
    if record["synthetic"] and settings.data == "auto":
        say(_HOW_TO_GET_FER2013 if seconds is not None else _GOES_ON_WITH_SYNTHETIC_FACES)
        if seconds is not None and (there := passed_over()):
            say(f"Not taken for it: {', '.join(there)}. If one of them is, give its path with --data.\n")
    rows = [
        ("run", str(run.path)),
        ("data", f"{record['source']}, read in {seconds:.1f} s" if seconds is not None else record["source"]),
        ("protocol", record["rule"]),
        ("images", f"{record['training']:,} training, {record['validation']:,} validation"),
        ("network", settings.arch + (f", {settings.networks} members" if settings.networks > 1 else "")),
        ("recipe", _recipe(settings)),
        ("device", f"{device.kind} {device.name}, {device.precision}, backend {keras.backend.backend()}"),
    ]
    if settings.epochs:
        rows.append(("watch it", f"tensorboard --logdir {shlex.quote(str(run.path.parent))}"))
    say(table(rows) + "\n")
    if knowing := may_know_copies(settings, record["sha256"], ancestors_in(record)):
        few = listed(knowing) if len(knowing) <= 3 else f"{knowing[-1]} and {len(knowing) - 1} other runs"
        said = f"Copies of what this network is tested on may have trained {few}"
        say(f"{said}: --drop-copies leaves them out here alone.\n")


def conclude(run: Run, result: dict) -> None:
    """Say how a finished run went, and what to do with it. result: as in its result.json."""
    config = read_config(run)
    if "members" in result:
        rows = [
            (f"member {index}", f"{_validated(member)}epoch {member['best_epoch']}")
            for index, member in enumerate(result["members"])
        ]
        model = open_model(run.member(0).model_file)
    else:
        rows = [
            *_trained_rows(result, config.settings),
            *validation_rows(result, config),
            ("model", str(run.model_file)),
        ]
        model = open_model(run.model_file)
    last = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    crossed = config.settings.folds and "members" in result
    rows += [
        ("how good is it?", f"python evaluate.py --run {run.quoted}" + (" --split validation" if crossed else "")),
        ("what does it see?", f"python visualize.py --run {run.quoted} --layer {last}"),
    ]
    say(table(rows))


def _trained_rows(result: dict, settings: Settings) -> list[tuple[str, str]]:
    if not settings.epochs:
        return []
    return [
        (f"{settings.keep} epoch", f"{result['best_epoch']} of {result['epochs']}"),
        ("speed", f"{result['images_per_second']:,.0f} images/s, with all that is done between epochs"),
    ]


def _validated(member: dict) -> str:
    return "" if member["val_accuracy"] is None else f"validation accuracy {member['val_accuracy']:.4f} at "


def validation_rows(result: dict, config: RunConfig) -> list[tuple[str, str]]:
    """Return the lines of the summary that say how good the network is on held-out images, and what those have chosen.

    result: val_accuracy and val_loss, as in result.json; None where nothing is held out.
    """
    if result["val_accuracy"] is None:
        return []
    if config.settings.keep == "best":
        said = "it chose the epoch: a little too good to be true"
    elif selected := [ancestor.run for ancestor in config.related if ancestor.selected]:
        said = f"it chose the epoch of {', '.join(selected)}, where this run comes from: a little too good to be true"
    else:
        said = "it chose nothing"
    if strangers := [ancestor.run for ancestor in config.ancestors if ancestor not in config.related]:
        said += f"; what {', '.join(strangers)} saw of other data counts too"
    return [
        ("validation accuracy", f"{result['val_accuracy']:.4f} ({said})"),
        ("validation loss", f"{result['val_loss']:.4f}"),
    ]
