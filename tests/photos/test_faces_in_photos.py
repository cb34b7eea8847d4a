"""Photos as data for explanations: every face found, called by its photo, and none labelled."""

import shutil

import numpy as np
import pytest
from PIL import Image

from fer_keras.data.folders import decode_face
from fer_keras.errors import UserError
from fer_keras.photos.faces import faces_in_photos
from fer_keras.photos.predict import search_all


@pytest.fixture(scope="module")
def folder(tmp_path_factory, drawn_scene):
    folder = tmp_path_factory.mktemp("photos")
    Image.fromarray(drawn_scene([(30, 30, 120), (240, 120, 140)])).save(folder / "b two.png")
    Image.fromarray(drawn_scene([(100, 60, 150)])).save(folder / "c one.png")
    Image.fromarray(drawn_scene([])).save(folder / "a none.png")
    return folder


def test_faces_are_called_by_their_photo_and_numbered_where_it_has_several(folder):
    told = []
    faces, photos = faces_in_photos([folder], tell=told.append)
    assert faces.ids.tolist() == ["b two.png 1", "b two.png 2", "c one.png"]
    found = search_all([folder / "b two.png", folder / "c one.png"])
    expected = np.concatenate([result.crops for result in found])
    np.testing.assert_array_equal(faces.images, expected)
    assert [(photo.path.name, len(photo.boxes)) for photo in photos] == [("b two.png", 2), ("c one.png", 1)]
    assert faces.labels is None and faces.source == "2 photos"
    assert [line.split(": ")[1] for line in told] == ["no face found", "2 faces", "1 face"]
    alone, _ = faces_in_photos([folder / "c one.png"], tell=told.append)
    assert alone.source == "c one.png" and alone.sha256 != faces.sha256


def test_photos_of_one_name_are_told_apart_by_their_folders(folder, tmp_path):
    for name in ("mon", "tue"):
        (tmp_path / name).mkdir()
        shutil.copyfile(folder / "c one.png", tmp_path / name / "me.png")
    shutil.copyfile(folder / "b two.png", tmp_path / "b two.png")
    faces, _ = faces_in_photos([tmp_path], tell=lambda line: None)
    assert faces.ids.tolist() == ["b two.png 1", "b two.png 2", "mon/me.png", "tue/me.png"]


def test_without_detection_a_photo_is_one_face(folder):
    faces, _ = faces_in_photos([folder / "a none.png"], detect=False, tell=lambda line: None)
    np.testing.assert_array_equal(faces.images, [decode_face(folder / "a none.png")])


def test_a_photo_that_cannot_be_read_is_not_said_to_lack_a_face(tmp_path):
    (tmp_path / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n torn")
    with pytest.raises(UserError, match=r"--photo: .*torn\.png (?!.*expected a face)"):
        faces_in_photos([tmp_path / "torn.png"], tell=lambda line: None)


def test_photos_without_a_face_are_told_in_one_line(folder):
    with pytest.raises(UserError, match=r"--photo: expected a face, received 1 photo without any\. .*--no-detect"):
        faces_in_photos([folder / "a none.png"], tell=lambda line: None)


def test_photos_of_one_name_in_folders_of_one_name_are_told_apart(folder, tmp_path):
    for name in ("2023/holiday/me.png", "2024/holiday/me.png", "2024/home/me.png", "me.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / "c one.png", tmp_path / name)
    faces, _ = faces_in_photos([tmp_path], tell=lambda line: None)
    here = tmp_path.name
    assert set(faces.ids) == {"2023/holiday/me.png", "2024/holiday/me.png", "home/me.png", f"{here}/me.png"}
