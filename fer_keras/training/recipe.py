"""Optimizers and schedules of the learning rate, by keras and keras.ops alone."""

import math

import keras
from keras import ops

from fer_keras.config import Settings
from fer_keras.training.muon import Muon

STEP_DECAY, STEP_SHARE = 0.1, 1 / 3  # schedule "step": times 0.1 after each third of the phase
# schedule "one-cycle" (Smith & Topin 2018): the share of the phase where it peaks, the share of the peak it starts at
ONE_CYCLE_RISE, ONE_CYCLE_START = 0.3, 1 / 25
FINAL_SHARE = 1e-3  # of the peak: where cosine and one-cycle end


@keras.saving.register_keras_serializable("fer_keras")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of every step of a phase: a linear warm-up, then one of four courses.

    constant, step, cosine (Loshchilov & Hutter 2017) or one-cycle (which is its own warm-up). A pure function of the
    step: the optimizer counts the steps, so that a resumed run goes on where it was.
    """

    def __init__(self, course: str, peak: float, steps: int, warmup_steps: int = 0):
        self.course, self.peak, self.steps, self.warmup_steps = course, peak, steps, warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        if self.course == "one-cycle":
            return self.peak * self._one_cycle(ops.minimum(step / max(self.steps - 1, 1), 1.0))
        warmth = ops.minimum((step + 1) / (self.warmup_steps + 1), 1.0)
        left = max(self.steps - 1 - self.warmup_steps, 1)
        done = ops.clip((step - self.warmup_steps) / left, 0.0, 1.0)
        return self.peak * warmth * self._after_warmup(done)

    def _after_warmup(self, done):
        if self.course == "cosine":
            return FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + ops.cos(done * math.pi))
        if self.course == "step":
            # rounded up a little, so that a third of the steps is a third in float32 too
            return ops.power(STEP_DECAY, ops.minimum(ops.floor(done / STEP_SHARE + 1e-5), 2.0))
        return ops.ones_like(done)

    def _one_cycle(self, done):
        def between(start, end, share):  # half a cosine from start to end
            return end + (start - end) * 0.5 * (1 + ops.cos(ops.clip(share, 0.0, 1.0) * math.pi))

        rise = between(ONE_CYCLE_START, 1.0, done / ONE_CYCLE_RISE)
        fall = between(1.0, FINAL_SHARE, (done - ONE_CYCLE_RISE) / (1 - ONE_CYCLE_RISE))
        return ops.where(done < ONE_CYCLE_RISE, rise, fall)

    def get_config(self) -> dict:
        return {"course": self.course, "peak": self.peak, "steps": self.steps, "warmup_steps": self.warmup_steps}


def warmup_of(settings: Settings, epochs: int) -> float:
    """Return the epochs of warm-up in a phase of `epochs`: at most half of them."""
    return min(settings.warmup_epochs, epochs / 2)


def make_optimizer(settings: Settings, *, fine_tuning: bool, epochs: int, steps_per_epoch: int, precision: str):
    """Return the optimizer of a phase of `epochs` x `steps_per_epoch` steps, not built yet.

    Fine-tuning keeps its small learning rate constant: it starts from weights that are good already. With the plateau
    schedule the rate is a plain number that `WarmPlateau` changes between epochs. Weight decay is decoupled
    (Loshchilov & Hutter 2019) and leaves biases and batch normalisation alone.
    """
    name = settings.fine_tune_optimizer if fine_tuning else settings.optimizer
    peak = settings.fine_tune_learning_rate if fine_tuning else settings.peak_learning_rate
    course = "constant" if fine_tuning else settings.schedule
    if course == "plateau":
        rate = peak
    else:
        warmup = 0 if fine_tuning else round(warmup_of(settings, epochs) * steps_per_epoch)
        rate = Schedule(course, peak, epochs * steps_per_epoch, warmup)
    options = {
        "learning_rate": rate,
        "weight_decay": settings.weight_decay or None,
        "global_clipnorm": settings.clip_norm or None,
    }
    if name == "sgd":
        optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, **options)
    elif name == "muon":
        optimizer = Muon(momentum=0.9, nesterov=True, **options)
    elif name == "adamw":
        optimizer = keras.optimizers.AdamW(**options | {"weight_decay": settings.weight_decay})
    else:
        optimizer = keras.optimizers.Adam(**options)
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if precision == "float16":  # small gradients would vanish in float16
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer
