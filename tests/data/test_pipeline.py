import itertools

import numpy as np
import pytest
import tensorflow as tf

from fer_keras.data.augment import AUGMENTATIONS, augment_batch, mixup
from fer_keras.data.pipeline import batch_key, steps_per_epoch, training_batches
from fer_keras.errors import UserError

N, BATCH = 50, 8  # six full batches and one of two: 7 steps
LABELS = np.arange(N) % 7
SETTINGS = {"batch_size": BATCH, "seed": 5, "augment": "none"}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Noise about a gray of its own, 4 levels from the next image's; the first pixel is the image's index."""
    noise = np.random.default_rng(0).integers(0, 30, (N, 48, 48)) + 4 * np.arange(N)[:, None, None]
    noise[:, 0, 0] = np.arange(N)
    return noise.astype(np.uint8)


@pytest.fixture(scope="module")
def plain(images) -> list[tuple[np.ndarray, ...]]:
    """Three epochs without augmentation."""
    return take(training_batches(images, LABELS, **SETTINGS), 21)


def take(dataset: tf.data.Dataset, n: int) -> list[tuple[np.ndarray, ...]]:
    return list(itertools.islice(dataset.as_numpy_iterator(), n))


def indices(batches: list[tuple[np.ndarray, ...]]) -> np.ndarray:
    """Return which images the batches hold, without augmentation."""
    return np.concatenate([x[:, 0, 0, 0] for x, *_ in batches]).astype(int)


def assert_same(ours: list, theirs: list) -> None:
    assert len(ours) == len(theirs)
    for batch, other in zip(ours, theirs, strict=True):
        for array, expected in zip(batch, other, strict=True):
            np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(("n", "full", "dropped"), [(50, 7, 6), (48, 6, 6), (7, 1, 0), (0, 0, 0)])
def test_steps_per_epoch(n, full, dropped):
    assert steps_per_epoch(n, BATCH) == full
    assert steps_per_epoch(n, BATCH, drop_remainder=True) == dropped


def test_every_epoch_has_every_image_once_in_a_new_order(plain):
    orders = indices(plain).reshape(3, N)
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(N))
    for a, b in itertools.combinations([np.arange(N), *orders], 2):
        assert np.mean(a == b) < 0.2


def test_without_augmentation_images_come_unchanged_with_their_labels(images, plain):
    index = indices(plain)
    x, y = (np.concatenate(arrays) for arrays in zip(*plain, strict=True))
    assert [len(batch[0]) for batch in plain] == [8, 8, 8, 8, 8, 8, 2] * 3
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_array_equal(x, images[index][..., None])
    np.testing.assert_array_equal(y, np.eye(7)[LABELS[index]])


def test_augmentation_leaves_the_order_alone(images, plain):
    light = take(training_batches(images, LABELS, **SETTINGS | {"augment": "light"}), 21)
    for (x, y), (changed, label) in zip(plain, light, strict=True):
        np.testing.assert_array_equal(y, label)
        assert not np.array_equal(x, changed)
        # Flips and shifts keep nearly all pixels, and so the mean, which tells the images apart.
        np.testing.assert_allclose(changed.mean(axis=(1, 2, 3)), x.mean(axis=(1, 2, 3)), atol=1.5)


def test_the_stream_is_the_documented_function_of_seed_and_step(images):
    batches = take(training_batches(images, LABELS, **SETTINGS | {"augment": "strong"}), 10)
    order = tf.random.experimental.stateless_shuffle(tf.range(N, dtype=tf.int64), batch_key(5, "shuffle", 1)).numpy()
    index = order[2 * BATCH : 3 * BATCH]  # step 9 is the third batch of epoch 1
    expected = augment_batch(tf.constant(images[index][..., None]), batch_key(5, "augment", 9), AUGMENTATIONS["strong"])
    np.testing.assert_allclose(batches[9][0], expected, atol=1e-3)
    np.testing.assert_array_equal(batches[9][1], np.eye(7)[LABELS[index]])


def documented_key(seed, stream, index):
    """Return the key as the documentation of `batch_key` has it. stream: 0 shuffles, 1 augments, 2 mixes."""
    root = tf.constant([seed, stream], tf.int64)
    return tf.random.experimental.stateless_fold_in(root, tf.constant(index, tf.int64), alg="philox")


@pytest.mark.parametrize("index", [0, 9])
@pytest.mark.parametrize(("number", "stream"), [(0, "shuffle"), (1, "augment"), (2, "mixup")])
def test_a_key_is_seed_and_stream_folded_with_the_step(number, stream, index):
    np.testing.assert_array_equal(batch_key(5, stream, index), documented_key(5, number, index))


def test_keys_differ_between_seeds_streams_and_steps():
    keys = {
        tuple(batch_key(seed, stream, index).numpy())
        for seed in (0, 1)
        for stream in ("shuffle", "augment", "mixup")
        for index in (0, 1)
    }
    assert len(keys) == 12


def test_the_same_seed_gives_the_same_stream_and_another_seed_another_order(images, plain):
    settings = SETTINGS | {"augment": "strong", "mixup_alpha": 0.4}
    first = take(training_batches(images, LABELS, **settings), 9)
    assert_same(first, take(training_batches(images, LABELS, **settings), 9))
    other = take(training_batches(images, LABELS, **SETTINGS | {"seed": 6}), 7)
    assert np.mean(indices(other) == indices(plain[:7])) < 0.2


def test_a_resumed_stream_goes_on_as_the_uninterrupted_one(images):
    settings = SETTINGS | {"augment": "strong", "mixup_alpha": 0.4, "class_weights": np.arange(1.0, 8.0)}
    whole = take(training_batches(images, LABELS, **settings), 21)
    assert_same(whole[14:], take(training_batches(images, LABELS, **settings, first_epoch=2), 7))


def test_the_stream_does_not_depend_on_the_number_of_threads(images):
    streams = []
    for threads in (1, 8):
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        dataset = training_batches(images, LABELS, **SETTINGS | {"augment": "strong"}).with_options(options)
        streams.append(take(dataset, 21))
    assert_same(*streams)


def test_targets_take_the_place_of_labels_image_by_image(images, plain):
    targets = np.random.default_rng(1).dirichlet(np.ones(7), N).astype(np.float32)
    taught = take(training_batches(images, LABELS, **SETTINGS, targets=targets), 21)
    assert_same([(x, targets[indices([(x,)])]) for x, _ in plain], taught)


def test_class_weights_travel_with_their_images(images):
    weights = np.array([1.0, 9.4, 1.0, 0.57, 0.85, 1.28, 0.83])
    for x, _, w in take(training_batches(images, LABELS, **SETTINGS, class_weights=weights), 7):
        assert w.dtype == np.float32
        np.testing.assert_allclose(w, weights[LABELS[x[:, 0, 0, 0].astype(int)]], rtol=1e-6)


def test_smaller_images_are_the_means_of_the_areas_they_cover(images, plain):
    small = take(training_batches(images, LABELS, **SETTINGS, side=24), 7)
    for (x, y), (whole, labels) in zip(small, plain[:7], strict=True):
        blocks = whole.reshape(-1, 24, 2, 24, 2, 1).mean(axis=(2, 4))
        np.testing.assert_allclose(x, blocks, atol=1e-3)
        np.testing.assert_array_equal(y, labels)


def test_mixup_keeps_the_elements_of_a_batch(images):
    x, y = take(training_batches(images, LABELS, **SETTINGS, mixup_alpha=1.0), 1)[0]
    assert x.shape == (BATCH, 48, 48, 1) and y.shape == (BATCH, 7)
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-5)
    assert (y.max(axis=1) < 0.999).any()


@pytest.mark.parametrize("taught", [False, True], ids=["labels", "targets"])
def test_mixup_is_of_the_batch_as_it_comes_without_it(images, taught):
    """Images, what they teach and their weights, by the key that the documentation gives to its step."""
    targets = np.random.default_rng(1).dirichlet(np.ones(7), N).astype(np.float32) if taught else None
    settings = SETTINGS | {"class_weights": np.arange(1.0, 8.0), "targets": targets}
    unmixed = take(training_batches(images, LABELS, **settings), 9)
    mixed = take(training_batches(images, LABELS, **settings, mixup_alpha=0.3), 9)
    for step in (0, 8):
        expected = mixup(*map(tf.constant, unmixed[step]), documented_key(5, 2, step), 0.3)
        for ours, theirs in zip(mixed[step], expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_drop_remainder_gives_one_constant_shape_and_other_images_each_epoch(images):
    dataset = training_batches(images, LABELS, **SETTINGS, drop_remainder=True)
    assert dataset.element_spec[0].shape == (BATCH, 48, 48, 1)
    epochs = indices(take(dataset, 12)).reshape(2, 48)
    assert len(set(epochs[0])) == len(set(epochs[1])) == 48
    assert set(epochs[0]) != set(epochs[1])


def test_fit_takes_epoch_after_epoch_from_one_stream(images):
    keras = pytest.importorskip("keras")
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    dataset = training_batches(images, LABELS, **SETTINGS)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY
    layers = keras.layers
    model = keras.Sequential([layers.Input((48, 48, 1)), layers.Flatten(), layers.Dense(7, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    model.fit(dataset, epochs=2, steps_per_epoch=7, verbose=0, shuffle=False, callbacks=[Watch()])
    assert seen == [*range(7)] * 2


@pytest.mark.parametrize(
    ("n", "settings", "message"),
    [
        (N, {"augment": "medium"}, "no augmentation level 'medium'"),
        (0, {}, "expected at least one, received 0"),
        (7, {"drop_remainder": True}, "expected at least one batch of 8, received 7"),
    ],
)
def test_mistakes_are_told_in_one_line(images, n, settings, message):
    with pytest.raises(UserError, match=message):
        training_batches(images[:n], LABELS[:n], **SETTINGS | settings)
