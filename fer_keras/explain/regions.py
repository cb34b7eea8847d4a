"""How much of an explanation lies on which part of the face.

Synthetic faces come with an exact map of their parts. FER2013's do not: its faces are aligned, roughly, so one fixed
template stands for all of them. A share by the template is a statement about places in the image, not about what each
face has there: a hand before the mouth counts as mouth.
"""

from dataclasses import dataclass

import numpy as np

from fer_keras.data.synthetic import PARTS
from fer_keras.emotions import IMAGE_SIZE, NUM_EMOTIONS


@dataclass(frozen=True)
class RegionMeans:
    """Shares of an explanation by emotion and part (P parts, in the order of PARTS).

    counts: int64 (7,), explanations of each emotion that count (those that are zero everywhere do not).
    shares: float64 (7, P), mean share, 0..1; NaN for an emotion without explanations. Rows sum to 1.
    standard_errors: float64 (7, P), of those means; NaN for fewer than two explanations.
    areas:  float64 (7, P), mean share of the pixels that the part covers. `shares / areas` is the density ratio: 1
            where a part has just its share of the pixels, 2 where it has twice as much of the attribution.
    """

    counts: np.ndarray
    shares: np.ndarray
    standard_errors: np.ndarray
    areas: np.ndarray

    @property
    def density_ratios(self) -> np.ndarray:
        """Float64 (7, P): shares over areas; NaN where a part covers no pixel."""
        return np.divide(self.shares, self.areas, out=np.full_like(self.shares, np.nan), where=self.areas > 0)


def region_shares(maps: np.ndarray, parts: np.ndarray, *, positive: bool = False) -> np.ndarray:
    """Return the share of each explanation's attribution that lies on each part.

    Args:
        maps: float (N, H, W), attributions, signed or not.
        parts: uint8 (N, H, W) or (H, W) for all, indices of PARTS.
        positive: count positive attribution alone, instead of the magnitude of both signs.

    Returns:
        float64 (N, P), rows sum to 1; NaN in the row of a map that has nothing to share.
    """
    mass = np.maximum(maps, 0) if positive else np.abs(maps)
    on_parts = _sums_by_part(mass, parts)
    total = on_parts.sum(axis=1, keepdims=True)
    return np.divide(on_parts, total, out=np.full_like(on_parts, np.nan), where=total > 0)


def area_shares(parts: np.ndarray) -> np.ndarray:
    """Return the share of the pixels that each part covers: float64 (N, P) for parts (N, H, W), (1, P) for (H, W)."""
    parts = parts if parts.ndim == 3 else parts[None]
    return _sums_by_part(np.ones(parts.shape), parts) / parts[0].size


def region_means(maps: np.ndarray, parts: np.ndarray, labels: np.ndarray, *, positive: bool = False) -> RegionMeans:
    """Return the mean share of each part by emotion, with its standard error.

    Args:
        maps, parts, positive: as for `region_shares`.
        labels: int (N,), 0..6, the emotion that an image is counted under.
    """
    shares = region_shares(maps, parts, positive=positive)
    areas = np.broadcast_to(area_shares(parts), shares.shape)
    counted = np.isfinite(shares[:, 0])
    counts = np.bincount(labels[counted], minlength=NUM_EMOTIONS)
    means, errors, mean_areas = np.full((3, NUM_EMOTIONS, len(PARTS)), np.nan)
    for label in np.flatnonzero(counts):
        rows = counted & (labels == label)
        means[label], mean_areas[label] = shares[rows].mean(axis=0), areas[rows].mean(axis=0)
        if counts[label] > 1:
            errors[label] = shares[rows].std(axis=0, ddof=1) / np.sqrt(counts[label])
    return RegionMeans(counts, means, errors, mean_areas)


def _sums_by_part(mass: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Return float64 (N, P), the sum of mass (N, H, W) on each part."""
    parts = np.broadcast_to(parts, mass.shape)
    sums = [np.where(parts == part, mass, 0).sum(axis=(1, 2), dtype=np.float64) for part in range(len(PARTS))]
    return np.stack(sums, axis=1)


def _draw_template() -> np.ndarray:
    """Return the parts of FER2013's aligned faces, drawn over the mean faces of its training split by emotion."""
    middle = (IMAGE_SIZE - 1) / 2
    y, x = np.indices((IMAGE_SIZE, IMAGE_SIZE), np.float64)
    aside = np.abs(x - middle)  # the face is symmetric: one side is drawn

    def ellipse(centre_aside, centre_y, half_width, half_height):
        return ((aside - centre_aside) / half_width) ** 2 + ((y - centre_y) / half_height) ** 2 <= 1

    def box(left, right, top, bottom):
        return (aside >= left) & (aside <= right) & (y >= top) & (y <= bottom)

    face = ellipse(0, 22, 18.5, 26.5)
    # Later parts lie over earlier ones.
    shapes = {
        "forehead and hair": (ellipse(0, 20, 23.5, 24) | face) & (y < 20),
        "skin": face & (y >= 12),
        "cheeks": ellipse(10.5, 27, 6.5, 6.5),
        "mouth": ellipse(0, 38.5, 10.5, 5.5),
        "nose": (y >= 17) & (y <= 32) & (aside <= 2 + 3.5 * (y - 17) / 15),
        "eyes": box(3.5, 15, 15, 20),
        "brows": box(3, 16, 10.5, 14.5),
    }
    template = np.full((IMAGE_SIZE, IMAGE_SIZE), PARTS.index("background"), np.uint8)
    for part, inside in shapes.items():
        template[inside] = PARTS.index(part)
    template.flags.writeable = False
    return template


FER2013_TEMPLATE = _draw_template()  # uint8 (48, 48), indices of PARTS; "hands" occurs nowhere
