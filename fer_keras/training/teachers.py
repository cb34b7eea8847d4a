"""What a network learns from others (`--teachers`): their predictions of its training images, beside the labels.

Human readers agree with FER2013's labels on about 65% of the images (Goodfellow et al. 2013). What trained networks
make of an image says how images like it were labelled, where its own label is one such opinion: Hinton, Vinyals and
Dean, "Distilling the Knowledge in a Neural Network", 2015 (arXiv:1503.02531); Furlanello et al., "Born-Again Neural
Networks", 2018 (arXiv:1805.04770), where the pupil is no smaller than its teachers.
"""

from pathlib import Path

import keras
import numpy as np

from fer_keras.config import Settings
from fer_keras.console import counted, say
from fer_keras.data.faces import Faces
from fer_keras.emotions import NUM_EMOTIONS
from fer_keras.errors import UserError
from fer_keras.files import DamagedFile, read_npz, write_npz
from fer_keras.inference import predict_probabilities
from fer_keras.models.files import open_model
from fer_keras.models.registry import build, copy_weights
from fer_keras.prediction_bar import PredictionBar
from fer_keras.runs import Run, one_network, read_config
from fer_keras.same_network import refuse_same_network

_VIEWS = "flip"  # the teachers say what they make of an image and of its mirror image


def find_teachers(settings: Settings, logdir: str) -> list[Run]:
    """Return the runs of --teachers.

    UserError for one that is missing, not trained to its end, the same as another, or of several networks, or that
    sees other pixels.
    """
    runs = [one_network("--teachers", name, logdir) for name in settings.teachers]
    refuse_same_network("--teachers", [(str(run.path), run.model_file) for run in runs], "would be heard twice")
    for run in runs:
        if read_config(run).settings.equalize != settings.equalize:
            as_it = "without" if settings.equalize else "with"
            raise UserError(f"--teachers: {run.path} was trained {as_it} --equalize. Train {as_it} it too")
    return runs


def targets_of(
    run: Run, settings: Settings, training: Faces, logdir: str, precision: str, elder: Run | None = None
) -> np.ndarray | None:
    """Return what `run` learns of each of its training images, float32 (N, 7); None without teachers: the labels.

    The teachers are asked once: what they said is kept in the run's folder, so that a resumed run learns the same.
    precision: that of the training, see `registry.build`. elder: another member of the run's ensemble, which trained on
    the same images; the teachers are not asked again.
    """
    if not settings.teachers:
        return None
    if elder and elder.targets_file.is_file() and not run.targets_file.is_file():
        write_npz(run.targets_file, targets=_read(elder.targets_file, len(training)))
    if not run.targets_file.is_file():
        said = ask(find_teachers(settings, logdir), training.images, precision)
        write_npz(run.targets_file, targets=mixed_targets(training.labels, said, settings.teacher_weight))
    return _read(run.targets_file, len(training))


def _read(file: Path, images: int) -> np.ndarray:
    try:
        targets = read_npz(file, ["targets"])["targets"]
    except DamagedFile as error:
        raise UserError(f"{file}: expected targets, received a damaged file ({error}). Delete it") from None
    if targets.shape != (images, NUM_EMOTIONS):
        raise UserError(
            f"{file}: expected targets of shape {(images, NUM_EMOTIONS)}, received {targets.shape}. "
            f"Delete it to ask the teachers again"
        )
    return targets


def ask(teachers: list[Run], images: np.ndarray, precision: str) -> np.ndarray:
    """Return the mean of the teachers' probabilities, float32 (N, 7). images: uint8 (N, 48, 48), as they see them."""
    say(f"asking {counted(len(teachers), 'teacher')} about {len(images):,} training images")
    with PredictionBar(len(teachers), len(images), _VIEWS) as bar:
        models = (fast_network(run, precision) for run in teachers)
        said = [predict_probabilities(model, images, tta=_VIEWS, callbacks=[bar]) for model in models]
    return np.mean(said, axis=0, dtype=np.float32)


def fast_network(run: Run, precision: str) -> keras.Model:
    """Return the run's network as it is trained: all of Training is a lot to ask about in float32 and stock layers."""
    stock = open_model(run.model_file)
    fast = build(read_config(run).settings.arch, precision=precision, fast=True)
    try:
        copy_weights(stock, fast)
    except ValueError:
        return stock  # its architecture was another one under this name when it was trained
    return fast


def mixed_targets(labels: np.ndarray, said: np.ndarray, weight: float) -> np.ndarray:
    """Return weight * said + (1 - weight) * one-hot labels, float32 (N, 7).

    The cross-entropy with them is the same mixture of the cross-entropies with what the teachers said and with the
    labels. labels: integers (N,), 0..6. said: probabilities, float (N, 7). weight: 0..1.
    """
    one_hot = np.eye(NUM_EMOTIONS, dtype=np.float32)[labels]
    return (weight * said + (1 - weight) * one_hot).astype(np.float32)
