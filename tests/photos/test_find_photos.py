import errno
import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngImageFile

from fer_keras.errors import UserError
from fer_keras.photos.find import find_photos, read_photo
from fer_keras.photos.predict import search_all
from fer_keras.plots.style import save_figure


def image_file(path, color=(10, 20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 3), color).save(path, format="PNG")
    return path


def test_folders_are_searched_in_natural_order_and_the_rest_is_passed_over(tmp_path):
    for name in ("10.jpg", "9.PNG", "trip/2.jpeg", "trip/day 1/b.webp", ".hidden.jpg", ".thumbnails/1.jpg"):
        image_file(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    names = [path.relative_to(tmp_path).as_posix() for path in find_photos([tmp_path])]
    assert names == ["9.PNG", "10.jpg", "trip/2.jpeg", "trip/day 1/b.webp"]


def test_files_keep_the_order_they_were_given_in_and_come_once(tmp_path):
    a, b = image_file(tmp_path / "a.jpg"), image_file(tmp_path / "b.jpg")
    assert find_photos([b, tmp_path]) == [b, a]


def test_a_photo_comes_once_however_it_is_spelt(tmp_path):
    photo = image_file(tmp_path / "holiday" / "a.jpg")
    (tmp_path / "link.jpg").symlink_to(photo)
    spelt = tmp_path / "holiday" / ".." / "holiday" / "a.jpg"
    assert find_photos([photo, spelt, tmp_path / "link.jpg"]) == [photo]


def test_links_to_folders_are_followed_and_never_in_a_circle(tmp_path):
    image_file(tmp_path / "far" / "a.jpg")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "round").symlink_to(tmp_path / "here")
    assert find_photos([tmp_path / "here"]) == [tmp_path / "here" / "link" / "a.jpg"]


def test_pictures_that_this_program_drew_are_no_photos_unless_named(tmp_path, caplog):
    photo, drawn = image_file(tmp_path / "a.jpg"), tmp_path / "b.png"
    save_figure(Figure(), drawn)
    assert find_photos([tmp_path]) == [photo]
    assert f"Passed over 1 picture in {tmp_path} that this program has drawn" in caplog.text
    assert find_photos([drawn]) == [drawn]
    photo.unlink()
    with pytest.raises(UserError, match="holds no image but 1 picture that this program has drawn"):
        find_photos([tmp_path])


def test_a_file_of_any_name_may_be_an_image(tmp_path):
    assert find_photos([image_file(tmp_path / "upload")]) == [tmp_path / "upload"]


def test_a_missing_path_is_told(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.jpg does not exist"):
        find_photos([image_file(tmp_path / "a.jpg"), tmp_path / "nowhere.jpg"])


@pytest.mark.parametrize(
    ("name", "told"),
    [("a.txt", "is no image. Expected one of: jpg"), ("a.tsv", "in a table, a .csv file"), ("a.HEIC", "convert HEIC")],
)
def test_a_file_that_is_no_image_is_told(tmp_path, name, told):
    (tmp_path / name).write_bytes(b"no image at all")
    with pytest.raises(UserError, match=told) as error:
        find_photos([tmp_path / name])
    assert "\n" not in str(error.value)


def test_a_folder_without_an_image_is_told(tmp_path):
    (tmp_path / "a.txt").write_text("no image")
    with pytest.raises(UserError, match="holds no image") as error:
        find_photos([tmp_path])
    assert "HEIC" not in str(error.value)
    (tmp_path / "a.heic").write_bytes(b"...")
    with pytest.raises(UserError, match="convert HEIC to JPEG first"):
        find_photos([tmp_path])


def test_photos_of_a_telephone_in_a_folder_are_told(tmp_path, caplog):
    image_file(tmp_path / "a.jpg")
    (tmp_path / "b.heic").write_bytes(b"...")
    assert find_photos([tmp_path]) == [tmp_path / "a.jpg"]
    assert "1 HEIC" in caplog.text


@pytest.mark.parametrize(("kind", "mode"), [("png", "RGB"), ("tif", "L")])  # Pillow may map a gray TIFF into memory
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(tmp_path, orientation, kind, mode):
    upright = np.random.default_rng(0).integers(0, 256, (3, 5, 1), dtype=np.uint8).repeat(3, axis=2)
    if mode == "RGB":
        upright[..., 1] //= 2
    # How the sensor lay, by the table of the EXIF standard: where row 0 and column 0 of the file belong.
    stored = {
        1: upright,  # top, left
        2: upright[:, ::-1],  # top, right
        3: upright[::-1, ::-1],  # bottom, right
        4: upright[::-1],  # bottom, left
        5: upright.transpose(1, 0, 2),  # left, top
        6: upright[:, ::-1].transpose(1, 0, 2),  # right, top
        7: upright[::-1, ::-1].transpose(1, 0, 2),  # right, bottom
        8: upright[::-1].transpose(1, 0, 2),  # left, bottom
    }[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"a.{kind}"
    Image.fromarray(np.ascontiguousarray(stored)).convert(mode).save(path, exif=exif)
    np.testing.assert_array_equal(read_photo(path), upright)


def test_other_kinds_of_pixels_become_rgb(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGBA", (2, 1), (200, 0, 0, 0)).save(path)
    assert read_photo(path).tolist() == [[[255, 255, 255]] * 2]  # nothing is there: the paper shows
    Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], np.uint16)).save(path)
    assert read_photo(path).tolist() == [[[0] * 3, [128] * 3, [255] * 3]]
    Image.new("1", (1, 1), 1).save(path)
    assert read_photo(path).tolist() == [[[255] * 3]]
    frames = [Image.new("P", (1, 1), 0), Image.new("P", (1, 1), 1)]
    for frame in frames:
        frame.putpalette([1, 2, 3, 250, 250, 250])
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_photo(tmp_path / "a.gif").tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("content", [b"", b"no image", "cut"])
def test_a_damaged_photo_is_told_in_one_line(tmp_path, content):
    path = tmp_path / "a.jpg"
    if content == "cut":
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
        content = path.read_bytes()[:2000]
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"a\.jpg cannot be decoded\. Expected a whole image") as error:
        read_photo(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("error", [RuntimeError, KeyError, IndexError, ZeroDivisionError, NotImplementedError])
def test_whatever_a_decoder_stumbles_over_is_a_damaged_photo(tmp_path, monkeypatch, error):
    """Pillow's decoders of AVIF, BLP and others raise what they happen to on damaged files."""

    def stumbles(*_):
        raise error("Failed to decode frame 0")

    path = image_file(tmp_path / "a.png")
    monkeypatch.setattr(PngImageFile, "load", stumbles)
    with pytest.raises(UserError, match=r"cannot be decoded\. Expected a whole image, received: .*Failed to decode"):
        read_photo(path)


def test_large_photos_are_read_without_a_warning_of_pillows(tmp_path, monkeypatch):
    """It warns above MAX_IMAGE_PIXELS, and refuses above twice that."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    photo = Image.fromarray(np.arange(81, dtype=np.uint8).reshape(9, 9))
    photo.save(tmp_path / "large.png")
    without_suffix = (tmp_path / "large.png").rename(tmp_path / "large")
    assert find_photos([without_suffix]) == [without_suffix]
    np.testing.assert_array_equal(read_photo(without_suffix)[..., 0], photo)
    (whole,) = search_all([without_suffix], detect=False)
    assert whole.crops.shape == (1, 48, 48)


def test_a_folder_that_may_not_be_read_is_told_and_not_passed_over(tmp_path, monkeypatch):
    image_file(tmp_path / "a.jpg")
    image_file(tmp_path / "locked" / "b.jpg")
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "no", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PermissionError, match="locked"):
        find_photos([tmp_path])
