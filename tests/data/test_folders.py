"""Reading image folders: layouts, names of splits and emotions, conversions, and what cannot be read."""

import logging
import shutil

import numpy as np
import pytest
from PIL import Image

from fer_keras.data.folders import decode_face, is_face_folder, list_images, natural_key, read_images
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError


def face(value):
    return np.full((48, 48), value, dtype=np.uint8)


def put(folder, name, image):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def found(folder):
    return {image.name: (EMOTIONS[image.label], image.usage) for image in list_images(folder)}


def test_split_folders_map_onto_the_splits(tmp_path):
    for split in ("train", "val", "test"):
        for emotion in ("angry", "neutral"):
            put(tmp_path, f"{split}/{emotion}/1.png", face(1))
    assert found(tmp_path) == {
        f"{split}/{emotion}/1.png": (emotion, usage)
        for split, usage in (("train", "Training"), ("val", "PublicTest"), ("test", "PrivateTest"))
        for emotion in ("angry", "neutral")
    }


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Validation", "VAL"])
def test_every_name_of_a_validation_folder_selects(tmp_path, name):
    put(tmp_path, f"{name}/happy/1.png", face(1))
    assert found(tmp_path) == {f"{name}/happy/1.png": ("happy", "PublicTest")}


def test_emotion_folders_alone_are_training(tmp_path):
    put(tmp_path, "sad/a.jpg", face(1))
    put(tmp_path, "surprise/b.jpeg", face(1))
    assert found(tmp_path) == {"sad/a.jpg": ("sad", "Training"), "surprise/b.jpeg": ("surprise", "Training")}


def test_the_name_of_a_file_gives_its_split_back_wherever_it_lies(tmp_path):
    for name in ("Training_1", "PublicTest_2", "PrivateTest_3", "other_4", "privatetest_5"):
        put(tmp_path, f"test/fear/{name}.png", face(1))
    assert [usage for _, usage in found(tmp_path).values()].count("PrivateTest") == 3
    assert found(tmp_path)["test/fear/Training_1.png"] == ("fear", "Training")
    assert found(tmp_path)["test/fear/PublicTest_2.png"] == ("fear", "PublicTest")


def test_names_that_move_images_between_training_and_tests_are_told(tmp_path, caplog):
    """Parts of training that somebody has moved into val/ to hold them out are trained on, for their names."""
    for number in (1, 2):
        put(tmp_path / "splits", f"val/fear/Training_{number}.png", face(1))
    put(tmp_path / "splits", "train/fear/Training_3.png", face(1))
    put(tmp_path / "splits", "test/fear/PublicTest_4.png", face(1))
    put(tmp_path / "alone", "fear/PublicTest_5.png", face(1))
    list_images(tmp_path / "alone")
    assert not caplog.records
    list_images(tmp_path / "splits")
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("2 files are named after another split than that of their folder, e.g. val/fear/Training_1.")


def test_emotions_in_any_case_and_by_their_synonyms(tmp_path):
    for name in ("Anger", "DISGUST", "Fearful", "happiness", "Sadness", "Surprised", "Neutral"):
        put(tmp_path, f"Train/{name}/1.png", face(1))
    labels = {image.name.split("/")[1]: image.label for image in list_images(tmp_path)}
    assert labels == {
        "Anger": 0, "DISGUST": 1, "Fearful": 2, "happiness": 3, "Sadness": 4, "Surprised": 5, "Neutral": 6,
    }  # fmt: skip


def test_images_come_in_natural_order(tmp_path):
    for number in (10, 9, 100, 1):
        put(tmp_path, f"happy/im{number}.png", face(number))
    images = list_images(tmp_path)
    assert [image.name for image in images] == [f"happy/im{number}.png" for number in (1, 9, 10, 100)]
    assert read_images(tmp_path, images)["images"][:, 0, 0].tolist() == [1, 9, 10, 100]


def test_natural_order_never_compares_text_with_numbers():
    names = ["2", "a", "10", "a2", "", "a10b", "2b", "10a", "²"]
    ordered = sorted(names, key=natural_key)  # raises where it would
    assert ordered.index("a2") < ordered.index("a10b")
    assert ordered.index("2") < ordered.index("10")


def test_reading_keeps_48x48_gray_images_pixel_for_pixel(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (200, 48, 48), dtype=np.uint8)
    for i, image in enumerate(images):
        put(tmp_path, f"train/{EMOTIONS[i % 7]}/{i}.{('png', 'bmp', 'PNG', 'tiff')[i % 4]}", image)
    listed = list_images(tmp_path)
    read = read_images(tmp_path, listed)
    numbers = [int(name.split("/")[-1].split(".")[0]) for name in read["ids"]]
    assert sorted(numbers) == list(range(200))
    assert np.array_equal(read["images"], images[numbers])
    assert read["labels"].tolist() == [number % 7 for number in numbers]
    assert read["labels"].dtype == np.int64
    assert set(read["usage"]) == {"Training"}


def test_a_gray_jpeg_is_what_pillow_decodes(tmp_path):
    gradient = np.add.outer(np.arange(48) * 2, np.arange(48) * 3).astype(np.uint8)
    path = put(tmp_path, "face.jpg", gradient)
    assert np.array_equal(decode_face(path), np.asarray(Image.open(path)))
    assert np.abs(decode_face(path).astype(int) - gradient).mean() < 3


def test_colour_becomes_luma(tmp_path):
    colours = np.zeros((48, 48, 3), dtype=np.uint8)
    colours[:24, :, 0], colours[24:, :, 1] = 255, 255  # red above green
    decoded = decode_face(put(tmp_path, "face.png", colours))
    assert np.all(decoded[:24] == round(0.299 * 255))
    assert np.all(decoded[24:] == round(0.587 * 255))


def test_another_size_is_resampled_with_antialiasing(tmp_path):
    fine_stripes = np.tile(np.array([0, 255], dtype=np.uint8), (480, 240))  # every other column white
    decoded = decode_face(put(tmp_path, "face.png", fine_stripes))
    assert decoded.shape == (48, 48)
    assert np.abs(decoded.astype(int) - 127.5).max() < 15  # without antialiasing it would be 0 or 255


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    path = tmp_path / "face.png"
    Image.fromarray(np.full((48, 48), 128 * 256, dtype=np.uint16)).save(path)
    assert np.all(decode_face(path) == 128)


@pytest.mark.parametrize("largest", [4095, 65535])
def test_a_pgm_of_more_than_eight_bits_is_scaled_and_not_clipped(tmp_path, largest):
    pixels = np.tile(np.linspace(0, largest, 48).round().astype(">u2"), (48, 1))
    path = tmp_path / "face.pgm"
    path.write_bytes(b"P5 48 48 %d\n" % largest + pixels.tobytes())
    np.testing.assert_allclose(decode_face(path), pixels * (255 / largest), atol=1)


@pytest.mark.parametrize("largest", [235, 4095])
def test_fewer_bits_in_sixteen_are_refused_and_do_not_become_black(tmp_path, largest):
    """An array of 0 to 255 that was saved as uint16, and a camera of twelve bits."""
    pixels = np.linspace(0, largest, 48 * 48).reshape(48, 48).astype(np.uint16)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=f"16 bits a pixel, but values up to {largest} alone; convert them to 8 bits"):
        decode_face(tmp_path / "a.png")
    Image.fromarray(np.zeros((48, 48), np.uint16)).save(tmp_path / "black.png")
    assert decode_face(tmp_path / "black.png").max() == 0
    (tmp_path / "a.pgm").write_bytes(b"P5 48 48 65535\n" + pixels.astype(">u2").tobytes())
    assert decode_face(tmp_path / "a.pgm").max() == largest >> 8  # it says of how many: it is that dark


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_pixels_of_no_known_range_are_refused(tmp_path, dtype):
    path = tmp_path / "face.tif"
    Image.fromarray(np.ones((48, 48), dtype)).save(path)
    with pytest.raises(UserError, match=r"face\.tif cannot be decoded.*32 bits.*convert them to 8 or 16"):
        decode_face(path)


def test_what_is_transparent_is_white_whatever_lies_under_it(tmp_path):
    pixels = np.full((48, 48, 4), 90, np.uint8)
    pixels[..., 3] = np.where(np.arange(48) < 24, 0, 255)  # the left half is not to be seen
    Image.fromarray(pixels).save(tmp_path / "face.png")
    decoded = decode_face(tmp_path / "face.png")
    assert np.all(decoded[:, :24] == 255) and np.all(decoded[:, 24:] == 90)


def test_a_photo_is_turned_as_its_camera_held_it(tmp_path):
    image = face(0)
    image[0] = 255  # white along the top
    path = tmp_path / "face.png"
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    Image.fromarray(image).save(path, exif=exif)
    decoded = decode_face(path)
    assert np.all(decoded[-1] == 255)
    assert np.all(decoded[:-1] == 0)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("empty", "an empty file"),
        ("text", "nothing known as one"),
        ("beginning", "or only its beginning"),
        ("truncated", ""),
        ("broken PNG", ""),
    ],
)
def test_an_image_that_cannot_be_decoded_is_told_with_its_file(tmp_path, kind, said):
    path = put(tmp_path, "happy/2.jpg", np.random.default_rng(0).integers(0, 256, (48, 48), dtype=np.uint8))
    put(tmp_path, "happy/1.jpg", face(3))
    if kind == "broken PNG":
        Image.fromarray(face(3)).save(tmp_path / "png.png")
        whole = (tmp_path / "png.png").read_bytes()
        path.write_bytes(whole[:45] + b"\0" * 10 + whole[55:])
    else:
        whole = path.read_bytes()
        path.write_bytes(
            {"empty": b"", "text": b"no image\n", "beginning": whole[:20], "truncated": whole[:-300]}[kind]
        )
    with pytest.raises(UserError) as caught:
        read_images(tmp_path, list_images(tmp_path / "."))
    assert str(caught.value).startswith(f"{path} cannot be decoded") and said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_file_managers_leave_behind_is_passed_over_in_silence(tmp_path, caplog):
    put(tmp_path, "train/happy/1.png", face(1))
    for name in (".DS_Store", "train/.DS_Store", "train/happy/Thumbs.db", "train/happy/._1.png", "train/desktop.ini"):
        (tmp_path / name).write_bytes(b"junk")
    (tmp_path / "__MACOSX" / "train").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    assert list(found(tmp_path)) == ["train/happy/1.png"]
    assert not caplog.records


def test_other_files_are_passed_over_and_told_in_one_line(tmp_path, caplog):
    put(tmp_path, "train/happy/1.png", face(1))
    (tmp_path / "README.txt").write_text("about")
    (tmp_path / "train/happy/notes.csv").write_text("1")
    with caplog.at_level(logging.WARNING):
        assert list(found(tmp_path)) == ["train/happy/1.png"]
    assert len(caplog.records) == 1
    assert "2 files that are no images" in caplog.text


def test_images_outside_the_folders_of_emotions_are_told_as_such(tmp_path, caplog):
    for name in ("train/happy/1.png", "train/2.png", "3.png"):
        put(tmp_path, name, face(1))
    with caplog.at_level(logging.WARNING):
        assert list(found(tmp_path)) == ["train/happy/1.png"]
    assert len(caplog.records) == 1
    assert "2 images outside the folders of emotions" in caplog.text


def test_the_folder_of_one_emotion_alone_is_told_from_one_around_it(tmp_path, monkeypatch, caplog):
    put(tmp_path, "train/happy/1.png", face(1))
    with pytest.raises(UserError, match=f"itself that of an emotion: give the one around it, {tmp_path}/train"):
        list_images(tmp_path / "train/happy")
    monkeypatch.chdir(tmp_path / "train/happy")
    with pytest.raises(UserError, match=f"itself that of an emotion: give the one around it, {tmp_path}/train"):
        list_images(".")
    assert not caplog.records  # the one line says it all


@pytest.mark.parametrize(
    ("names", "pieces"),
    [
        (["train/hapy/1.png"], ["no emotion 'hapy'", "Did you mean 'happy'?", "angry, disgust"]),
        (["happy/1.png", "contempt/1.png"], ["no emotion 'contempt'", "angry, disgust"]),
        (["train/happy/1.png", "tset/happy/1.png"], ["'tset' stands beside 'train'", "Did you mean 'test'?"]),
        (["train/happy/more/1.png"], ["is a folder inside that of an emotion"]),
        (
            ["archive/train/happy/1.png"],
            ["no emotion 'archive'", "Faces stand in 'archive': give the path ", "/archive"],
        ),
        (["loose.png"], ["holds 1 image, none in the folder of an emotion", "train/<emotion>"]),
    ],
)
def test_a_layout_that_is_not_known_is_told(tmp_path, names, pieces):
    for name in names:
        put(tmp_path, name, face(1))
    with pytest.raises(UserError) as caught:
        list_images(tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
    for piece in pieces:
        assert piece in str(caught.value)


def test_an_empty_folder_and_one_with_a_csv_are_told(tmp_path):
    with pytest.raises(UserError, match="holds no images"):
        list_images(tmp_path)
    (tmp_path / "photos/happy").mkdir(parents=True)
    (tmp_path / "photos/happy/a.heic").write_bytes(b"a picture of a kind that is not read")
    with pytest.raises(UserError, match=r"holds no images, but 1 file of other kinds, e\.g\. .*a\.heic \(convert"):
        list_images(tmp_path / "photos")
    shutil.rmtree(tmp_path / "photos")
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n")
    with pytest.raises(UserError, match=r"It holds 'fer2013\.csv'"):
        list_images(tmp_path)
    put(tmp_path / "images", "suprise/1.png", face(1))
    put(tmp_path / "images", "happy/1.png", face(1))
    (tmp_path / "images/list.csv").write_text("file,label\n")
    with pytest.raises(UserError, match=r"no emotion 'suprise'\. Did you mean 'surprise'\?") as refused:
        list_images(tmp_path / "images")
    assert "list.csv" not in str(refused.value)
    shutil.rmtree(tmp_path / "images")
    put(tmp_path, "copies/1.png", face(1))
    with pytest.raises(UserError, match=r"no emotion 'copies'\. Expected .* It holds 'fer2013\.csv'"):
        list_images(tmp_path)


def test_a_folder_of_faces_is_known_by_its_emotions(tmp_path):
    assert not is_face_folder(tmp_path / "missing")
    assert not is_face_folder(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "happy.txt").write_text("")
    assert not is_face_folder(tmp_path)
    (tmp_path / "train" / "Happiness").mkdir()
    assert is_face_folder(tmp_path)
    assert is_face_folder(tmp_path / "train")
