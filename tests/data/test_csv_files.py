"""Reading CSV files: every header seen in the field, and every mistake told with its row."""

import gzip

import numpy as np
import pandas as pd
import pytest

from fer_keras.data import csv_files
from fer_keras.data.csv_files import read_csv
from fer_keras.errors import UserError


@pytest.fixture
def faces():
    """Six random images (6, 2304) with numbers of one, two and three digits side by side, labels and splits."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 2304)) // random.choice([1, 3, 30], (6, 2304))
    return images, [3, 0, 6, 2, 1, 4], ["Training", "PublicTest", "Training", "PrivateTest", "Training", "Training"]


def text_of(image):
    return " ".join(map(str, image))


def write(path, header, rows, line_end="\n"):
    path.write_bytes(line_end.join([header, *rows, ""]).encode())
    return path


def row_writer(layout):
    """Return a function of (label, pixels, usage, id) that fills a layout such as '{label},{pixels}'."""
    return lambda label, pixels, usage, number: layout.format(label=label, pixels=pixels, usage=usage, id=number)


@pytest.mark.parametrize(
    ("header", "layout"),
    [
        ("emotion,pixels,Usage", "{label},{pixels},{usage}"),
        ("emotion, Usage, pixels", "{label}, {usage}, {pixels}"),
        ("emotion,pixels", "{label},{pixels}"),
        ("pixels", "{pixels}"),
        ("label,feature", "{label},{pixels}"),
        ("id,feature", "{id},{pixels}"),
        ("USAGE,Pixels,EMOTION", "{usage},{pixels},{label}"),
        ('"emotion","pixels","Usage"', '"{label}","{pixels}","{usage}"'),
        (" emotion , pixels ,  Usage ", "  {label} ,  {pixels}  , {usage} "),
        (",emotion,pixels,Usage,source", "17,{label},{pixels},{usage},somewhere"),
    ],
)
@pytest.mark.parametrize(("line_end", "mark"), [("\n", ""), ("\r\n", ""), ("\n", "\ufeff"), ("\r\n", "\ufeff")])
def test_every_header_gives_the_same_faces(tmp_path, faces, header, layout, line_end, mark):
    images, labels, usage = faces
    fill = row_writer(layout)
    rows = [fill(labels[i], text_of(images[i]), usage[i], f"face{i}") for i in range(6)]
    read = read_csv(write(tmp_path / "faces.csv", mark + header, rows, line_end))
    assert read["images"].dtype == np.uint8
    assert np.array_equal(read["images"], images.reshape(6, 48, 48))
    if "{label}" in layout:
        assert read["labels"].dtype == np.int64
        assert read["labels"].tolist() == labels
    else:
        assert "labels" not in read
    assert read["usage"].tolist() == (usage if "{usage}" in layout else ["Training"] * 6)
    assert read["ids"].tolist() == [f"face{i}" if "{id}" in layout else f"row {i + 2}" for i in range(6)]


def test_agrees_with_pandas_and_fromstring_over_many_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "_BLOCK", 50_000)  # about six rows
    images = np.random.default_rng(1).integers(0, 256, (60, 2304))
    path = write(tmp_path / "many.csv", "emotion,pixels", [f"{i % 7},{text_of(images[i])}" for i in range(60)])
    frame = pd.read_csv(path)
    read = read_csv(path)
    oracle = np.stack([np.fromstring(pixels, dtype=np.uint8, sep=" ") for pixels in frame["pixels"]])
    assert np.array_equal(read["images"].reshape(60, 2304), oracle)
    assert read["labels"].tolist() == frame["emotion"].tolist()
    assert read["ids"][-1] == "row 61"


def test_unusual_but_right_spellings_are_read_all_the_same(tmp_path, faces):
    images, *_ = faces
    spellings = [
        "  ".join(map(str, images[0])),  # two spaces
        "\t".join(map(str, images[1])),
        " ".join(f"{value:03d}" for value in images[2]),
        " ".join(f"{value:05d}" for value in images[3]),
        text_of(images[4]),
    ]
    read = read_csv(write(tmp_path / "odd.csv", "pixels", spellings))
    assert np.array_equal(read["images"], images[:5].reshape(5, 48, 48))


def test_blank_lines_are_passed_over_and_still_counted(tmp_path, faces):
    first, second = (text_of(image) for image in faces[0][:2])
    read = read_csv(write(tmp_path / "blank.csv", "emotion,pixels", [f"1,{first}", "", "  ", f"2,{second}", ""]))
    assert read["ids"].tolist() == ["row 2", "row 5"]
    assert read["labels"].tolist() == [1, 2]


def test_the_last_line_needs_no_line_end(tmp_path, faces):
    path = tmp_path / "faces.csv"
    path.write_text(f"pixels\n{text_of(faces[0][0])}")
    assert np.array_equal(read_csv(path)["images"][0], faces[0][0].reshape(48, 48))


def changed(pixels, place, word):
    words = pixels.split()
    words[place] = word
    return " ".join(words)


PIXELS = " ".join(["7"] * 2304)

BAD_ROWS = {
    "too few pixels": (f"3,{PIXELS[:-2]},Training", ["2,304", "2,303"]),
    "too many pixels": (f"3,{PIXELS} 7,Training", ["2,304", "2,305"]),
    "no pixels": ("3,,Training", ["2,304", "received 0"]),
    "a letter": (f"3,{changed(PIXELS, 16, 'x7')},Training", ["0 to 255", "'x7'", "pixel 17"]),
    "300": (f"3,{changed(PIXELS, 2303, '300')},Training", ["0 to 255", "'300'", "pixel 2,304"]),
    "256": (f"3,{changed(PIXELS, 0, '256')},Training", ["0 to 255", "'256'", "pixel 1"]),
    "1007": (f"3,{changed(PIXELS, 5, '1007')},Training", ["0 to 255", "'1007'", "pixel 6"]),
    "very many digits": (f"3,{changed(PIXELS, 5, '1' * 5000)},Training", ["0 to 255", "pixel 6"]),
    "negative": (f"3,{changed(PIXELS, 9, '-1')},Training", ["0 to 255", "'-1'", "pixel 10"]),
    "a fraction": (f"3,{changed(PIXELS, 9, '1.5')},Training", ["0 to 255", "'1.5'", "pixel 10"]),
    "a foreign digit": (f"3,{changed(PIXELS, 9, '²')},Training", ["0 to 255", "'²'", "pixel 10"]),
    "label 7": (f"7,{PIXELS},Training", ["0 to 6", "'7'", "6 neutral"]),
    "label -1": (f"-1,{PIXELS},Training", ["0 to 6", "'-1'"]),
    "label 2.5": (f"2.5,{PIXELS},Training", ["0 to 6", "'2.5'"]),
    "label happy": (f"happy,{PIXELS},Training", ["0 to 6", "'happy'", "3 happy"]),
    "no label": (f",{PIXELS},Training", ["0 to 6", "''"]),
    "unknown usage": (f"3,{PIXELS},Trainning", ["'Trainning'", "Did you mean 'Training'?", "PrivateTest"]),
    "no usage": (f"3,{PIXELS},", ["Training", "''"]),
    "a field missing": (f"3,{PIXELS}", ["3 fields", "received 2"]),
    "a field too many": (f"3,{PIXELS},Training,", ["3 fields", "received 4"]),
    "a NUL byte": (f"3,{PIXELS}\0,Training", ["NUL"]),
}


@pytest.mark.parametrize(("row", "pieces"), BAD_ROWS.values(), ids=BAD_ROWS)
def test_a_bad_row_is_told_in_one_line_with_file_and_row(tmp_path, row, pieces):
    good = f"3,{PIXELS},Training"
    path = write(tmp_path / "bad.csv", "emotion,pixels,Usage", [good, good, good, row, good])
    with pytest.raises(UserError) as caught:
        read_csv(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, row 5: expected")
    assert "\n" not in message
    assert len(message) < 320
    assert message.endswith((" Mend it and any row like it, or take them out", "or not a CSV?"))
    for piece in pieces:
        assert piece in message


def test_pixels_missing_here_and_too_many_there_do_not_cancel_out(tmp_path):
    path = write(tmp_path / "bad.csv", "pixels", [PIXELS, PIXELS + " 7", PIXELS[:-2]])
    with pytest.raises(UserError, match=r"row 3: expected 2,304 pixels \(48 x 48\), received 2,305"):
        read_csv(path)


def test_bytes_that_are_no_text_are_told_with_their_row(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(f"pixels\n{PIXELS}\n".encode() + b"7 \xff\xfe 7\n")
    with pytest.raises(UserError, match="row 3: expected text"):
        read_csv(path)


@pytest.mark.parametrize(
    ("header", "pieces"),
    [
        ("emotion,Usage", ["no column 'pixels'"]),
        ("emotion,pixel,Usage", ["no column 'pixels'", "Did you mean 'pixels'?"]),
        ("emotions,pixels,Usage", ["no column 'emotion'", "Did you mean 'emotion'?"]),
        ("class,pixels", ["no column 'emotion'"]),
        ("pixels,Usage", ["no column 'emotion'"]),
        ("emotion,label,pixels", ["two columns"]),
        ("emotion;pixels;Usage", ["no column 'pixels'", "divided by semicolons: save it with commas"]),
        ("emotion,pixel0,pixel1,pixel2", ["no column 'pixels'. One column a pixel? All 2,304 belong in one field"]),
        ("'emotion','pixels','Usage'", ["no column 'pixels'. It is in single quotes: take them off. Expected"]),
        ("image,pixels", ["no column 'emotion'. Expected"]),
        (f"3,{PIXELS},Training", ["no column 'pixels'"]),
    ],
)
def test_a_header_that_lacks_a_column_is_told_with_the_known_ones(tmp_path, header, pieces):
    path = write(tmp_path / "bad.csv", header, [f"3,{PIXELS},Training"])
    with pytest.raises(UserError) as caught:
        read_csv(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, row 1: ")
    assert "\n" not in message
    for piece in [*pieces, "emotion,pixels,Usage | emotion,Usage,pixels | emotion,pixels | pixels", header[:20]]:
        assert piece in message


@pytest.mark.parametrize("name", ["part", "fold", "usages"])
def test_splits_under_another_name_are_never_read_as_training(tmp_path, name):
    path = write(tmp_path / "bad.csv", f"emotion,{name},pixels", [f"3,train,{PIXELS}", f"3,test,{PIXELS}"])
    with pytest.raises(UserError, match=f"no column 'Usage', but a column '{name}' that says 'train'. Call it Usage"):
        read_csv(path)


@pytest.mark.parametrize("first", ["", "?"])
def test_splits_that_the_first_row_does_not_tell_are_found_all_the_same(tmp_path, first):
    rows = [f"3,{PIXELS},{word}" for word in (first, "Training", "PrivateTest")]
    with pytest.raises(UserError, match=r"a column 'part' that says 'Training'\. Call it Usage"):
        read_csv(write(tmp_path / "bad.csv", "emotion,pixels,part", rows))


def test_a_column_called_split_is_not_passed_over_whatever_it_says(tmp_path):
    path = write(tmp_path / "bad.csv", "emotion,pixels,Split", [f"3,{PIXELS},trn", f"3,{PIXELS},tst"])
    with pytest.raises(UserError, match=r"a column 'Split'\. If it tells Training, .* call it Usage; else take it out"):
        read_csv(path)


def test_without_labels_nothing_but_pixels_and_ids_is_looked_at(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (2, 2304))
    rows = [f"7{i},-1,{text_of(image)}," for i, image in enumerate(images)]
    read = read_csv(write(tmp_path / "test.csv", "id,emotion,pixels,Usage", rows), labelled=False)
    assert set(read) == {"images", "usage", "ids"} and read["ids"].tolist() == ["70", "71"]
    np.testing.assert_array_equal(read["images"].reshape(2, 2304), images)
    named = write(tmp_path / "named.csv", "pixels,split", [f"{text_of(images[0])},test"])
    assert len(read_csv(named, labelled=False)["images"]) == 1


def test_columns_of_other_things_are_passed_over(tmp_path):
    path = write(tmp_path / "more.csv", "age,stage,image,emotion,pixels", [f"31,late,a.png,3,{PIXELS}"])
    assert read_csv(path)["labels"].tolist() == [3]


def test_usage_takes_the_words_that_folders_take(tmp_path):
    words = ["train", "Validation", "test", "PrivateTest", "valid"]
    path = write(tmp_path / "words.csv", "emotion,pixels,Usage", [f"3,{PIXELS},{word}" for word in words])
    assert read_csv(path)["usage"].tolist() == ["Training", "PublicTest", "PrivateTest", "PrivateTest", "PublicTest"]


def test_two_faces_of_one_id_are_refused(tmp_path):
    path = write(tmp_path / "test.csv", "id,pixels", [f"{number},{PIXELS}" for number in (7, 8, 9, 8)])
    with pytest.raises(UserError, match=r"test\.csv: expected an id of its own .* received '8' 2 times"):
        read_csv(path)


@pytest.mark.parametrize(
    ("content", "piece"),
    [
        (b"", "is empty"),
        (b"emotion,pixels,Usage\n", "no faces"),
        (b"emotion,pixels,Usage\n\n\n", "no faces"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a CSV"),
        (
            gzip.compress(b"emotion,pixels\n"),
            "not a CSV text file. It is compressed: unpack it first (gunzip). Expected",
        ),
        ("emotion,pixels\n".encode("utf-16"), "not a CSV text file. It is in UTF-16: save it in UTF-8. Expected"),
        (b"PK\x03\x04\0\0", "It is a zip archive, or a spreadsheet"),
        (b"emotion\tpixels\n3\t7 7\n", "It is divided by tabs: save it with commas"),
        (b"\0" * 1000, "not a CSV"),
        (b"a" * 100_000, "not a CSV"),
    ],
    ids=["empty", "header only", "blank lines", "PNG", "gzip", "UTF-16", "zip", "tabs", "zeros", "one long line"],
)
def test_a_file_without_faces_is_told(tmp_path, content, piece):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_csv(path)
    assert str(path) in str(caught.value)
    assert piece in str(caught.value)
    assert "\n" not in str(caught.value)


def test_splits_under_another_name_are_found_in_the_last_rows_too(tmp_path):
    pixels = " ".join(["7"] * 2304)
    rows = [f"{i % 7},{part},{pixels}" for i, part in enumerate(["tr"] * 600 + ["test"])]
    path = tmp_path / "faces.csv"
    path.write_text("\n".join(["emotion,part,pixels", *rows]) + "\n")
    assert path.stat().st_size > 2 * 2**20, "the file is read in one block"
    with pytest.raises(UserError, match="no column 'Usage', but a column 'part' that says 'test'"):
        read_csv(path)
