"""What is trained on, what selects, and what is left to test on."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.data.protocol import (
    SplitRecipe,
    training_and_validation,
    without_copies_in_training,
    without_uniform_training,
)
from fer_keras.data.select import stratified_limit
from fer_keras.data.synthetic import synthetic_faces
from fer_keras.errors import UserError
from tests.data.made_faces import make_faces, numbered_images

THREE_SPLITS = ["Training"] * 40 + ["PublicTest"] * 10 + ["PrivateTest"] * 10


def test_publictest_selects_unless_asked_otherwise():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    for fraction in (None, 0, 0.0):
        training, validation, testable, rule = training_and_validation(faces, val_fraction=fraction, seed=0)
        assert training.ids.tolist() == faces.ids[:40].tolist()
        assert validation.ids.tolist() == faces.ids[40:50].tolist()
        assert testable == ("PrivateTest",)
        assert rule == "Trains on Training (40), selects on PublicTest (10)."


def test_a_fraction_selects_on_a_part_of_training_and_leaves_publictest_for_testing():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    training, validation, testable, rule = training_and_validation(faces, val_fraction=0.25, seed=0)
    assert (len(training), len(validation)) == (30, 10)
    assert set(training.usage) == set(validation.usage) == {"Training"}
    assert set(training.ids) | set(validation.ids) == set(faces.ids[:40])
    assert np.bincount(validation.labels).tolist() == [5, 5]
    assert testable == ("PublicTest", "PrivateTest")
    assert "30 images" in rule
    assert "0.25" in rule


def test_without_publictest_a_tenth_of_training_selects_and_the_rule_says_so():
    faces = make_faces([0, 1] * 25, ["Training"] * 40 + ["PrivateTest"] * 10)
    training, validation, testable, rule = training_and_validation(faces, val_fraction=None, seed=0)
    assert (len(training), len(validation)) == (36, 4)
    assert testable == ("PublicTest", "PrivateTest")
    assert "no PublicTest" in rule


KEEPS = "nothing of it is held out, the last epoch is kept."
UNTESTED = " The data have no test split: give --val-fraction too, or nothing tells how good it is."


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (THREE_SPLITS, "Trains on Training (40); " + KEEPS),
        (["Training"] * 60, "Trains on Training (60); " + KEEPS + UNTESTED),
    ],
)
def test_where_the_last_epoch_is_kept_all_of_training_trains(usage, said):
    faces = make_faces([0, 1] * 30, usage)
    training, validation, testable, rule = training_and_validation(faces, val_fraction=None, seed=0, holds_out=False)
    assert training.ids.tolist() == faces.ids[faces.usage == "Training"].tolist() and len(validation) == 0
    assert testable == ("PublicTest", "PrivateTest")
    assert rule == said


@pytest.mark.parametrize("part", [{"val_fraction": 0.25}, {"val_fraction": 0, "folds": 4, "fold": 1}])
def test_a_part_that_is_asked_for_measures_the_last_epoch(part):
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    selecting = training_and_validation(faces, **part, seed=0)
    measuring = training_and_validation(faces, **part, seed=0, keep="last")
    for one, other in zip(selecting[:2], measuring[:2], strict=True):
        assert one.ids.tolist() == other.ids.tolist()
    assert "selects" not in measuring[3] and "keeps the last epoch, measures it on the other 10" in measuring[3]


def test_an_image_that_validates_has_no_copy_in_training():
    images = np.concatenate([numbered_images(60), numbered_images(60)[:30]])
    labels = [0, 1] * 30 + [0, 1] * 15
    for seed in range(5):
        faces = make_faces(labels, images=images)
        training, validation, *_ = training_and_validation(faces, val_fraction=0.2, seed=seed)
        seen = {image.tobytes() for image in training.images}
        assert not any(image.tobytes() in seen for image in validation.images)
        assert len(training) + len(validation) == 90


def test_privatetest_is_never_touched():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    private = set(faces.split("PrivateTest").ids)
    for fraction in (None, 0.1, 0.5):
        for part in training_and_validation(faces, val_fraction=fraction, seed=0)[:2]:
            assert not private & set(part.ids)


@pytest.mark.parametrize(
    ("faces", "fraction", "piece"),
    [
        (make_faces([0, 1], ["PublicTest", "PrivateTest"]), None, "no Training split. It has: PublicTest, PrivateTest"),
        (make_faces([3, 3, 1], ["Training", "Training", "PublicTest"]), None, "'happy' alone"),
        (make_faces([0, 0, 1]), 0.5, "'disgust', 1 in all"),
        (make_faces([0, 0, 1, 1]), 1.0, "--val-fraction: expected a number from 0 to below 1, received 1.0"),
        (make_faces([0, 0, 1, 1]), -0.1, "received -0.1"),
        (make_faces([0, 0, 1, 1]), float("nan"), "received nan"),
        (Faces(numbered_images(2), None, np.full(2, "Training"), np.full(2, "x"), "test.csv", ""), None, "no labels"),
    ],
)
def test_data_that_cannot_be_trained_on_is_told(faces, fraction, piece):
    with pytest.raises(UserError) as caught:
        training_and_validation(faces, val_fraction=fraction, seed=0)
    assert piece in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{}, {"val_fraction": 0.25, "seed": 3}, {"limit": 20}, {"equalize": True}])
def test_a_split_is_found_again_by_its_recipe(settings):
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    recipe = SplitRecipe.of(Settings(**settings), faces.sha256)
    training, validation = recipe.indices(faces)
    limited = stratified_limit(faces, 20, 0) if "limit" in settings else faces
    expected = training_and_validation(limited, val_fraction=recipe.val_fraction, seed=recipe.seed)
    assert faces.ids[training].tolist() == expected[0].ids.tolist()
    assert faces.ids[validation].tolist() == expected[1].ids.tolist()


def test_a_run_that_held_nothing_out_is_found_again_by_its_recipe():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    training, validation = SplitRecipe.of(Settings(keep="last"), faces.sha256).indices(faces)
    assert training.tolist() == list(range(40)) and validation.tolist() == []


def test_one_value_in_more_than_half_of_the_pixels_is_too_uniform_to_train_on():
    images = np.zeros((3, 2304), dtype=np.uint8)
    images[0, :1152] = 1 + np.arange(1152) % 200  # half of it is 0: just kept
    images[1, :1151] = 1 + np.arange(1151) % 200
    faces = make_faces([4, 5, 6], images=images.reshape(3, 48, 48))
    assert without_uniform_training(faces).labels.tolist() == [4]


def test_uniform_images_are_left_out_of_training_alone_and_places_are_those_of_the_whole():
    images = numbered_images(60)
    images[5], images[45] = 7, 9  # constant: one in Training, one in PublicTest
    noise = np.random.default_rng(0).integers(0, 256, (60, 48, 48), dtype=np.uint8)
    images = np.where(np.isin(np.arange(60), (5, 45))[:, None, None], images, noise)
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    training, validation = SplitRecipe.of(Settings(drop_uniform=True), faces.sha256).indices(faces)
    assert training.tolist() == [i for i in range(40) if i != 5]
    assert validation.tolist() == list(range(40, 50))


def test_photographs_of_other_splits_are_left_out_of_training_alone():
    photos = gaussian_filter(np.random.default_rng(3).normal(size=(60, 60, 60)), (0, 1.5, 1.5))
    photos = (128 + 30 * photos / photos.std()).clip(0, 255).astype(np.uint8)
    images = photos[:, 6:54, 6:54].copy()
    images[3] = images[45]  # Training has what PublicTest has, pixel for pixel
    images[7], images[8] = photos[55, 5:53, 7:55], photos[55, 7:55, 6:54]  # and another cut of PrivateTest's, twice
    images[20:32] = images[7]  # more often than a search tells
    images[9] = photos[10, 5:53, 7:55]  # the same photograph twice in Training is nobody's affair
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    left = without_copies_in_training(faces)
    gone = (3, 7, 8, *range(20, 32))
    assert left.ids.tolist() == [name for i, name in enumerate(faces.ids) if i not in gone]
    training, validation = SplitRecipe.of(Settings(drop_copies=True), faces.sha256).indices(faces)
    assert training.tolist() == [i for i in range(40) if i not in gone]
    assert validation.tolist() == list(range(40, 50))
    alone = faces.split("Training")
    assert without_copies_in_training(alone).ids.tolist() == alone.ids.tolist()


def test_drawn_faces_have_no_photographs_to_leave_out():
    with pytest.raises(UserError, match="--drop-copies: expected photographs, received drawn, synthetic faces"):
        without_copies_in_training(synthetic_faces(training=7, public=7, private=7))


def test_folds_part_training_and_leave_the_test_splits_alone():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    parts = []
    for fold in range(3):
        training, validation, testable, rule = training_and_validation(
            faces, val_fraction=0, seed=5, folds=3, fold=fold
        )
        assert testable == ("PublicTest", "PrivateTest") and f"part {fold} of 3" in rule
        assert sorted([*training.ids, *validation.ids]) == sorted(faces.ids[:40])
        parts += validation.ids.tolist()
    assert sorted(parts) == sorted(faces.ids[:40])  # each image validates once


def test_the_parts_of_a_cross_validated_run_are_found_again_by_its_recipe():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    recipe = SplitRecipe.of(Settings(folds=3, seed=5), faces.sha256)
    assert recipe.cross_validates
    for fold, own in enumerate(recipe.each_fold()):
        assert not own.cross_validates
        expected = training_and_validation(faces, val_fraction=0, seed=5, folds=3, fold=fold)
        assert [faces.ids[index].tolist() for index in own.indices(faces)] == [
            part.ids.tolist() for part in expected[:2]
        ]


def test_the_rule_of_a_whole_cross_validation_speaks_of_all_its_networks():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    *_, rule = training_and_validation(faces, val_fraction=0, seed=5, folds=4)
    assert rule.startswith("Cross-validates: 4 networks, each trained on Training (40 images) without another of 4")
