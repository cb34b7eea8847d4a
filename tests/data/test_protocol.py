"""What is trained on, what selects, and what is left to test on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.data.protocol import indices, splits_to_test, without_uniform_training
from fer_keras.data.select import stratified_limit
from fer_keras.data.synthetic import synthetic_faces
from fer_keras.errors import UserError
from fer_keras.provenance import SEARCH, SplitRecipe
from tests.data.made_faces import make_faces, numbered_images, parted

THREE_SPLITS = ["Training"] * 40 + ["PublicTest"] * 10 + ["PrivateTest"] * 10


def recipe_of(faces, **settings):
    return SplitRecipe.of(Settings(**settings), faces.sha256)


def test_publictest_selects_unless_asked_otherwise():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    training, validation = parted(faces)
    assert training.ids.tolist() == faces.ids[:40].tolist()
    assert validation.ids.tolist() == faces.ids[40:50].tolist()
    assert splits_to_test(faces, recipe_of(faces)) == ("PrivateTest",)


def test_a_fraction_selects_on_a_part_of_training_and_leaves_publictest_for_testing():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    training, validation = parted(faces, val_fraction=0.25)
    assert (len(training), len(validation)) == (30, 10)
    assert set(training.usage) == set(validation.usage) == {"Training"}
    assert set(training.ids) | set(validation.ids) == set(faces.ids[:40])
    assert np.bincount(validation.labels).tolist() == [5, 5]
    assert splits_to_test(faces, recipe_of(faces, val_fraction=0.25)) == ("PublicTest", "PrivateTest")


def test_without_publictest_a_tenth_of_training_selects():
    faces = make_faces([0, 1] * 25, ["Training"] * 40 + ["PrivateTest"] * 10)
    training, validation = parted(faces)
    assert (len(training), len(validation)) == (36, 4)
    assert splits_to_test(faces, recipe_of(faces)) == ("PublicTest", "PrivateTest")


@pytest.mark.parametrize("usage", [THREE_SPLITS, ["Training"] * 60])
def test_where_the_last_epoch_is_kept_all_of_training_trains(usage):
    faces = make_faces([0, 1] * 30, usage)
    training, validation = parted(faces, keep="last")
    assert training.ids.tolist() == faces.ids[faces.usage == "Training"].tolist() and len(validation) == 0
    assert splits_to_test(faces, recipe_of(faces, keep="last")) == ("PublicTest", "PrivateTest")


@pytest.mark.parametrize("part", [{"val_fraction": 0.25}, {"folds": 4, "fold": 1}])
def test_a_part_that_is_asked_for_measures_the_last_epoch(part):
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    for one, other in zip(parted(faces, **part), parted(faces, **part, keep="last"), strict=True):
        assert one.ids.tolist() == other.ids.tolist() and len(one) in (10, 30)


def test_an_image_that_validates_has_no_copy_in_training():
    images = np.concatenate([numbered_images(60), numbered_images(60)[:30]])
    labels = [0, 1] * 30 + [0, 1] * 15
    for seed in range(5):
        faces = make_faces(labels, images=images)
        training, validation = parted(faces, val_fraction=0.2, seed=seed)
        seen = {image.tobytes() for image in training.images}
        assert not any(image.tobytes() in seen for image in validation.images)
        assert len(training) + len(validation) == 90


def test_images_that_equalising_makes_equal_stay_on_one_side():
    dark = np.random.default_rng(0).integers(0, 200, (30, 48, 48))
    faces = make_faces([0, 1] * 30, images=np.concatenate([dark, dark + 50]).astype(np.uint8))
    for seed in range(3):
        recipe = recipe_of(faces, equalize=True, val_fraction=0.25, seed=seed)
        training, validation = indices(recipe, faces)
        assert len(training) + len(validation) == 60
        assert not {*(training % 30)} & {*(validation % 30)}


def test_privatetest_is_never_touched():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    private = set(faces.split("PrivateTest").ids)
    for fraction in (0, 0.1, 0.5):
        for part in parted(faces, val_fraction=fraction):
            assert not private & set(part.ids)


@pytest.mark.parametrize(
    ("faces", "fraction", "piece"),
    [
        (make_faces([0, 1], ["PublicTest", "PrivateTest"]), 0, "no Training split. It has: PublicTest, PrivateTest"),
        (make_faces([3, 3, 1], ["Training", "Training", "PublicTest"]), 0, "'happy' alone"),
        (make_faces([0, 0, 1]), 0.5, "'disgust', 1 in all"),
        (Faces(numbered_images(2), None, np.full(2, "Training"), np.full(2, "x"), "test.csv", ""), 0, "no labels"),
    ],
)
def test_data_that_cannot_be_trained_on_is_told(faces, fraction, piece):
    with pytest.raises(UserError) as caught:
        parted(faces, val_fraction=fraction)
    assert piece in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{}, {"val_fraction": 0.25, "seed": 3}, {"limit": 20}, {"equalize": True}])
def test_a_split_is_found_again_by_its_recipe(settings):
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    recipe = recipe_of(faces, **settings)
    training, validation = indices(recipe, faces)
    limited = stratified_limit(faces, 20, 0) if "limit" in settings else faces
    expected = parted(limited, val_fraction=recipe.val_fraction, seed=recipe.seed)
    assert faces.ids[training].tolist() == expected[0].ids.tolist()
    assert faces.ids[validation].tolist() == expected[1].ids.tolist()


def test_the_ensembles_seed_limits_the_images_and_the_members_own_parts_them():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    recipe = SplitRecipe.of(Settings(limit=20, val_fraction=0.25, seed=1), faces.sha256, limit_seed=7)
    training, validation = indices(recipe, faces)
    limited = stratified_limit(faces, 20, 7)
    expected = parted(limited, val_fraction=0.25, seed=1)
    assert faces.ids[training].tolist() == expected[0].ids.tolist()
    assert faces.ids[validation].tolist() == expected[1].ids.tolist()
    assert limited.ids.tolist() != stratified_limit(faces, 20, 1).ids.tolist()


def test_a_run_that_held_nothing_out_is_found_again_by_its_recipe():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    training, validation = indices(recipe_of(faces, keep="last"), faces)
    assert training.tolist() == list(range(40)) and validation.tolist() == []


def test_one_value_in_more_than_half_of_the_pixels_is_too_uniform_to_train_on():
    images = np.zeros((3, 2304), dtype=np.uint8)
    images[0, :1152] = 1 + np.arange(1152) % 200  # half of it is 0: just kept
    images[1, :1151] = 1 + np.arange(1151) % 200
    faces = make_faces([4, 5, 6], images=images.reshape(3, 48, 48))
    assert without_uniform_training(faces).labels.tolist() == [4]


def test_nothing_but_uniform_images_is_told():
    faces = make_faces([0, 1] * 30, THREE_SPLITS, np.zeros((60, 48, 48), np.uint8))
    with pytest.raises(UserError, match="--drop-uniform: all images of Training are nearly uniform"):
        without_uniform_training(faces)


def test_uniform_images_are_left_out_of_training_alone_and_places_are_those_of_the_whole():
    images = numbered_images(60)
    images[5], images[45] = 7, 9  # constant: one in Training, one in PublicTest
    noise = np.random.default_rng(0).integers(0, 256, (60, 48, 48), dtype=np.uint8)
    images = np.where(np.isin(np.arange(60), (5, 45))[:, None, None], images, noise)
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    training, validation = indices(recipe_of(faces, drop_uniform=True), faces)
    assert training.tolist() == [i for i in range(40) if i != 5]
    assert validation.tolist() == list(range(40, 50))


def photos_with_copies() -> tuple[np.ndarray, np.ndarray]:
    """Return sixty images of as many photographs, uint8 (60, 48, 48), and other cuts of the same photographs."""
    photos = gaussian_filter(np.random.default_rng(3).normal(size=(60, 60, 60)), (0, 1.5, 1.5))
    photos = (128 + 30 * photos / photos.std()).clip(0, 255).astype(np.uint8)
    return photos[:, 6:54, 6:54].copy(), photos[:, 5:53, 7:55]


def test_photographs_of_other_splits_are_left_out_of_training_alone():
    images, cuts = photos_with_copies()
    images[3] = images[45]  # Training has what PublicTest has, pixel for pixel
    images[7], images[20:32] = cuts[55], cuts[55]  # and another cut of PrivateTest's, more often than a search tells
    images[8] = np.fliplr(cuts[44])  # and mirrored
    images[9] = cuts[10]  # the same photograph twice in Training is nobody's affair
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    kept = [i for i in range(40) if i not in (3, 7, 8, *range(20, 32))]
    training, validation = indices(recipe_of(faces, drop_copies=True), faces)
    assert training.tolist() == kept and validation.tolist() == list(range(40, 50))
    training, validation = indices(recipe_of(faces, drop_copies=True, keep="last"), faces)
    assert training.tolist() == kept and validation.tolist() == []


def test_a_blank_image_of_another_split_is_left_out_though_no_details_tell_it():
    images, _ = photos_with_copies()
    images[3] = images[45] = 9  # blank, in Training and in PublicTest
    images[7] = 200  # blank, in Training alone
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    training, _ = indices(recipe_of(faces, drop_copies=True), faces)
    assert training.tolist() == [i for i in range(40) if i != 3]


@pytest.mark.parametrize("part", [{"val_fraction": 0.25}, {"folds": 4, "fold": 2}])
def test_photographs_of_the_part_held_out_of_training_are_left_out_too(part):
    images, cuts = photos_with_copies()
    images[20:40] = cuts[:20]  # each photograph twice in Training
    photograph = np.arange(60) % 20
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    _, dealt = indices(recipe_of(faces, **part), faces)
    images[40] = np.roll(images[dealt[0]], 1, axis=1)  # PublicTest has one of those held out
    training, validation = indices(recipe_of(faces, **part, drop_copies=True), faces)
    public = photograph[dealt[0]]
    assert validation.tolist() == [i for i in dealt if photograph[i] != public] != []  # dealt as without --drop-copies
    held_out = set(photograph[validation].tolist())
    assert training.tolist() == [
        i for i in range(40) if i not in dealt and photograph[i] != public and photograph[i] not in held_out
    ]


def test_what_another_search_for_copies_left_out_counts_as_trained_on():
    images, cuts = photos_with_copies()
    images[3] = cuts[45]
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    recipe = recipe_of(faces, drop_copies=True)
    training, validation = indices(recipe, faces)
    for by in (0, recipe.copies_by + 1):  # 0: it was not recorded
        of_all, same = indices(replace(recipe, copies_by=by), faces)
        assert of_all.tolist() == list(range(40)) and len(training) < 40 and same.tolist() == validation.tolist()


def test_where_nothing_is_held_out_the_search_alone_decides_what_is_known():
    images, cuts = photos_with_copies()
    images[3] = cuts[45]
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    by_the_search = replace(recipe_of(faces, drop_copies=True, keep="last"), copies_by=SEARCH)
    assert indices(by_the_search, faces)[0].tolist() == [i for i in range(40) if i != 3]
    with_a_part = replace(recipe_of(faces, drop_copies=True, val_fraction=0.2), copies_by=SEARCH)
    assert indices(with_a_part, faces)[0].tolist() == list(range(40))


def test_copies_are_not_left_out_where_they_leave_nothing_to_tell_apart():
    images, cuts = photos_with_copies()
    images[:39] = cuts[40]
    with pytest.raises(UserError, match="--drop-copies: nearly all photographs of Training"):
        parted(make_faces([0, 1] * 30, THREE_SPLITS, images), drop_copies=True)


def test_a_held_out_part_that_other_splits_have_whole_is_refused():
    images, cuts = photos_with_copies()
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    _, held_out = indices(recipe_of(faces, val_fraction=0.1), faces)
    images[50 : 50 + len(held_out)] = cuts[held_out]
    with pytest.raises(UserError, match="--drop-copies: all photographs that are held out of Training stand in"):
        parted(make_faces([0, 1] * 30, THREE_SPLITS, images), val_fraction=0.1, drop_copies=True)


@pytest.mark.parametrize("part", [{}, {"keep": "last"}, {"folds": 2}])
def test_drawn_faces_have_no_photographs_to_leave_out(part):
    with pytest.raises(UserError, match="--drop-copies: expected photographs, received drawn, synthetic faces"):
        parted(synthetic_faces(training=7, public=7, private=7), drop_copies=True, **part)


def test_folds_part_training_and_leave_the_test_splits_alone():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    parts = []
    for fold in range(3):
        training, validation = parted(faces, seed=5, folds=3, fold=fold)
        assert splits_to_test(faces, recipe_of(faces, folds=3, fold=fold)) == ("PublicTest", "PrivateTest")
        assert sorted([*training.ids, *validation.ids]) == sorted(faces.ids[:40])
        parts += validation.ids.tolist()
    assert sorted(parts) == sorted(faces.ids[:40])  # each image validates once


def test_the_parts_of_a_cross_validated_run_are_found_again_by_its_recipe():
    faces = make_faces([0, 1] * 30, THREE_SPLITS)
    recipe = recipe_of(faces, folds=3, seed=5)
    assert recipe.cross_validates
    for fold, own in enumerate(recipe.each_fold()):
        assert not own.cross_validates
        expected = parted(faces, seed=5, folds=3, fold=fold)
        assert [faces.ids[index].tolist() for index in indices(own, faces)] == [part.ids.tolist() for part in expected]


def test_a_part_held_out_that_leaves_one_emotion_is_refused():
    """Identical images stay together, whatever their labels: here one of three angry ones is called disgust."""
    labels, shown = [0, 0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 1, 2, 2, 2, 3]
    faces = make_faces(labels, ["Training"] * 8)
    faces = replace(faces, images=faces.images[shown])
    left = []
    for seed in range(8):
        try:
            training, _ = parted(faces, folds=2, fold=0, seed=seed)
        except UserError as error:
            assert "of Training, of one emotion alone. Hold out less of it" in str(error)
            left.append(None)
        else:
            left.append(set(training.labels.tolist()))
    assert None in left and {0, 1} in left and {0} not in left, "these seeds show nothing"


@pytest.mark.parametrize("part", [{"val_fraction": 0.25}, {"folds": 4, "fold": 2}])
def test_of_what_another_search_left_no_part_is_told_again_and_all_counts_as_trained_on(part):
    images, cuts = photos_with_copies()
    images[3] = cuts[45]
    faces = make_faces([0, 1] * 30, THREE_SPLITS, images)
    recipe = recipe_of(faces, **part, drop_copies=True)
    assert len(indices(recipe, faces)[1])
    training, validation = indices(replace(recipe, copies_by=recipe.copies_by - 1), faces)
    assert training.tolist() == list(range(40)) and not len(validation)
