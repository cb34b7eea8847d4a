"""What happens after an epoch: the rate of "plateau", going back to the best weights, networks that say no numbers."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.prepare import load_faces
from fer_keras.errors import UserError
from fer_keras.models.files import open_model
from fer_keras.models.registry import build
from fer_keras.runs import Run
from fer_keras.training.callbacks import Judge, Validation, WarmPlateau
from fer_keras.training.progress import Progress


@pytest.fixture
def linear():
    """A network of one layer, ready to train."""
    model = keras.Sequential([keras.Input((48, 48, 1)), keras.layers.Flatten(), keras.layers.Dense(7)])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    return model


def judge(run, settings, model, progress, accuracies, *, first=0, before=lambda epoch: None, lowered=None):
    """Have epochs of these validation accuracies judged; `before` changes the model ahead of each."""
    validation = SimpleNamespace(faces=[0], stock=model)
    noted = [] if lowered is None else lowered
    each = Judge(
        run,
        settings,
        progress,
        validation,
        last_epoch=settings.epochs,
        report=lambda row, verdict: noted.append(verdict.lower_rate),
    )
    each.set_model(model)
    for epoch, accuracy in enumerate(accuracies, first):
        before(epoch)
        each.on_epoch_end(epoch, {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": accuracy})


def test_a_rate_that_waits_for_a_plateau_warms_up_and_is_halved_after_four_epochs_without_a_better_one(
    tmp_path, linear
):
    settings = Settings(epochs=20, schedule="plateau", warmup_epochs=1.0, early_stop=0)
    progress, rates = Progress(), []

    def note_rate(epoch):
        rate = WarmPlateau(0.8, 1.0, progress)
        rate.set_model(linear)
        rate.on_epoch_begin(epoch)
        rates.append(float(linear.optimizer.learning_rate))

    judge(Run(tmp_path), settings, linear, progress, [0.5, 0.6, 0.6, 0.6, 0.5, 0.6, 0.7, 0.6], before=note_rate)
    np.testing.assert_allclose(rates, [0.4, 0.8, 0.8, 0.8, 0.8, 0.8, 0.4, 0.4], rtol=1e-6)
    resumed = Progress.from_json(progress.to_json())
    rate = WarmPlateau(0.8, 1.0, resumed)
    rate.set_model(linear)
    rate.on_epoch_begin(8)
    assert float(linear.optimizer.learning_rate) == pytest.approx(0.4)


def test_coarse_epochs_are_no_plateau(tmp_path, linear):
    """Fine images judge them: of ten epochs that are all alike the first six are coarse."""
    settings = Settings(epochs=10, coarse_epochs=6, schedule="plateau", early_stop=0)
    lowered = []
    judge(Run(tmp_path), settings, linear, Progress(), [0.5] * 10, lowered=lowered)
    assert lowered == [False] * 9 + [True]


def test_an_epoch_that_lowers_accuracy_is_undone_three_times_in_a_row_and_then_accepted(tmp_path, linear):
    run, progress, seen = Run(tmp_path), Progress(), []
    settings = Settings(epochs=9, rollback=True, early_stop=0)

    def train(epoch):
        seen.append(linear.get_weights()[1][0])
        linear.set_weights([np.full_like(weight, epoch + 1) for weight in linear.get_weights()])

    judge(run, settings, linear, progress, [0.5, 0.6, 0.4, 0.4, 0.4, 0.4, 0.45], before=train)
    # Epoch k leaves weights of k. The second is the best; the third, fourth and fifth are undone, the sixth is not.
    assert seen[1:] == [1, 2, 2, 2, 2, 6] and linear.get_weights()[1][0] == 7
    assert open_model(run.model_file).get_weights()[1][0] == 2


def test_training_stops_early_after_so_many_epochs_without_a_better_one(tmp_path, linear):
    settings, stopped = Settings(epochs=9, early_stop=2), []
    linear.stop_training = False  # as `fit` begins

    def note(epoch):
        stopped.append(linear.stop_training)

    judge(Run(tmp_path), settings, linear, Progress(), [0.5, 0.6, 0.6, 0.6], before=note)
    assert stopped == [False] * 4 and linear.stop_training


def test_a_network_that_says_no_numbers_is_not_kept():
    """The loss of the last step is that before it: it tells nothing of weights that the step has broken."""
    faces = load_faces("synthetic", limit=7).split("Training")
    model, stock = build("cnn_plain"), build("cnn_plain")
    model.compile("sgd", "mse")
    check = Validation(stock, faces, faces.images)
    check.set_model(model)
    check.on_epoch_end(0, {})
    model.get_layer("logits").kernel.assign(np.full((128, 7), np.nan))
    with pytest.raises(UserError, match=r"outputs became no numbers, learning rate 0\.01\. Start again with a lower"):
        check.on_epoch_end(0, {})


def test_confidence_is_told_apart_where_the_network_is_right_and_where_it_is_wrong():
    """Of three faces, all happy, it is 0.8 and 0.5 sure of happy, and 0.95 sure that the third is sad."""
    said = np.zeros((3, 7), np.float32)
    said[0, [3, 4]], said[1, [3, 4, 5]], said[2, [3, 4]] = (0.8, 0.2), (0.5, 0.25, 0.25), (0.05, 0.95)
    stock = SimpleNamespace(predict=lambda x, **_: said)
    faces = SimpleNamespace(images=np.zeros((3, 48, 48), np.uint8), labels=np.array([3, 3, 3]))
    logs = {}
    Validation(stock, faces, faces.images).measure(logs)
    expected = {
        "val_accuracy": 2 / 3,
        "val_loss": -np.log([0.8, 0.5, 0.05]).mean(),
        "val_confidence_right": 0.65,
        "val_confidence_wrong": 0.95,
    }
    assert logs == pytest.approx(expected)
