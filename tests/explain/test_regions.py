"""Shares by part of the face, computed by hand."""

import numpy as np
import pytest

from fer_keras.data.synthetic import PARTS
from fer_keras.explain.regions import FER2013_TEMPLATE, area_shares, region_means, region_shares

EYES, MOUTH, BACKGROUND = PARTS.index("eyes"), PARTS.index("mouth"), PARTS.index("background")


def half_parts():
    """Return a part map: eyes above, mouth below, a quarter of background at the left."""
    parts = np.full((48, 48), EYES, np.uint8)
    parts[24:] = MOUTH
    parts[:, :12] = BACKGROUND
    return parts


def test_shares_of_a_known_map():
    attribution = np.zeros((2, 48, 48))
    attribution[0, 0, 20], attribution[0, 30, 20] = 3.0, -1.0
    attribution[1, 0, 0] = -2.0
    shares = region_shares(attribution, half_parts())
    assert shares.shape == (2, len(PARTS))
    assert shares[0, EYES] == 0.75 and shares[0, MOUTH] == 0.25 and shares[1, BACKGROUND] == 1
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    positive = region_shares(attribution, half_parts(), positive=True)
    assert positive[0, EYES] == 1 and np.isnan(positive[1]).all()


def test_each_image_has_its_own_parts():
    attribution = np.zeros((2, 48, 48))
    attribution[:, 0, 20] = 1.0
    parts = np.stack([half_parts(), half_parts()[::-1]])
    shares = region_shares(attribution, parts)
    assert shares[0, EYES] == 1 and shares[1, MOUTH] == 1


def test_a_uniform_map_has_the_shares_of_the_areas():
    parts = half_parts()
    expected = np.zeros(len(PARTS))
    expected[[BACKGROUND, EYES, MOUTH]] = 0.25, 0.375, 0.375
    np.testing.assert_allclose(region_shares(np.ones((1, 48, 48)), parts)[0], expected)
    np.testing.assert_allclose(area_shares(parts)[0], expected)
    means = region_means(np.full((4, 48, 48), -2.0), parts, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(means.density_ratios[0, [BACKGROUND, EYES, MOUTH]], 1)
    assert np.isnan(means.density_ratios[0, PARTS.index("nose")])


def test_means_and_standard_errors_by_emotion():
    attribution = np.zeros((5, 48, 48))
    attribution[0, 0, 20] = 1.0  # all on the eyes
    attribution[1, 0, 20] = attribution[1, 30, 20] = 1.0  # half
    attribution[2, 30, 20] = 1.0  # none
    attribution[3, 30, 20] = 1.0  # another emotion, alone
    labels = np.array([2, 2, 2, 6, 6])  # the last map is zero: it has no shares
    found = region_means(attribution, half_parts(), labels)
    assert found.counts.tolist() == [0, 0, 3, 0, 0, 0, 1]
    assert found.shares[2, EYES] == pytest.approx(0.5)
    assert found.standard_errors[2, EYES] == pytest.approx(0.5 / np.sqrt(3))  # of 1, 0.5, 0
    assert found.density_ratios[2, EYES] == pytest.approx(0.5 / 0.375)
    assert found.shares[6, MOUTH] == 1 and np.isnan(found.standard_errors[6]).all()
    assert np.isnan(found.shares[0]).all()


def test_the_template_is_a_symmetric_face():
    template = FER2013_TEMPLATE
    assert template.shape == (48, 48) and template.dtype == np.uint8
    np.testing.assert_array_equal(template, template[:, ::-1])
    assert {PARTS[part] for part in np.unique(template)} == set(PARTS) - {"hands"}
    rows = {name: np.nonzero(template == PARTS.index(name))[0].mean() for name in PARTS if name != "hands"}
    assert rows["forehead and hair"] < rows["brows"] < rows["eyes"] < rows["nose"] < rows["mouth"]
    # Each eye is one piece beside the middle, as tall as an eye of a 48 pixel face.
    eyes = template == PARTS.index("eyes")
    assert not eyes[:, 22:26].any() and 4 <= eyes.any(axis=1).sum() <= 8
