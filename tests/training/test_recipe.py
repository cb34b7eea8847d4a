import math

import keras
import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.training.recipe import Schedule, make_optimizer


def rates(course, steps, warmup=0, peak=1.0):
    schedule = Schedule(course, peak, steps, warmup)
    return np.array([float(schedule(step)) for step in range(steps)])


def test_cosine_is_half_way_down_in_the_middle_and_ends_near_zero():
    found = rates("cosine", 101, peak=2.0)
    assert found[0] == pytest.approx(2.0)
    assert found[50] == pytest.approx(1.0, abs=2e-3)
    assert found[25] == pytest.approx(2 * (1 + math.cos(math.pi / 4)) / 2, abs=2e-3)
    assert 0 < found[-1] < 0.01
    assert (np.diff(found) < 0).all()


def test_step_is_a_tenth_after_each_third():
    found = rates("step", 91)
    assert found[[0, 29, 30, 59, 60, 90]] == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_one_cycle_rises_to_its_peak_at_three_tenths_and_falls():
    found = rates("one-cycle", 101)
    assert found[0] == pytest.approx(1 / 25) and found[30] == pytest.approx(1.0) and found[-1] < 0.01
    assert (np.diff(found[:31]) > 0).all() and (np.diff(found[30:]) < 0).all()


@pytest.mark.parametrize("course", ["constant", "cosine", "step"])
def test_warm_up_climbs_linearly_and_never_starts_at_zero(course):
    found = rates(course, 100, warmup=4, peak=0.5)
    assert found[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(("epochs", "steps"), [(10, 6), (3, 4), (2, 3)])
def test_epochs_of_warm_up_are_counted_in_steps_and_are_at_most_half_of_all(epochs, steps):
    """Two epochs of three steps each; of three epochs one and a half: 4.5 steps, rounded to even."""
    settings = Settings(optimizer="sgd", learning_rate=1.0, schedule="constant", warmup_epochs=2.0)
    optimizer = make_optimizer(settings, fine_tuning=False, epochs=epochs, steps_per_epoch=3, precision="float32")
    found = []
    for step in range(steps + 2):
        optimizer.iterations.assign(step)
        found.append(float(optimizer.learning_rate))
    assert found == pytest.approx([(step + 1) / (steps + 1) for step in range(steps)] + [1, 1])


def test_constant_stays():
    assert rates("constant", 10, peak=0.1) == pytest.approx([0.1] * 10)


def one_step(settings, *, gradient=0.0, **options):
    """Take a step with the given gradient; return how kernel and bias, which start at 1, have changed."""
    options = {"fine_tuning": False, "epochs": 1, "steps_per_epoch": 1, "precision": "float32"} | options
    optimizer = make_optimizer(settings, **options)
    kernel = keras.Variable(np.ones(4, np.float32), name="kernel")
    bias = keras.Variable(np.ones(4, np.float32), name="bias")
    optimizer.apply([keras.ops.full((4,), gradient), keras.ops.full((4,), gradient)], [kernel, bias])
    return [float(keras.ops.convert_to_numpy(variable)[0]) - 1 for variable in (kernel, bias)]


@pytest.mark.parametrize("name", ["adam", "sgd", "adamw", "muon"])
def test_weight_decay_is_decoupled_and_leaves_biases_alone(name):
    settings = Settings(optimizer=name, learning_rate=0.1, weight_decay=0.5, schedule="constant", warmup_epochs=0)
    kernel, bias = one_step(settings)  # no gradient: all that moves is the decay, rate x decay x weight
    assert kernel == pytest.approx(-0.1 * 0.5, rel=1e-5) and bias == 0


def test_sgd_is_nesterov():
    settings = Settings(optimizer="sgd", learning_rate=0.1, schedule="constant", warmup_epochs=0)
    change, _ = one_step(settings, gradient=1.0)
    assert change == pytest.approx(-0.1 * (1 + 0.9))  # plain momentum would move by 0.1 in its first step


def test_the_global_norm_is_clipped():
    settings = Settings(optimizer="sgd", learning_rate=0.1, schedule="constant", warmup_epochs=0, clip_norm=1.0)
    change, _ = one_step(settings, gradient=100.0)
    assert change == pytest.approx(-0.1 * 1.9 / math.sqrt(8), rel=1e-5)  # eight equal weights share a norm of 1


def test_fine_tuning_has_its_own_optimizer_and_a_constant_rate():
    settings = Settings(optimizer="adam", schedule="cosine", fine_tune_learning_rate=1e-4)
    optimizer = make_optimizer(settings, fine_tuning=True, epochs=3, steps_per_epoch=10, precision="float32")
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert float(optimizer.learning_rate) == pytest.approx(1e-4)
    optimizer.iterations.assign(29)
    assert float(optimizer.learning_rate) == pytest.approx(1e-4)


def test_float16_scales_its_loss():
    optimizer = make_optimizer(Settings(), fine_tuning=False, epochs=1, steps_per_epoch=1, precision="float16")
    assert isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
