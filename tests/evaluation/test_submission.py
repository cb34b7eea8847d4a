import numpy as np
import pytest

from fer_keras.errors import UserError
from fer_keras.evaluation.submission import counts_text, read_rows, refuse_other_file, submission_ids, write_submission

PIXELS = [" ".join([str(value)] * 2304) for value in (9, 3, 7)]  # in this order in every file


@pytest.mark.parametrize(
    ("header", "fields", "ids"),
    [
        ("pixels", lambda i: [PIXELS[i]], ["0", "1", "2"]),
        ("id,feature", lambda i: [f"im{7 - i}", PIXELS[i]], ["im7", "im6", "im5"]),
        ("id,pixels", lambda i: [str(30 - i), PIXELS[i]], ["30", "29", "28"]),
        ("id,pixels", lambda i: [f"row {i}", PIXELS[i]], ["row 0", "row 1", "row 2"]),  # the reader's begin with row 2
        ("label,feature", lambda i: ["6", PIXELS[i]], ["0", "1", "2"]),
        ("emotion, Usage, pixels", lambda i: ["0", ("PrivateTest", "Training")[i % 2], PIXELS[i]], ["0", "1", "2"]),
    ],
)
def test_every_header_gives_its_rows_in_order_with_their_ids(tmp_path, header, fields, ids):
    path = tmp_path / "test.csv"
    path.write_text("\n".join([header, *(",".join(fields(i)) for i in range(3))]) + "\n")
    faces = read_rows(path, limit=0)
    assert faces.images[:, 0, 0].tolist() == [9, 3, 7]
    assert submission_ids(faces) == ids
    assert read_rows(path, limit=2).images[:, 0, 0].tolist() == [9, 3]


def test_a_submission_has_a_row_for_each_image_with_its_label_as_a_number(tmp_path):
    path = tmp_path / "out.csv"
    write_submission(path, ["b", "a,1", "c"], np.array([6, 0, 4]), ("Id", "Emotion"))
    assert path.read_bytes() == b'Id,Emotion\nb,6\n"a,1",0\nc,4\n'


def test_an_interrupted_submission_leaves_the_old_one(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="zip"):
        write_submission(path, ["0", "1"], np.array([6]), ("id", "label"))
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UserError, match="Expected a CSV of faces, image files, or folders of images"):
        read_rows(tmp_path / "none.csv", limit=0)


def test_counts_are_told_by_emotion():
    lines = [line.split() for line in counts_text(np.array([3, 3, 3, 4])).splitlines()]
    assert lines[4] == ["3", "happy", "3", "75.0%"] and lines[5] == ["4", "sad", "1", "25.0%"]
    assert sum(int(line[2]) for line in lines[1:]) == 4


@pytest.mark.parametrize(
    "content",
    [
        b"emotion,pixels\n3,0 0 0\n",
        b"id,label\n7,9\n",
        b"emotion,pixels,Usage\n3,0 0 0,Training\n",
        b"PK\x03\x04\xff\xfe",
        b"",
    ],
)
def test_what_is_no_submission_is_not_written_over(tmp_path, content):
    file = tmp_path / "file.csv"
    file.write_bytes(content)
    with pytest.raises(UserError, match="stands there, and is no submission"):
        refuse_other_file(file)


def test_a_submission_may_be_written_over_and_what_is_not_there_too(tmp_path):
    file = tmp_path / "out.csv"
    refuse_other_file(file)
    write_submission(file, ["b", "a,1"], np.array([6, 0]), ("Id", "Emotion"))
    refuse_other_file(file)
