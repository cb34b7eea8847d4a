"""Which faces are left out and kept, and how they are split."""

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.model_selection import StratifiedShuffleSplit

from fer_keras.data.faces import Faces
from fer_keras.data.select import (
    content_groups,
    equalize,
    histograms,
    largest_remainder,
    stand_among,
    stratified_folds,
    stratified_limit,
    stratified_split,
    uniform_share,
)
from fer_keras.errors import UserError
from tests.data.made_faces import make_faces, numbered_images

FER2013_COUNTS = (3995, 436, 4097, 7215, 4830, 3171, 4965)


# --- the images ---


def image_with(value_counts):
    """Return an image with so many pixels of each value, the rest of its pixels 255, shuffled."""
    values = np.repeat(list(value_counts), list(value_counts.values()))
    values = np.concatenate([values, np.full(2304 - len(values), 255)])
    return np.random.default_rng(0).permutation(values).reshape(48, 48).astype(np.uint8)


def test_uniform_share_by_hand():
    images = np.stack([image_with({9: 2304}), image_with({0: 1152, 1: 500}), image_with(dict.fromkeys(range(256), 9))])
    assert uniform_share(images).tolist() == [1.0, 0.5, 1 / 256]
    assert uniform_share(images[:0]).shape == (0,)


def test_histograms_over_many_blocks():
    images = np.random.default_rng(0).integers(0, 256, (1030, 48, 48), dtype=np.uint8)
    counted = np.concatenate(list(histograms(images)))
    assert counted.shape == (1030, 256)
    for i in (0, 1023, 1024, 1029):
        assert np.array_equal(counted[i], np.histogram(images[i], bins=256, range=(0, 256))[0])


def test_equalize_agrees_with_pillow():
    random = np.random.default_rng(0)
    images = [random.integers(low, low + spread, (48, 48)) for low, spread in ((0, 256), (100, 20), (0, 2), (250, 6))]
    images += [np.full((48, 48), value) for value in (0, 77, 255)]
    images += [np.add.outer(np.arange(48), np.arange(48)), image_with({3: 2000}), image_with({200: 2200, 3: 20})]
    images += [np.clip(random.normal(128, 5 + i % 50, (48, 48)), 0, 255) for i in range(1030)]  # more than one block
    images = np.array(images).astype(np.uint8)
    oracle = np.stack([np.asarray(ImageOps.equalize(Image.fromarray(image))) for image in images])
    assert np.array_equal(equalize(images), oracle)


def test_equalize_leaves_constant_images_and_its_input_alone():
    images = np.stack([np.full((48, 48), 9), np.arange(2304).reshape(48, 48) % 100]).astype(np.uint8)
    before = images.copy()
    assert np.array_equal(equalize(images)[0], images[0])
    assert equalize(images)[1].max() == 255
    assert np.array_equal(images, before)


def test_content_groups_number_distinct_images_by_appearance():
    a, b, c = numbered_images(3)
    assert content_groups(np.stack([b, a, b, c, a])).tolist() == [0, 1, 0, 2, 1]


# --- stratified selections ---


def test_largest_remainder_by_hand():
    # 47:16:15.8:12:6.1:3.1 of 10 seats, the usual example of Hamilton's method
    shares = np.array([47, 16, 15.8, 12, 6.1, 3.1]) / 10
    assert largest_remainder(shares).tolist() == [5, 2, 1, 1, 1, 0]
    assert largest_remainder(np.array([0.5, 0.5])).tolist() == [1, 0]
    assert largest_remainder(np.array([30, 70]) * 0.1).tolist() == [3, 7]


@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.25, 0.5, 0.9, 0.999])
def test_a_split_is_sorted_disjoint_complete_and_stratified(fraction):
    labels = np.random.default_rng(0).permutation(np.repeat(range(7), [c // 10 for c in FER2013_COUNTS]))
    rest, part = stratified_split(labels, fraction, seed=3)
    assert np.array_equal(rest, np.unique(rest))
    assert np.array_equal(part, np.unique(part))
    assert np.array_equal(np.sort(np.concatenate([rest, part])), np.arange(len(labels)))
    whole, there = np.bincount(labels), np.bincount(labels[part], minlength=7)
    assert np.all(there >= 1)
    assert np.all(there < whole)
    exact = whole * fraction
    assert np.all((np.abs(there - exact) < 1) | (there == 1) | (there == whole - 1))


def test_the_shares_of_the_classes_are_scikit_learns():
    labels = np.repeat(range(7), FER2013_COUNTS)
    _, part = stratified_split(labels, 0.2, seed=0)  # no two remainders are equal, where the two may differ
    _, oracle = next(StratifiedShuffleSplit(1, test_size=0.2, random_state=0).split(labels, labels))
    assert np.bincount(labels[part]).tolist() == np.bincount(labels[oracle]).tolist()


def test_the_seed_decides():
    labels = np.repeat(range(7), 50)
    again = [stratified_split(labels, 0.2, seed)[1].tolist() for seed in (0, 0, 1)]
    assert again[0] == again[1]
    assert again[0] != again[2]


def test_every_image_has_the_same_chance_of_validating():
    labels = np.repeat([0, 1], [30, 10])
    hits = sum(np.bincount(stratified_split(labels, 0.5, seed)[1], minlength=40) for seed in range(400))
    assert hits.min() > 150  # 200 expected, deviation 10
    assert hits.max() < 250


def test_groups_stay_together_and_the_shares_are_still_met():
    random = np.random.default_rng(0)
    labels = np.repeat(range(7), [400, 44, 410, 720, 480, 320, 500])
    groups = np.arange(len(labels))
    for _ in range(150):  # pairs and triples, some of them with labels that disagree
        members = random.choice(len(labels), random.integers(2, 4), replace=False)
        groups[members] = groups[members[0]]
    rest, part = stratified_split(labels, 0.1, 5, groups)
    assert not set(groups[rest]) & set(groups[part])
    assert len(rest) + len(part) == len(labels)
    plain = stratified_split(labels, 0.1, 5)[1]
    assert np.bincount(labels[part]).tolist() == np.bincount(labels[plain]).tolist()


def test_groups_are_not_drawn_rarer_or_more_often_than_single_images():
    labels = np.zeros(300, dtype=int)
    labels[150:] = 1
    groups = np.where(np.arange(300) % 3 == 0, np.arange(300), np.arange(300) // 2 + 1000)
    sizes = np.bincount(np.unique(groups, return_inverse=True)[1])[np.unique(groups, return_inverse=True)[1]]
    shares = [np.mean(sizes[stratified_split(labels, 0.3, seed, groups)[1]] == 1) for seed in range(60)]
    assert np.mean(shares) == pytest.approx(np.mean(sizes == 1), abs=0.03)


def test_each_class_is_on_both_sides_even_where_its_groups_are_large():
    labels = np.array([0] * 40 + [1] * 4)
    groups = np.array([*range(40), 100, 100, 101, 101])  # the second class: two pairs, and its share is one image
    rest, part = stratified_split(labels, 0.1, 0, groups)
    assert np.count_nonzero(labels[part] == 1) == np.count_nonzero(labels[rest] == 1) == 2
    assert not set(groups[rest]) & set(groups[part])


def test_a_class_that_cannot_be_on_both_sides_is_told():
    with pytest.raises(UserError, match=r"at least 2 different images of each class, received 1 \('disgust', 1 in all"):
        stratified_split(np.array([0, 0, 0, 1]), 0.5, 0)
    with pytest.raises(UserError, match=r"received 1 \('disgust', 3 in all"):
        stratified_split(np.array([0, 0, 1, 1, 1]), 0.5, 0, groups=np.array([0, 1, 2, 2, 2]))


def test_a_limit_holds_for_each_split_and_keeps_order_and_proportions():
    usage = ["Training"] * 200 + ["PublicTest"] * 100 + ["PrivateTest"] * 5
    labels = [0, 0, 0, 1] * 50 + [2] * 80 + [3] * 20 + [4] * 5
    few = stratified_limit(make_faces(labels, usage), 20, seed=0)
    assert [np.count_nonzero(few.usage == split) for split in few.splits()] == [20, 20, 5]
    assert np.bincount(few.split("Training").labels).tolist() == [15, 5]
    for seed in range(4):  # the proportions of the split's own labels: those of others would hit them now and then
        public = stratified_limit(make_faces(labels, usage), 20, seed).split("PublicTest")
        assert np.bincount(public.labels).tolist() == [0, 0, 16, 4]
    rows = [int(row.removeprefix("row ")) for row in few.ids]
    assert rows == sorted(set(rows))
    assert few.ids.tolist() == stratified_limit(make_faces(labels, usage), 20, seed=0).ids.tolist()
    assert few.ids.tolist() != stratified_limit(make_faces(labels, usage), 20, seed=1).ids.tolist()


def test_a_limit_leaves_no_class_out_where_there_is_room():
    labels = np.repeat(range(7), FER2013_COUNTS)[::10]
    few = stratified_limit(make_faces(labels), 20, seed=0)
    assert len(few) == 20
    assert set(few.labels.tolist()) == set(range(7))
    assert len(stratified_limit(make_faces(labels), 3, seed=0)) == 3


def test_a_limit_of_unlabelled_faces():
    faces = Faces(numbered_images(50), None, np.full(50, "Training"), np.arange(50).astype(str), "test.csv", "")
    assert len(stratified_limit(faces, 20, seed=0)) == 20


@pytest.mark.parametrize("seed", [0, 1])
def test_folds_are_even_in_every_class_and_keep_groups_together(seed):
    labels = np.random.default_rng(1).permutation(np.repeat([0, 3, 6], [103, 20, 60]))
    groups = np.arange(183)
    groups[10:14] = 10  # four copies of one image
    fold_of = stratified_folds(labels, 5, seed, groups)
    assert set(fold_of[10:14].tolist()) == {fold_of[10]}
    for k, size in ((0, 103), (3, 20), (6, 60)):
        counts = np.bincount(fold_of[labels == k], minlength=5)
        assert counts.sum() == size and np.ptp(counts) <= 1 + 3  # a group of four may land in one


def test_folds_depend_on_the_seed_alone():
    labels, groups = np.arange(70) % 7, np.arange(70)
    first = stratified_folds(labels, 2, 4, groups)
    assert np.array_equal(first, stratified_folds(labels, 2, 4, groups))
    assert not np.array_equal(first, stratified_folds(labels, 2, 5, groups))


def test_more_folds_than_images_of_a_class_are_refused():
    labels = np.array([0] * 20 + [1] * 4)
    groups = np.arange(24)
    groups[21] = groups[20]  # 4 images of the class, 3 of them different
    with pytest.raises(UserError, match=r"--folds 4 needs .* received 3 \('disgust'\)"):
        stratified_folds(labels, 4, 0, groups)


def test_what_stands_among_others_is_equal_to_one_in_every_pixel():
    rng = np.random.default_rng(0)
    others = rng.integers(0, 256, size=(50, 48, 48), dtype=np.uint8)
    images = rng.integers(0, 256, size=(4, 48, 48), dtype=np.uint8)
    images[1] = others[33]
    images[2] = others[33]
    images[2, 47, 47] ^= 1
    images[3] = others[33].T
    assert stand_among(images, others).tolist() == [False, True, False, False]
