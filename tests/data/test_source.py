"""Where data is found, and that a CSV and a folder of the same images read alike."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from fer_keras.data import cache
from fer_keras.data.faces import SYNTHETIC
from fer_keras.data.source import find_data, passed_over, read_faces
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "SETTLED_NS", -1)  # the files of a test are always younger than two seconds


IMAGES = np.random.default_rng(0).integers(0, 256, (7, 48, 48), dtype=np.uint8)
USAGE = ["Training", "Training", "PublicTest", "Training", "PrivateTest", "Training", "Training"]


def write_csv(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{i},{' '.join(map(str, IMAGES[i].ravel()))},{USAGE[i]}" for i in range(7)]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    return path


def write_folder(path):
    for i, emotion in enumerate(EMOTIONS):
        (path / "train" / emotion).mkdir(parents=True)
        Image.fromarray(IMAGES[i]).save(path / "train" / emotion / f"{USAGE[i]}_{i}.png")
    return path


def test_a_csv_and_a_folder_of_the_same_images_read_alike(tmp_path):
    table = read_faces(write_csv(tmp_path / "faces.csv"))
    folder = read_faces(write_folder(tmp_path / "faces"))
    folder = folder.take(np.argsort(folder.labels))
    for faces in (table, folder):
        assert np.array_equal(faces.images, IMAGES)
        assert faces.labels.tolist() == list(range(7))
        assert faces.usage.tolist() == USAGE
    assert table.ids.tolist() == [f"row {i}" for i in range(2, 9)]
    assert folder.ids[3] == "train/happy/Training_3.png"
    assert table.source == str(tmp_path / "faces.csv")
    assert table.sha256 == hashlib.sha256((tmp_path / "faces.csv").read_bytes()).hexdigest()


def test_a_folder_of_the_name_of_the_drawn_faces_is_none_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / SYNTHETIC)
    faces = read_faces(SYNTHETIC)
    assert not faces.synthetic and read_faces(faces.source).sha256 == faces.sha256


def test_a_tilde_that_means_nobody_is_a_mistake():
    with pytest.raises(UserError, match=r"'~nobody-here/faces\.csv': expected ~/ or ~user/"):
        find_data("~nobody-here/faces.csv")


def test_a_file_whose_name_is_not_utf8_is_refused_before_it_is_read(tmp_path):
    folder = write_folder(tmp_path / "faces")
    (folder / "train" / "sad" / os.fsdecode(b"caf\xe9.png")).write_bytes(b"")
    with pytest.raises(UserError, match=r"names in UTF-8, received 'train/sad/caf\\udce9.png'"):
        read_faces(folder)


@pytest.mark.parametrize("write", [write_csv, write_folder])
def test_a_second_read_is_equal_and_an_edit_is_seen(tmp_path, write):
    path = write(tmp_path / "faces")
    first, second = read_faces(path), read_faces(str(path))
    assert (first.source, first.sha256) == (second.source, second.sha256)
    for name in ("images", "labels", "usage", "ids"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
        assert getattr(first, name).dtype == getattr(second, name).dtype
    if path.is_dir():
        (path / "train" / "happy" / "Training_3.png").unlink()
    else:
        path.write_text(path.read_text().replace("PrivateTest", "PublicTest"))
    third = read_faces(path)
    assert third.sha256 != first.sha256
    assert third.usage.tolist() != first.usage.tolist()


def test_a_bad_file_is_told_again_at_every_read(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("emotion,pixels\n9,1 2 3\n")
    for _ in range(2):
        with pytest.raises(UserError, match="row 2"):
            read_faces(path)


def test_a_path_that_is_not_there_is_told(tmp_path):
    write_csv(tmp_path / "fer2013.csv")
    for read in (read_faces, lambda path: find_data(str(path))):
        with pytest.raises(UserError, match=r"no data at .*fer2103\.csv'\. Did you mean 'fer2013\.csv'\?"):
            read(tmp_path / "fer2103.csv")
        with pytest.raises(UserError, match="Expected a CSV file, a folder of images, auto or synthetic"):
            read(tmp_path / "nowhere" / "faces.csv")


def test_auto_takes_the_first_that_is_there(tmp_path):
    data = tmp_path / "data"
    assert find_data("auto", tmp_path) is None
    data.mkdir()
    assert find_data("auto", tmp_path) is None
    (data / "happy").mkdir()
    assert find_data("auto", tmp_path) == data
    (data / "fer2013").mkdir()
    assert find_data("auto", tmp_path) == data  # nothing in the other folder
    write_folder(data / "fer2013")
    assert find_data("auto", tmp_path) == data / "fer2013"
    for name in ("train.csv", "icml_face_data.csv", "fer2013/fer2013.csv", "fer2013.csv"):
        (data / name).write_text("")
        assert find_data("auto", tmp_path) == data / name


def test_what_auto_does_not_take_can_be_told(tmp_path):
    assert passed_over(tmp_path) == []
    for name in ("fer2013.tar.gz", "FER.csv", "notes.txt", ".hidden.csv"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).touch()
    write_folder(tmp_path / "data" / "archive")
    assert find_data("auto", tmp_path) is None
    assert passed_over(tmp_path) == ["data/FER.csv", "data/archive", "data/fer2013.tar.gz"]


def test_a_pipe_is_refused_for_it_can_be_read_once_only(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe is neither a file nor a folder"):
        read_faces(tmp_path / "pipe")


def test_synthetic_means_no_path_and_a_path_means_itself(tmp_path):
    write_csv(tmp_path / "data" / "fer2013.csv")
    assert find_data("synthetic", tmp_path) is None
    other = write_csv(tmp_path / "other.csv")
    assert find_data(str(other), tmp_path) == other


def test_a_folder_of_the_name_of_the_built_in_faces_is_recorded_as_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "synthetic")
    source = read_faces(find_data("./synthetic")).source
    assert find_data(source) is not None and find_data(source).samefile("synthetic")


def test_reading_imports_no_tensorflow(tmp_path):
    path = write_csv(tmp_path / "faces.csv")
    code = (
        "import sys; from fer_keras.data import audit, select, source; "
        f"source.read_faces({str(path)!r}); assert not {{'tensorflow', 'keras'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_data_behind_a_link_to_nowhere_are_not_replaced_by_others(tmp_path):
    write_csv(tmp_path / "data" / "train.csv")
    link = tmp_path / "data" / "fer2013.csv"
    link.symlink_to(tmp_path / "unmounted" / "fer2013.csv")
    for spec in ("auto", str(link)):
        with pytest.raises(UserError, match=f"{link} is a link to .*unmounted/fer2013.csv, which is not there"):
            find_data(spec, tmp_path)
    write_csv(tmp_path / "unmounted" / "fer2013.csv")
    assert find_data("auto", tmp_path) == link
