"""Scores on networks and methods whose answers are known, and on cases that are computed by hand."""

import dataclasses
import random as python_random

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr

from fer_keras.data.synthetic import PARTS
from fer_keras.models.registry import build
from fer_keras.scores import baselines, faithfulness, localisation, sanity, stability
from fer_keras.scores.explained import Explained
from fer_keras.scores.registry import SCORES

SIDE = 48
OF_OTHER_NETWORKS = ("explain_untrained", "explain_upper")


@pytest.fixture
def random():
    """Numbers that are the same for a test whichever tests run before it."""
    return np.random.default_rng(0)


def weighted(weights):
    """Return a network of two classes: the first one's probability is the weighted mean of the pixels."""

    def probabilities(faces):
        first = (faces / 255 * weights).sum(axis=(1, 2)) / weights.sum()
        return np.stack([first, 1 - first], axis=1)

    return probabilities


def test_pixels_vanish_and_appear_in_the_order_of_the_map():
    image = np.array([[[200, 10], [90, 30]]], np.uint8)
    one = np.array([[[3.0, -1.0], [2.0, 0.5]]])  # order: 200, 90, 30, 10
    weights = np.array([[4.0, 1.0], [2.0, 3.0]])
    b = gaussian_filter(image[0].astype(np.float32), 1.0, mode="nearest")
    vanishing = [
        [[200, 10], [90, 30]],
        [[b[0, 0], 10], [90, 30]],
        [[b[0, 0], 10], [b[1, 0], 30]],
        [[b[0, 0], 10], [b[1, 0], b[1, 1]]],
        b,
    ]
    appearing = [b, [[200, b[0, 1]], b[1]], [[200, b[0, 1]], [90, b[1, 1]]], [[200, b[0, 1]], [90, 30]], image[0]]
    for insert, faces in ((False, vanishing), (True, appearing)):
        expected = weighted(weights)(np.array([np.array(face) for face in faces], np.float32))
        for target in (0, 1):
            got = faithfulness.curves(
                image, one, np.array([target]), weighted(weights), insert=insert, steps=4, blur=1.0
            )
            np.testing.assert_allclose(got[0], expected[:, target], rtol=1e-6)


def test_steps_that_do_not_divide_the_pixels_end_with_all_of_them(random):
    image, one = random.integers(0, 256, (1, 3, 3)), random.random((1, 3, 3))
    seen = []
    faithfulness.curves(
        image, one, np.array([0]), lambda faces: seen.append(faces) or np.ones((len(faces), 1)), steps=4
    )
    changed = [(face != seen[0][0]).sum() for face in seen[0]]
    assert changed == [0, 2, 4, 7, 9]  # of 2.25, 4.5 and 6.75, the nearest; even ones where two are as near


def test_ties_come_in_a_random_order_and_others_do_not():
    one = np.array([[0.0, 5.0], [0.0, 0.0]])
    orders = {tuple(faithfulness.ranks(one, np.random.default_rng(seed)).ravel()) for seed in range(50)}
    assert len(orders) == 6 and {order[1] for order in orders} == {0}  # the three zeros in every order


def test_an_images_curve_does_not_depend_on_the_images_beside_it(random):
    images, maps = random.integers(0, 256, (3, 8, 8)), np.zeros((3, 8, 8))  # ties alone
    targets, network = np.zeros(3, int), weighted(random.random((8, 8)))
    together = faithfulness.curves(images, maps, targets, network)
    alone = faithfulness.curves(images[2:], maps[2:], targets[2:], network)
    np.testing.assert_array_equal(together[2:], alone)
    assert (faithfulness.curves(images, maps, targets, network, seed=1) != together).any()


def test_areas_are_trapezoids():
    np.testing.assert_allclose(faithfulness.areas(np.array([[1, 0], [1, 1]])), [0.5, 1])
    np.testing.assert_allclose(faithfulness.areas(np.array([[1.0, 0.5, 0.1]])), [(0.75 + 0.3) / 2])


def parts_of(names):
    return np.array([[[PARTS.index(name) for name in row] for row in names]], np.uint8)


def test_focus_is_the_share_on_the_features_over_their_area():
    parts = parts_of([["eyes", "skin"], ["background", "background"]])
    maps = np.array([[[3.0, 1.0], [0.0, -8.0]]])  # what speaks against the target does not count
    np.testing.assert_allclose(localisation.focus(maps, parts), [(3 / 4) / (1 / 4)])
    assert np.isnan(localisation.focus(-np.ones((1, 2, 2)), parts)).all()
    assert np.isnan(localisation.focus(maps, parts_of([["skin", "skin"], ["hands", "skin"]]))).all()


def test_an_even_map_is_on_the_features_as_chance_would_have_it(random):
    parts = random.integers(0, len(PARTS), (3, 8, 8)).astype(np.uint8)
    np.testing.assert_allclose(localisation.focus(np.ones((3, 8, 8)), parts), 1)
    np.testing.assert_allclose(
        localisation.pointing(np.zeros((3, 8, 8)), parts), localisation.on_features(parts).mean(axis=(1, 2))
    )


def test_pointing_asks_for_the_largest_value_alone():
    parts = np.repeat(parts_of([["mouth", "skin"], ["forehead and hair", "brows"]]), 3, axis=0)
    maps = np.array([[[9.0, 8], [8, 8]], [[1, 9], [1, 1]], [[9, 9], [0, 9]]])
    np.testing.assert_allclose(localisation.pointing(maps, parts), [1, 0, 2 / 3])


def test_a_map_that_is_the_face_changes_by_the_noise():
    images = np.full((2, SIDE, SIDE), 100, np.uint8)
    maps = images.astype(np.float32)
    got = stability.sensitivity(images, maps, np.zeros(2, int), lambda faces, _: faces, radius=6.0, draws=3)
    assert got == pytest.approx(6 / np.sqrt(3) / 100, rel=0.05)  # the deviation of what is uniform in -6..6


def test_the_largest_change_counts_and_a_map_of_nothing_has_none():
    changes = iter([1.0, 5.0, 2.0])
    maps = np.stack([np.full((2, 2), 10.0), np.zeros((2, 2))])
    got = stability.sensitivity(
        np.zeros((2, 2, 2), np.uint8), maps, np.zeros(2, int), lambda *_: maps + next(changes), draws=3
    )
    np.testing.assert_allclose(got, [0.5, np.nan])


def test_noise_stays_within_the_range_of_pixels():
    images = np.array([[[0, 255]]], np.uint8)
    seen = []
    stability.sensitivity(images, images, np.zeros(1, int), lambda faces, _: seen.append(faces) or faces)
    assert min(face.min() for face in seen) == 0 and max(face.max() for face in seen) == 255


def test_likeness_is_spearmans_correlation_of_the_magnitudes(random):
    a, b = random.normal(size=(2, 4, 8, 8)).round(1)  # with ties
    expected = [spearmanr(np.abs(x).ravel(), np.abs(y).ravel()).statistic for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(sanity.likeness(a, b), expected)
    np.testing.assert_allclose(sanity.likeness(a, -3 * a), 1)
    assert np.isnan(sanity.likeness(a, np.ones_like(a))).all()


def test_likeness_to_several_is_the_mean_for_or_against_of_those_that_have_a_map(random):
    a = random.normal(size=(3, 8, 8))
    rising, blank = np.arange(64.0).reshape(1, 8, 8), np.ones((1, 8, 8))
    falling = 63.0 - rising
    others = [np.concatenate([a[:1], falling, blank]), np.concatenate([blank, rising, blank])]
    found = sanity.mean_likeness(np.concatenate([a[:1], rising, a[:1]]), others)
    np.testing.assert_allclose(found, [1.0, 1.0, np.nan])  # of one; of 1 and -1; of none


def test_an_untrained_network_has_nothing_of_what_the_model_began_with_and_the_model_stays():
    model = build("cnn3", seed=3)
    before = model.get_weights()
    for seed in (0, 3):
        clone = sanity.untrained(model, seed)
        for got, there in zip(clone.trainable_weights, model.trainable_weights, strict=True):
            got, there = np.array(got).ravel(), np.array(there).ravel()
            assert got.std() == pytest.approx(there.std(), rel=0.1)  # biases: 0
            assert not got.any() or len(np.unique(got)) == 1 or abs(np.corrcoef(got, there)[0, 1]) < 0.1
    for got, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_where_the_upper_half_is_untrained_the_lower_is_as_it_was(random):
    model = build("cnn3", seed=3)
    model.set_weights([random.random(weights.shape) for weights in model.get_weights()])
    clone = sanity.untrained(model, 1, kept=0.5)
    layers = [layer for layer in model.layers if layer.weights]
    same = [
        all(map(np.array_equal, layer.get_weights(), clone.get_layer(layer.name).get_weights())) for layer in layers
    ]
    half = round(len(layers) / 2)
    assert same == [True] * half + [False] * (len(layers) - half)


def test_preprocessing_that_was_adapted_is_no_training():
    normalization = keras.layers.Normalization(axis=None)
    normalization.adapt(np.array([100.0, 140.0]))
    inner = keras.Sequential([keras.Input((3,)), normalization, keras.layers.Dense(5, kernel_initializer="zeros")])
    inner.compile("sgd", lambda y, p: keras.ops.mean(p))  # a loss of the caller's own must not be in the way
    model = keras.Sequential([keras.Input((3,)), inner])
    clone = sanity.untrained(model)
    copy = clone.get_layer(inner.name).get_layer(normalization.name)
    np.testing.assert_allclose(copy(np.array([[100.0, 120.0, 160.0]])), [[-1.0, 0.0, 2.0]])


def test_initialisers_without_a_seed_of_their_own_go_by_the_one_given():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5)])
    first, again, other = (sanity.untrained(model, seed).get_weights()[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_a_seed_decides_of_initialisers_too_that_stand_in_no_configuration():
    """A layer within `SpectralNormalization` has a vector that its code draws."""
    dense = keras.layers.SpectralNormalization(keras.layers.Dense(5))
    model = keras.Sequential([keras.Input((3,)), dense])
    first, again, other = (sanity.untrained(model, seed).get_weights() for seed in (1, 1, 2))
    for one, same, another in zip(first, again, other, strict=True):
        np.testing.assert_array_equal(one, same)
        assert (one != another).any() or not one.any()  # biases: 0


def test_the_random_generators_of_the_caller_go_on_as_if_nothing_had_been():
    def draws():
        keras.utils.set_random_seed(5)
        yield
        yield python_random.random(), np.random.random(), float(tf.random.uniform(()))  # noqa: NPY002

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5), keras.layers.Dropout(0.5)])
    undisturbed, disturbed = draws(), draws()
    next(undisturbed)
    expected = next(undisturbed)
    next(disturbed)
    sanity.untrained(model, 1)
    assert next(disturbed) == expected


def test_edges_are_where_gray_changes_whatever_the_images_beside():
    faces = np.zeros((2, SIDE, SIDE), np.uint8)
    faces[0, :, 20:] = 100
    maps = baselines.edges(faces, np.zeros(2, int))
    assert maps.shape == faces.shape and maps.dtype == np.float32
    assert set(np.flatnonzero(maps[0].any(axis=0))) == {19, 20} and not maps[1].any()
    np.testing.assert_array_equal(maps[0], maps[0].mean(axis=0, keepdims=True).repeat(SIDE, axis=0))


def test_the_spot_lies_in_the_centre_and_is_as_wide_as_a_sixth_of_the_side():
    (one,) = baselines.centre(np.zeros((1, SIDE, SIDE), np.uint8), np.zeros(1, int))
    np.testing.assert_allclose(one, one[::-1])
    np.testing.assert_allclose(one, one.T)
    assert one.argmax() // SIDE == 23 and one.dtype == np.float32
    np.testing.assert_allclose(one[23, 31] / one[23, 23], np.exp(-(7.5**2 - 0.5**2) / (2 * 8**2)), rtol=1e-5)


def test_noise_is_other_noise_each_time_and_the_same_for_a_seed():
    faces = np.zeros((2, SIDE, SIDE))
    method, again = baselines.noise(1), baselines.noise(1)
    first, second = method(faces, None), method(faces, None)
    assert (first != second).all(axis=(1, 2)).all()
    np.testing.assert_array_equal(again(faces, None), first)


@pytest.fixture
def right(random):
    """Three faces, bright on the mouth, of a network that reads the mouth alone, with maps that say so."""
    parts = np.full((3, SIDE, SIDE), PARTS.index("background"), np.uint8)
    parts[:, 30:42, 12:36] = PARTS.index("mouth")
    mouth = parts == PARTS.index("mouth")
    images = np.where(mouth, 250, random.integers(0, 100, mouth.shape)).astype(np.uint8)
    maps = mouth + random.random(mouth.shape) / 10
    other = np.random.default_rng(1).random(mouth.shape)
    return Explained(
        images,
        np.zeros(3, int),
        np.ones(3, int),
        maps,
        parts,
        weighted(mouth[0].astype(float)),
        explain=lambda faces, targets: other if targets.any() else maps,
        explain_untrained=(lambda faces, _: random.random(faces.shape),) * 2,
        explain_upper=(lambda faces, _: random.random(faces.shape),) * 2,
    )


@pytest.mark.parametrize("name", SCORES)
def test_every_score_prefers_the_right_map_to_a_wrong_one(right, name, random):
    score = SCORES[name]
    upside_down = right.maps[:, ::-1]
    wrong = dataclasses.replace(
        right,
        maps=upside_down,
        explain=lambda faces, targets: upside_down if targets.any() else random.random(faces.shape),
        explain_untrained=(lambda *_: upside_down,) * 2,
        explain_upper=(lambda *_: upside_down,) * 2,
    )
    good, bad = score.of(right), score.of(wrong)
    assert good.shape == bad.shape == (3,) and good.dtype == np.float64
    assert (good > bad).all() if score.higher_is_better else (good < bad).all()
    assert score.about and score.reference


@pytest.mark.parametrize("name", SCORES)
def test_an_images_score_does_not_depend_on_the_map_scale(right, name):
    of_others = {name: (lambda faces, _: np.random.default_rng(0).random(faces.shape),) for name in OF_OTHER_NETWORKS}
    larger = dataclasses.replace(
        right, maps=right.maps * 1000, explain=lambda *a: right.explain(*a) * 1000, **of_others
    )
    same = dataclasses.replace(right, **of_others)
    np.testing.assert_allclose(SCORES[name].of(larger), SCORES[name].of(same))


def test_taking_some_images_takes_all_that_is_known_of_them(right):
    some = right.take(np.array([2, 0]))
    for name in ("images", "targets", "others", "maps", "parts"):
        np.testing.assert_array_equal(getattr(some, name), getattr(right, name)[[2, 0]])
    assert some.probabilities is right.probabilities and len(SCORES["deletion"].of(some)) == 2
