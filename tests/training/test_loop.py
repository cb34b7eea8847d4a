from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.data.pipeline import training_batches
from fer_keras.models.files import save_model
from fer_keras.runs import Run
from fer_keras.training import callbacks
from fer_keras.training.callbacks import patience
from fer_keras.training.checkpoint import save_checkpoint
from fer_keras.training.device import Device
from fer_keras.training.loop import (
    batches_from,
    begin_fine_tuning,
    build_networks,
    class_weights,
    compile_for,
    image_sides,
    remaining_phases,
)
from fer_keras.training.progress import EpochRow, Progress


@pytest.mark.parametrize(
    ("coarse", "first", "last", "sides"),
    [
        (0, 0, 5, [(48, 5)]),
        (2, 0, 5, [(32, 2), (48, 5)]),
        (2, 1, 5, [(32, 2), (48, 5)]),  # resumed
        (2, 2, 5, [(48, 5)]),
        (2, 3, 5, [(48, 5)]),
        (5, 0, 5, [(32, 5)]),
        (5, 5, 7, [(48, 7)]),  # fine-tuning
    ],
)
def test_the_first_epochs_have_coarse_images_and_the_others_fine_ones(coarse, first, last, sides):
    assert image_sides(Settings(epochs=5, coarse_epochs=coarse), first, last) == sides


def test_class_weights_give_every_class_that_is_there_the_same_say():
    """Six images: one angry, two happy, three sad. Each class weighs two images in all, and none is divided by zero."""
    weights = class_weights(np.array([0, 3, 3, 4, 4, 4]))
    np.testing.assert_allclose(weights, [2, 0, 0, 1, 2 / 3, 0, 0], rtol=1e-6)


LABELS = np.array([0, 3, 3, 4, 4, 4])  # their weights are counted above
CPU = Device("CPU", "one", 1, "float32")


@pytest.fixture
def six_faces():
    images = np.random.default_rng(0).integers(0, 256, (6, 48, 48), dtype=np.uint8)
    return Faces(images, LABELS, np.full(6, "Training"), np.arange(6).astype(str), "drawn", "")


@pytest.mark.parametrize(
    ("settings", "literally"),
    [
        ({"augment": "none"}, {"augment": "none"}),
        (
            {"augment": "light", "mixup": 0.4, "class_weight": "balanced"},
            {"augment": "light", "mixup_alpha": 0.4, "class_weights": np.array([2, 0, 0, 1, 2 / 3, 0, 0])},
        ),
    ],
    ids=["plain", "augmented, mixed and weighted"],
)
def test_batches_are_those_of_the_settings(six_faces, settings, literally):
    targets = np.random.default_rng(1).dirichlet(np.ones(7), 6).astype(np.float32)
    settings = Settings(batch_size=4, seed=3, **settings)
    stream = batches_from(1, six_faces, targets, settings, side=32).as_numpy_iterator()
    always = {"batch_size": 4, "seed": 3, "first_epoch": 1, "targets": targets, "side": 32}
    expected = training_batches(six_faces.images, LABELS, **always, **literally).as_numpy_iterator()
    for _ in range(2):  # an epoch
        for found, array in zip(next(stream), next(expected), strict=True):
            np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(("side", "level"), [(32, "standard"), (48, "strong")])
def test_progressive_augmentation_is_strong_where_images_are_fine(six_faces, side, level):
    grown, plain = (
        next(batches_from(1, six_faces, None, Settings(augment=name), side=side).as_numpy_iterator())
        for name in ("progressive", level)
    )
    np.testing.assert_array_equal(grown[0], plain[0])


def test_the_loss_is_taken_at_the_logits_of_smoothed_labels():
    """Of the label's share a tenth goes to all seven emotions alike (Szegedy et al. 2016)."""
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(7)])
    compile_for("train", model, Settings(label_smoothing=0.1), CPU, 1, 6)
    logits, label = np.array([2.0, -1.0, 0.5, 0.0, 3.0, -2.0, 1.0]), np.eye(7)[3]
    shares = 0.9 * label + 0.1 / 7
    expected = -(shares * (logits - np.log(np.exp(logits).sum()))).sum()
    found = model.loss(label[None].astype(np.float32), logits[None].astype(np.float32))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_both_builds_of_a_network_have_the_dropout_of_the_settings():
    networks = build_networks(Settings(arch="cnn4", dropout=0.3), CPU, None)  # 0.5 where nothing is asked for
    for model in (networks.trained, networks.stock):
        assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.3]


def test_a_run_does_not_stop_before_it_has_had_its_patience_of_fine_epochs():
    settings = Settings(epochs=20, coarse_epochs=8, early_stop=3)
    assert [patience(settings, epoch) for epoch in (1, 8, 10, 11, 20)] == [0, 0, 0, 3, 3]
    assert patience(Settings(epochs=20, early_stop=3), 1) == 3
    assert patience(Settings(epochs=20, coarse_epochs=8, early_stop=0), 20) == 0


def test_fine_tuning_follows_a_phase_that_has_stopped_early():
    settings = Settings(epochs=5, early_stop=1, fine_tune_epochs=2)
    rows = [EpochRow("train", n, 1.0, 0.5, 1.0, 0.5, 0.001, 9.0) for n in (1, 2)]
    assert [*remaining_phases(settings, Progress(rows=rows))] == [("train", 2, 5), ("fine-tune", 0, 2)]
    assert [*remaining_phases(settings, Progress(rows=rows, phase_over=True))] == [("fine-tune", 0, 2)]


def test_fine_tuning_that_was_killed_in_its_first_epoch_begins_again_where_it_began(tmp_path):
    """That epoch has replaced model.keras, but not yet the checkpoint."""
    run = Run(tmp_path)
    dense = keras.layers.Dense(7, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), dense])
    model.compile("sgd", "mse")
    save_checkpoint(run.checkpoint_file, model, Progress())
    save_model(model, run.model_file)
    for _ in range(2):
        begin_fine_tuning(run, model, Progress(), "fine-tune")
        np.testing.assert_array_equal(model.get_weights()[0], np.ones((2304, 7)))
        model.set_weights([weight + 1 for weight in model.get_weights()])
        save_model(model, run.model_file)


def test_the_seconds_of_all_epochs_add_up_to_the_time_they_took(tmp_path, monkeypatch):
    """What is saved after an epoch, 100 s here, is in the next one's."""
    now = 0

    def pass_time(seconds):
        nonlocal now
        now += seconds

    monkeypatch.setattr(callbacks, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(callbacks, "save_checkpoint", lambda *_: pass_time(100))
    run, progress = Run(tmp_path), Progress()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(7)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    validation = SimpleNamespace(faces=[], stock=model, ready_to_save=lambda: None)
    judge = callbacks.Judge(run, Settings(keep="last"), progress, validation, last_epoch=3, report=lambda *_: None)
    step = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: pass_time(7))
    model.fit(np.zeros((1, 2)), np.zeros((1, 7)), epochs=3, verbose=0, callbacks=[step, judge])
    assert [row.seconds for row in progress.rows] == [7, 107, 107]
