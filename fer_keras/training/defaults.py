"""What a run takes where nothing else is asked for: the recipe that was measured for as many faces.

`Settings` begins with what suits a small set: Adam, batches of 64. FER2013's 28,709 faces get the recipe of
configs/quick.json: SGD at 0.1 with weight decay, which never leaves chance on 980 drawn ones. docs/results.md has the
figures.
"""

from collections.abc import Collection
from dataclasses import fields, replace

from fer_keras.config import MANY, Settings
from fer_keras.models.catalog import ANY_SIZE

COARSE_SHARE = 0.6  # of the epochs, at 32x32 pixels, by networks that take images of any size


def for_so_many(settings: Settings, given: Collection[str], images: int) -> Settings:
    """Return the settings with the recipe for that many training images, where `given` does not name the field.

    A run that starts from trained weights keeps what it has: a rate of 0.1 would undo them.
    """
    if images < MANY or settings.init_from is not None:
        return settings
    recipe = {item.name: item.metadata["many"] for item in fields(settings) if item.metadata["many"] is not None}
    if settings.arch in ANY_SIZE:
        recipe["coarse_epochs"] = int(COARSE_SHARE * settings.epochs)
    return replace(settings, **{name: value for name, value in recipe.items() if name not in given})
