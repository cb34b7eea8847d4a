"""Gradient ascent on pictures, in the four styles of `activation`.

Each takes (network, targets) and gives float32 pictures (F, 48, 48), 0..255: picture i for target i.
"""

import warnings
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from fer_keras.emotions import IMAGE_SIZE
from fer_keras.explain.filter_objective import FilterObjective
from fer_keras.explain.layer_outputs import plain_model
from fer_keras.explain.model_access import ModelAccess, followed
from fer_keras.explain.picture_parameters import FourierPictures, PhasePictures, random_view

Progress = Callable[[int, int], None]

PLAIN_RATE, PLAIN_DECAY = 5.0, 0.99  # the first step, in gray levels (root mean square), and its decay
ROBUST_RATE, MACO_RATE = 0.05, 0.1  # of Adam, on the parameters
MACO_NOISE = 10.0  # gray levels: 0.08 of a range of two, as in the authors' code


def robust(network: ModelAccess, targets: Sequence[tuple[str, int]], *, steps: int, seed: int, progress: Progress):
    """Fourier parametrisation, sigmoid range, random views, an objective that no dead ReLU can hide."""
    parametrisation = FourierPictures()
    optimizer = keras.optimizers.Adam(ROBUST_RATE)
    return _ascend(network, targets, parametrisation, optimizer, noise=0.0, steps=steps, seed=seed, progress=progress)


def maco(network, targets, *, spectrum: np.ndarray, steps: int, seed: int, progress: Progress):
    """The magnitudes of `spectrum`, phases free; views as for `robust`, and noise in each.

    The authors look at crops of a large picture; a network for 48 pixels has no larger picture to take crops of.
    """
    parametrisation = PhasePictures(spectrum)
    optimizer = keras.optimizers.Nadam(MACO_RATE)
    return _ascend(
        network, targets, parametrisation, optimizer, noise=MACO_NOISE, steps=steps, seed=seed, progress=progress
    )


def _ascend(network, targets, parametrisation, optimizer, *, noise: float, steps: int, seed: int, progress: Progress):
    objective = FilterObjective(network, targets, opened=True)
    parameters = keras.Variable(parametrisation.start(len(targets), seed))
    optimizer.build([parameters])

    @tf.function(autograph=False)
    def step(number):
        with tf.GradientTape() as tape:
            pictures = random_view(parametrisation.pictures(parameters.value), tf.stack([seed, number]))
            pictures += noise * tf.random.stateless_normal((1, *pictures.shape[1:]), tf.stack([seed + 1, number]))
            # A sum: each picture has its own filter, and Adam steps do not depend on the scale of either.
            loss = -tf.reduce_sum(objective(pictures))
        optimizer.apply([followed(tape, loss, parameters.value)], [parameters])

    for number in range(1, steps + 1):  # number 0 is the start's
        step(tf.constant(number))
        progress(number, steps)
    return parametrisation.pictures(parameters.value).numpy()


def plain(network, targets, *, steps: int, seed: int, progress: Progress):
    """Pixels from uniform noise; gradients scaled to a root mean square of one, the step decaying, kept in 0..255."""
    objective = FilterObjective(network, targets)
    start = tf.random.stateless_uniform((1, IMAGE_SIZE, IMAGE_SIZE), (seed, 0), 0.0, 255.0)
    pictures = tf.Variable(tf.repeat(start, len(targets), axis=0))

    @tf.function(autograph=False)
    def step(rate):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(objective(pictures))
        gradient = followed(tape, total, pictures)  # (F, H, W)
        size = tf.sqrt(tf.reduce_mean(gradient**2, axis=(1, 2), keepdims=True))
        pictures.assign(tf.clip_by_value(pictures + rate * tf.math.divide_no_nan(gradient, size), 0.0, 255.0))

    for number in range(steps):
        step(tf.constant(PLAIN_RATE * PLAIN_DECAY**number, tf.float32))
        progress(number + 1, steps)
    return pictures.numpy()


def tf_keras_vis(network, targets, *, steps: int, seed: int, progress: Progress):
    """ActivationMaximization of the package tf-keras-vis with its defaults, seeded."""
    names = list(dict.fromkeys(name for name, _ in targets))
    pictures = np.empty((len(targets), IMAGE_SIZE, IMAGE_SIZE), np.float32)
    for done, name in enumerate(names):
        rows = [i for i, (wanted, _) in enumerate(targets) if wanted == name]

        def tell(step, done=done):
            progress(done * steps + step + 1, len(names) * steps)

        pictures[rows] = _tf_keras_vis_layer(network, name, [targets[i][1] for i in rows], steps, seed, tell)
    return pictures


def _tf_keras_vis_layer(network, name: str, filters: Sequence[int], steps: int, seed: int, tell) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a module of its own that it imports
        from tf_keras_vis.activation_maximization import ActivationMaximization
        from tf_keras_vis.activation_maximization.callbacks import Callback
        from tf_keras_vis.activation_maximization.input_modifiers import Jitter, Rotate2D
    from tf_keras_vis.utils.scores import CategoricalScore

    class Tell(Callback):
        def __call__(self, i, *args, **kwargs):
            tell(i)

    rotate = Rotate2D(degree=1)
    rotate.random_generator = np.random.default_rng(seed)
    shape = (1, IMAGE_SIZE, IMAGE_SIZE, 1)
    start = tf.repeat(tf.random.stateless_uniform(shape, (seed, 0), 0.0, 255.0), len(filters), axis=0)
    maximization = ActivationMaximization(plain_model(network, name))
    state = np.random.get_state()  # noqa: NPY002 - Jitter draws from the global generator
    np.random.seed(seed)  # noqa: NPY002
    try:
        pictures = maximization(
            CategoricalScore(list(filters)),
            seed_input=start,
            steps=steps,
            input_modifiers=[Jitter(jitter=4), rotate],
            callbacks=[Tell()],
        )
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return np.asarray(pictures)[..., 0]
