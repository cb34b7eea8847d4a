"""What a score is given: faces, the maps of one method, and whom to ask for more."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from fer_keras.scores import faithfulness

Predict = Callable[[np.ndarray], np.ndarray]
Explain = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Explained:
    """N faces with the maps that one method makes of them.

    images: uint8 (N, 48, 48). targets: int (N,), the classes that were explained. others: int (N,), of each image the
        likeliest class but that.
    maps: float (N, 48, 48); the larger, the more a pixel is said to speak for the target.
    parts: uint8 (N, 48, 48), indices of PARTS: what each pixel shows.
    probabilities: of any number of faces, float (M, 48, 48) of 0..255 -> (M, classes).
    explain: the method, (images, targets) -> maps. explain_untrained, explain_upper: the same of some networks of the
        same layers, one after the other: untrained ones, and such whose upper layers alone are.
    seed: of what a score draws at random.
    """

    images: np.ndarray
    targets: np.ndarray
    others: np.ndarray
    maps: np.ndarray
    parts: np.ndarray
    probabilities: Predict = field(repr=False)
    explain: Explain = field(repr=False)
    explain_untrained: tuple[Explain, ...] = field(repr=False)
    explain_upper: tuple[Explain, ...] = field(repr=False)
    seed: int = 0

    def take(self, rows: np.ndarray) -> "Explained":
        """Return what is known of these images alone. rows: integers or a boolean mask."""
        arrays = {name: getattr(self, name)[rows] for name in ("images", "targets", "others", "maps", "parts")}
        return replace(self, **arrays)

    @cached_property
    def deletion_curves(self) -> np.ndarray:
        """The target's probability as pixels vanish, the most important first: float64 (N, STEPS + 1)."""
        return faithfulness.curves(self.images, self.maps, self.targets, self.probabilities, seed=self.seed)

    @cached_property
    def insertion_curves(self) -> np.ndarray:
        """The target's probability as pixels appear, the most important first: float64 (N, STEPS + 1)."""
        return faithfulness.curves(
            self.images, self.maps, self.targets, self.probabilities, insert=True, seed=self.seed
        )
