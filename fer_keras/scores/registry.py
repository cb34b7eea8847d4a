"""The scores by name: one list for the pictures, the tables and the tests."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fer_keras.scores import faithfulness, localisation, sanity, stability
from fer_keras.scores.explained import Explained


@dataclass(frozen=True)
class Score:
    """What is measured of a map.

    about: for people. higher_is_better: else lower is. anew: whether faces are explained anew for it, which takes long.
    of: returns the score of each image, float64 (N,); NaN where there is none.
    """

    about: str
    higher_is_better: bool
    anew: bool
    reference: str
    of: Callable[[Explained], np.ndarray]

    @property
    def compared(self) -> bool:
        """Whether to be ahead of maps that know no network says anything: not where two maps of a method are compared.
        Edges do not change with noise, and noise has nothing in common with itself."""
        return not self.anew


SCORES = {
    "deletion": Score(
        "mean probability while the most important pixels vanish first",
        False,
        False,
        "Petsiuk et al. 2018, arXiv:1806.07421",
        lambda it: faithfulness.areas(it.deletion_curves),
    ),
    "insertion": Score(
        "mean probability while the most important pixels appear first",
        True,
        False,
        "Petsiuk et al. 2018, arXiv:1806.07421",
        lambda it: faithfulness.areas(it.insertion_curves),
    ),
    "focus": Score(
        "share of the map on brows, eyes, nose, mouth and cheeks, over their share of the area",
        True,
        False,
        "after Wang et al. 2020, arXiv:1910.01279",
        lambda it: localisation.focus(it.maps, it.parts),
    ),
    "pointing": Score(
        "share of the images whose largest value lies on these parts",
        True,
        False,
        "Zhang et al. 2016, arXiv:1608.00507",
        lambda it: localisation.pointing(it.maps, it.parts),
    ),
    "sensitivity": Score(
        f"largest relative change of the map by noise of {stability.RADIUS:g} gray levels",
        False,
        True,
        "Yeh et al. 2019, arXiv:1901.09392",
        lambda it: stability.sensitivity(it.images, it.maps, it.targets, it.explain, seed=it.seed),
    ),
    "untrained": Score(
        "rank correlation, for or against, with the maps of untrained networks of the same layers",
        False,
        True,
        "Adebayo et al. 2018, arXiv:1810.03292",
        lambda it: sanity.mean_likeness(it.maps, (one(it.images, it.targets) for one in it.explain_untrained)),
    ),
    "upper": Score(
        "the same, where the upper half of the layers is untrained, and the lower as it is",
        False,
        True,
        "Adebayo et al. 2018, arXiv:1810.03292",
        lambda it: sanity.mean_likeness(it.maps, (one(it.images, it.targets) for one in it.explain_upper)),
    ),
    "runner-up": Score(
        "rank correlation, for or against, with the map for the emotion that comes second",
        False,
        True,
        "after Nie et al. 2018, arXiv:1805.07039",
        lambda it: sanity.mean_likeness(it.maps, [it.explain(it.images, it.others)]),
    ),
}
