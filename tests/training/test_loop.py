from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.models.files import save_model
from fer_keras.runs import Run
from fer_keras.training import callbacks
from fer_keras.training.callbacks import patience
from fer_keras.training.checkpoint import save_checkpoint
from fer_keras.training.loop import begin_fine_tuning, class_weights, image_sides
from fer_keras.training.progress import Progress


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


def test_a_run_does_not_stop_before_it_has_had_its_patience_of_fine_epochs():
    settings = Settings(epochs=20, coarse_epochs=8, early_stop=3)
    assert [patience(settings, epoch) for epoch in (1, 8, 10, 11, 20)] == [0, 0, 0, 3, 3]
    assert patience(Settings(epochs=20, early_stop=3), 1) == 3
    assert patience(Settings(epochs=20, coarse_epochs=8, early_stop=0), 20) == 0


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
    judge = callbacks.Judge(
        run, Settings(keep="last"), progress, validation, last_epoch=3, plateau=False, report=lambda *_: None
    )
    step = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: pass_time(7))
    model.fit(np.zeros((1, 2)), np.zeros((1, 7)), epochs=3, verbose=0, callbacks=[step, judge])
    assert [row.seconds for row in progress.rows] == [7, 107, 107]
