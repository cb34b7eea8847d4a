from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_keras.data.folders import decode_face
from fer_keras.photos.predict import NO_FACE, annotate, picture_names, search_all


class Predict:
    """Probabilities that tell a face by its pixels, and a record of the calls."""

    def __init__(self):
        self.calls = []

    def __call__(self, crops):
        self.calls.append(crops.copy())
        weights = np.stack([crops[:, i : i + 6].mean(axis=(1, 2)) for i in range(0, 42, 6)], axis=1) + 1
        return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def photos(tmp_path_factory, drawn_scene):
    """Four photos: two faces, none, a broken file, one face."""
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(drawn_scene([(240, 120, 140), (30, 30, 120)])).save(folder / "two.png")
    Image.fromarray(drawn_scene([])).save(folder / "none.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    Image.fromarray(drawn_scene([(100, 60, 150)])).save(folder / "one.png")
    return [folder / name for name in ("two.png", "none.png", "broken.jpg", "one.png")]


def test_each_photo_is_told_and_the_faces_are_predicted_in_one_call(photos, tmp_path):
    predict, told = Predict(), []
    two, none, broken, one = results = annotate(search_all(photos, tell=told.append), predict, tmp_path / "new" / "out")
    assert [result.path for result in results] == photos
    assert [len(result.boxes) for result in results] == [2, 0, 0, 1]
    assert two.boxes[0].x < two.boxes[1].x

    (crops,) = predict.calls
    np.testing.assert_array_equal(crops, np.concatenate([two.crops, one.crops]))
    for result in (two, one):
        assert result.problem is None
        np.testing.assert_array_equal(result.probabilities, Predict()(result.crops))
    assert not np.array_equal(two.probabilities[0], two.probabilities[1])

    assert none.problem == NO_FACE
    assert broken.problem.startswith("cannot be decoded")
    assert none.probabilities.shape == broken.probabilities.shape == (0, 7)
    assert [line.partition(": ")[2] for line in told] == ["2 faces", NO_FACE, broken.problem, "1 face"]

    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == ["one.png", "two.png"]
    assert [result.picture and result.picture.name for result in results] == ["two.png", None, None, "one.png"]
    with Image.open(two.picture) as picture:
        assert picture.format == "PNG"
        assert picture.width > 800


@pytest.mark.parametrize(("number", "faces"), [(0, 2), (3, 1)])
def test_crops_are_of_the_faces_in_the_photo_each_beside_its_box(photos, tmp_path, number, faces):
    (result,) = annotate(search_all([photos[number]]), Predict(), tmp_path / "out")
    assert result.crops.shape == (faces, 48, 48)
    with Image.open(photos[number]) as photo:
        for box, crop in zip(result.boxes, result.crops, strict=True):
            cut = photo.crop((box.x, box.y, box.x + box.width, box.y + box.height))
            same = np.array(cut.resize((48, 48), Image.Resampling.BOX)).astype(int)
            assert np.abs(crop - same).mean() < 4


def test_without_a_face_nothing_is_predicted(photos, tmp_path):
    predict = Predict()
    annotate(search_all(photos[1:3]), predict, tmp_path / "out")
    assert annotate(search_all([]), predict, tmp_path / "out") == []
    assert predict.calls == []


def test_images_that_are_faces_already_are_taken_whole(tmp_path):
    face = np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8)
    Image.fromarray(face).save(tmp_path / "face.png")
    Image.fromarray(np.tile(face, (3, 2))).save(tmp_path / "tall.png")
    paths = [tmp_path / "face.png", tmp_path / "tall.png"]
    results = annotate(search_all(paths, detect=False), Predict(), tmp_path / "out")
    np.testing.assert_array_equal(results[0].crops[0], face)
    np.testing.assert_array_equal(results[1].crops[0], decode_face(paths[1]))
    (box,) = results[1].boxes
    assert (box.x, box.y, box.width, box.height) == (0, 0, 96, 144)
    assert all(result.picture.exists() for result in results)


def test_a_small_image_without_a_face_hints_at_faces_that_are_cut_out_already(tmp_path):
    Image.new("L", (48, 48), 128).save(tmp_path / "face.png")
    (result,) = annotate(search_all([tmp_path / "face.png"]), Predict(), tmp_path / "out")
    assert result.problem.startswith(NO_FACE)
    assert "--no-detect" in result.problem


def test_pictures_of_equal_names_stay_apart(tmp_path):
    photos = [Path("a/x.jpg"), Path("b/x.png"), Path("b/X.webp"), Path("x-2.jpg"), Path("y.tar.jpg")]
    assert picture_names(photos, tmp_path) == ["x.png", "x-2.png", "X-3.png", "x-2-2.png", "y.tar.png"]


def test_a_photo_is_never_written_over(tmp_path, drawn_scene):
    path = tmp_path / "me.png"
    Image.fromarray(drawn_scene([(100, 60, 150)])).save(path)
    before = path.read_bytes()
    (result,) = annotate(search_all([path]), Predict(), tmp_path)
    assert path.read_bytes() == before
    assert result.picture == tmp_path / "me-2.png"
    assert result.picture.exists()


def test_other_files_keep_their_place_and_earlier_pictures_give_theirs(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    photo, other = tmp_path / "a.jpg", out / "a.png"
    Image.new("L", (48, 48), 128).save(photo)
    Image.new("L", (48, 48), 64).save(other)
    (out / "A-2.PNG").write_text("no picture at all")
    before = other.read_bytes()
    for _ in range(2):
        (result,) = annotate(search_all([photo], detect=False), Predict(), out)
        assert result.picture == out / "a-3.png"
    assert other.read_bytes() == before
    assert {path.name for path in out.iterdir()} == {"a.png", "A-2.PNG", "a-3.png"}


def test_a_name_in_any_script_is_no_formula_and_no_mistake(tmp_path):
    path = tmp_path / "$x^2$ 人 & Ω.png"
    Image.new("L", (48, 48), 128).save(path)
    (result,) = annotate(search_all([path], detect=False), Predict(), tmp_path / "out")
    assert result.picture.name == path.name
