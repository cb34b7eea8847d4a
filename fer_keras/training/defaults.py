"""What a run takes where nothing else is asked for: the recipe that was measured for as many faces.

`Settings` begins with what suits a small set: Adam, batches of 64. FER2013's 28,709 faces get the recipe of
configs/quick.json: Muon at 0.1 with weight decay. On 980 drawn ones SGD was at chance where Adam had learned them:
docs/results.md has the figures. Augmentation that grows stronger after coarse epochs has been measured with vgg25
alone: it pays in 34 epochs and in 50, and costs in 17.
"""

from collections.abc import Collection
from dataclasses import fields, replace

from fer_keras.config import LONG, MANY, PROGRESSIVE, Settings
from fer_keras.errors import UserError
from fer_keras.models.catalog import ANY_SIZE, DEFAULT_ARCHITECTURE
from fer_keras.models.registry import default_dropout

ADAMW_WEIGHT_DECAY = 0.004  # Keras's own default
COARSE_SHARE = 0.6  # of the epochs, at 32x32 pixels, by networks that take images of any size


def in_force(settings: Settings, given: Collection[str], images: int) -> Settings:
    """Return the settings as they are recorded: nothing left to a default that another version may have changed.

    given: the names of the fields that were asked for. images: of training; from MANY on the other fields give way to
    the recipe for many, unless the run starts from trained weights, which a rate of 0.1 would undo.

    UserError for a fine-tuning phase by AdamW that would have no weight decay, and for augmentation that is to change
    after coarse epochs where there are none.
    """
    if images >= MANY and not settings.init_from:
        recipe = _recipe_for_many(settings, given)
        settings = replace(settings, **{name: value for name, value in recipe.items() if name not in given})
    if settings.augment == PROGRESSIVE and settings.epochs and not settings.coarse_epochs:
        more = ", or give some with --coarse-epochs" if settings.arch in ANY_SIZE else ""
        raise UserError(f"--augment {PROGRESSIVE}: expected coarse epochs, received none. Take --augment strong{more}")
    dropout = default_dropout(settings.arch) if settings.dropout is None else settings.dropout
    early_stop = 0 if settings.keep == "last" else settings.early_stop
    if settings.optimizer == "adamw" and "weight_decay" not in given:
        settings = replace(settings, weight_decay=ADAMW_WEIGHT_DECAY)  # without any it would be Adam
    if settings.fine_tune_epochs and settings.fine_tune_optimizer == "adamw" and not settings.weight_decay:
        raise UserError("--fine-tune-optimizer: adamw without a --weight-decay is adam. Expected one, or the other")
    return replace(settings, learning_rate=settings.peak_learning_rate, dropout=dropout, early_stop=early_stop)


def _recipe_for_many(settings: Settings, given: Collection[str]) -> dict:
    recipe = {item.name: item.metadata["many"] for item in fields(settings) if item.metadata["many"] is not None}
    if settings.arch in ANY_SIZE:
        recipe["coarse_epochs"] = int(COARSE_SHARE * settings.epochs)
    coarse = settings.coarse_epochs if "coarse_epochs" in given else recipe.get("coarse_epochs", 0)
    if settings.arch == DEFAULT_ARCHITECTURE and settings.epochs >= LONG and coarse:
        recipe["augment"] = PROGRESSIVE
    if settings.teachers:  # what they say is smooth already
        del recipe["label_smoothing"]
    if "optimizer" in given or "learning_rate" in given:  # a rate means nothing without its optimizer
        del recipe["optimizer"]
        if settings.optimizer not in ("sgd", "muon"):
            del recipe["weight_decay"]
    return recipe
