from dataclasses import fields

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from fer_keras.data import synthetic_canvas, synthetic_drawing
from fer_keras.data.synthetic import PARTS, draw_faces, parts_of, synthetic_faces
from fer_keras.data.synthetic_people import Dice, sample_expression, sample_person, sample_shot
from fer_keras.emotions import EMOTIONS

ALL_SEVEN = np.arange(7)


def pixels_of(parts: np.ndarray, name: str) -> np.ndarray:
    return parts == PARTS.index(name)


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    """Return the mask with every pixel that is at most so many rows and columns away."""
    _, height, width = mask.shape
    padded = np.pad(mask, [(0, 0), (pixels, pixels), (pixels, pixels)])
    steps = range(2 * pixels + 1)
    return np.any([padded[:, r : r + height, c : c + width] for r in steps for c in steps], axis=0)


def same_persons(emotion: str, count: int = 60) -> np.ndarray:
    """Return the part maps of the same persons with this emotion, those without a hand before the face."""
    drawn = draw_faces(np.full(count, EMOTIONS.index(emotion)), seed=1)
    return drawn.parts[~pixels_of(drawn.parts, "hands").any(axis=(1, 2))]


def middle_row(mask: np.ndarray) -> float:
    return float(np.nonzero(mask)[1].mean())


def test_faces_are_gray_images_with_a_part_for_every_pixel():
    drawn = draw_faces(ALL_SEVEN, seed=0)
    assert drawn.images.shape == drawn.parts.shape == (7, 48, 48)
    assert drawn.images.dtype == drawn.parts.dtype == np.uint8
    assert drawn.labels.dtype == np.int64
    np.testing.assert_array_equal(drawn.labels, ALL_SEVEN)
    assert drawn.parts.max() < len(PARTS)
    assert all(np.ptp(image) > 60 for image in drawn.images)


def test_the_same_seed_draws_the_same_faces_and_another_one_others():
    first, again, other = (draw_faces(ALL_SEVEN, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.parts, again.parts)
    assert all((a != b).mean() > 0.5 for a, b in zip(first.images, other.images, strict=True))


def test_a_longer_list_begins_with_the_same_faces_whatever_follows():
    labels = np.arange(40) % 7
    long = draw_faces(labels, seed=2)
    for count in (1, 16, 17, 33):  # within, at and past the faces that are drawn at once
        short = draw_faces(labels[:count], seed=2)
        np.testing.assert_array_equal(short.images, long.images[:count])
        np.testing.assert_array_equal(short.parts, long.parts[:count])


def test_no_two_faces_are_alike_and_no_global_random_state_is_touched():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    images = draw_faces(np.zeros(100, int), seed=0).images
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert len(np.unique(images.reshape(100, -1), axis=0)) == 100


def test_another_label_gives_the_same_person_and_shot_with_another_expression():
    happy, sad = (draw_faces(np.full(100, EMOTIONS.index(emotion)), seed=4) for emotion in ("happy", "sad"))
    happy_hands, sad_hands = pixels_of(happy.parts, "hands"), pixels_of(sad.parts, "hands")
    assert (happy_hands != sad_hands).sum() < 0.01 * happy_hands.sum()  # at its edge what lies below may matter
    # The mouth differs in every face, the backdrop in none.
    surely_backdrop = ~grown(~(pixels_of(happy.parts, "background") & pixels_of(sad.parts, "background")), 2)
    surely_backdrop[:, 20:] = False  # farther down a dropped jaw changes the outline of the head
    np.testing.assert_array_equal(happy.images[surely_backdrop], sad.images[surely_backdrop])
    assert surely_backdrop.sum() > 1000
    assert all((happy.parts[i] != sad.parts[i]).sum() > 20 for i in range(100))


@pytest.fixture
def crowd():
    labels = np.arange(48) % 7
    dice = Dice(3, range(len(labels)), synthetic_drawing.NOISE_SHAPE)
    return sample_person(dice), sample_expression(dice, labels), sample_shot(dice), dice.bytes


def test_the_part_map_names_what_covers_most_of_each_pixel(crowd, monkeypatch):
    """Paint one part white and all else black: the gray of a pixel is then the share of that part."""
    person, act, shot, noise = crowd
    parts = synthetic_drawing.draw(person, act, shot, noise)[1]
    original = synthetic_canvas.Canvas.paint
    shares = []
    for white in range(1, len(PARTS)):

        def in_black_and_white(canvas, part, cover, tone, lit=1.0, white=white):
            original(canvas, part, cover, float(part == white), lit)

        monkeypatch.setattr(synthetic_canvas.Canvas, "paint", in_black_and_white)
        monkeypatch.setattr(synthetic_canvas.Canvas, "shade", lambda canvas, change: None)
        monkeypatch.setattr(synthetic_canvas.Canvas, "stain", lambda canvas, cover, tone: None)
        canvas = synthetic_drawing.paint(person, act, shot, noise[:, :2].astype(np.float32) / 255 - 0.5)
        shares.append(canvas.tone.copy())
    painted = np.sum(shares, axis=0)
    assert painted.min() > -1e-5 and painted.max() < 1 + 1e-5
    shares = np.stack([1 - painted, *shares])
    for part, name in enumerate(PARTS):
        assert np.all(parts[shares[part] > 0.501] == part), name
        assert not np.any(parts[shares[part] < shares.max(axis=0) - 1e-3] == part), name
        assert (shares[part] > 0.501).any(), name


@pytest.mark.parametrize("name", ["brows", "eyes", "nose", "cheeks", "mouth", "hands"])
def test_another_colour_of_a_part_changes_the_photograph_there_and_nowhere_else(name, crowd, monkeypatch):
    person, act, shot, noise = crowd
    plain, parts = synthetic_drawing.draw(*crowd)
    canvas = synthetic_drawing.paint(person, act, shot, noise[:, :2].astype(np.float32) / 255 - 0.5)
    original = synthetic_canvas.Canvas.paint

    def recoloured(canvas, part, cover, tone, lit=1.0):
        original(canvas, part, cover, tone + 0.5 * (part == PARTS.index(name)), lit)

    monkeypatch.setattr(synthetic_canvas.Canvas, "paint", recoloured)
    changed = synthetic_drawing.draw(*crowd)[0] != plain
    assert changed[pixels_of(parts, name)].mean() > 0.97  # but for pixels that were white before
    has_some = canvas.shares[PARTS.index(name)] > 0
    assert not changed[~grown(has_some, 1)].any()  # the blur of the camera reaches one pixel farther
    assert has_some.mean() < 0.4


def test_nearly_every_face_shows_every_part_and_one_in_ten_a_hand():
    parts = draw_faces(np.arange(420) % 7, seed=8).parts
    shown = {name: pixels_of(parts, name).any(axis=(1, 2)).mean() for name in PARTS}
    for name in ("skin", "forehead and hair", "brows", "eyes", "nose", "cheeks", "mouth"):
        assert shown[name] > 0.97, name
    assert 0.06 < shown["hands"] < 0.15


def test_parts_lie_where_faces_have_them():
    parts = same_persons("neutral")
    rows = [middle_row(pixels_of(parts, name)) for name in ("forehead and hair", "brows", "eyes", "nose", "mouth")]
    assert rows == sorted(rows)
    columns = np.nonzero(pixels_of(parts, "mouth"))[2]
    assert abs(columns.mean() - 23.5) < 1.5
    assert 250 < pixels_of(parts, "cheeks").sum(axis=(1, 2)).mean() / 0.5 < 600


def test_expressions_move_the_parts_as_their_action_units_say():
    parts = {emotion: same_persons(emotion) for emotion in EMOTIONS}

    def area(emotion, name):
        return pixels_of(parts[emotion], name).sum(axis=(1, 2)).mean()

    def brows_above_eyes(emotion):
        return middle_row(pixels_of(parts[emotion], "eyes")) - middle_row(pixels_of(parts[emotion], "brows"))

    assert area("surprise", "mouth") > 1.5 * area("neutral", "mouth")
    assert area("fear", "eyes") > 1.1 * area("neutral", "eyes") > 1.2 * area("disgust", "eyes")
    assert brows_above_eyes("angry") + 1 < brows_above_eyes("neutral") < brows_above_eyes("surprise") - 1


def test_the_data_set_is_balanced_and_shuffled_in_every_split():
    faces = synthetic_faces(seed=1, training=140, public=70, private=35)
    assert faces.source == "synthetic faces" and len(faces.sha256) == 64
    assert faces.splits() == ["Training", "PublicTest", "PrivateTest"]
    for split, count in (("Training", 140), ("PublicTest", 70), ("PrivateTest", 35)):
        labels = faces.split(split).labels
        np.testing.assert_array_equal(np.bincount(labels, minlength=7), count // 7)
        assert (labels != np.sort(labels)).any() and (labels != np.arange(count) % 7).any()
    assert faces.ids[17] == "synthetic 17"
    assert len(set(faces.ids)) == 245


def test_the_part_maps_of_a_data_set_are_those_of_its_images():
    arguments = {"training": 30, "public": 10, "private": 5}
    faces = synthetic_faces(**arguments)
    drawn = draw_faces(faces.labels)
    np.testing.assert_array_equal(faces.images, drawn.images)
    places = np.array([44, 3, 17])
    np.testing.assert_array_equal(parts_of(faces.take(places)), drawn.parts[places])
    assert synthetic_faces(**arguments).sha256 == faces.sha256
    assert synthetic_faces(**{**arguments, "seed": 4}).sha256 != faces.sha256


def test_an_empty_split_is_absent():
    assert synthetic_faces(training=7, public=0, private=0).splits() == ["Training"]


def test_unknown_labels_are_refused():
    with pytest.raises(AssertionError):
        draw_faces(np.array([7]))


def test_all_numbers_are_single_precision_or_drawing_takes_twice_as_long():
    dice = Dice(0, range(2), synthetic_drawing.NOISE_SHAPE)
    person, act, shot = sample_person(dice), sample_expression(dice, np.array([0, 1])), sample_shot(dice)
    values = [getattr(drawn, field.name) for drawn in (person, shot) for field in fields(drawn)] + list(act.values())
    assert {value.dtype for value in values} == {np.dtype(np.float32), np.dtype(bool)}
    assert {value.shape for value in values} == {(2, 1, 1)}


def test_a_linear_model_on_the_pixels_learns_something_but_far_from_all():
    faces = synthetic_faces(seed=0, training=700, public=210, private=0)
    pixels = faces.images.reshape(len(faces), -1) / 255.0 - 0.5
    train = faces.usage == "Training"
    model = RidgeClassifier(alpha=30).fit(pixels[train], faces.labels[train])
    assert 0.2 < model.score(pixels[~train], faces.labels[~train]) < 0.65
