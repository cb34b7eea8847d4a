"""done.json decides whether a method is done again, and what of an earlier time is taken away."""

import json

import numpy as np
import pandas as pd
import pytest

from fer_keras.explanations.folder import FORMAT, MethodFolder
from fer_keras.plots.style import new_figure

OPTIONS = {"seed": 0, "index": [3, 4], "layer": "conv2d_1"}


@pytest.fixture
def finished(tmp_path):
    folder = MethodFolder(tmp_path / "saliency")
    folder.begin()
    folder.figure("wrong/Sad(Fear).png", new_figure(1, 1), "a caption")
    folder.arrays("the maps", maps=np.arange(6.0).reshape(2, 3))
    folder.table("shares.csv", pd.DataFrame({"a": [1]}), "a table")
    folder.finish(OPTIONS)
    return folder.path


def test_a_finished_method_is_known_by_its_options(finished):
    assert MethodFolder(finished).is_done(OPTIONS)
    assert not MethodFolder(finished).is_done(OPTIONS | {"seed": 1})
    assert not MethodFolder(finished).is_done(OPTIONS | {"new": None})


def test_files_are_there_and_listed_in_order(finished):
    record = MethodFolder(finished).record()
    assert [file["file"] for file in record["files"]] == ["wrong/Sad(Fear).png", "maps.npz", "shares.csv"]
    with np.load(finished / "maps.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["maps"], [[0, 1, 2], [3, 4, 5]])


def test_a_method_is_done_again_when_a_file_is_gone(finished):
    (finished / "maps.npz").unlink()
    assert not MethodFolder(finished).is_done(OPTIONS)


def test_what_a_stopped_method_has_written_goes_when_it_begins_again(tmp_path):
    stopped = MethodFolder(tmp_path)
    stopped.begin()
    stopped.figure("wrong/Fear(Sad).png", new_figure(1, 1), "of other options")
    again = MethodFolder(tmp_path)
    again.begin()
    again.figure("wrong/Sad(Fear).png", new_figure(1, 1), "of these")
    again.finish(OPTIONS)
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"Sad(Fear).png", "done.json"}


def test_the_files_of_another_version_go_too(finished):
    record = json.loads((finished / "done.json").read_text())
    (finished / "done.json").write_text(json.dumps(record | {"format": FORMAT + 1}))
    MethodFolder(finished).begin()
    assert [path for path in finished.rglob("*") if path.is_file()] == []


def test_a_stopped_method_is_not_done(finished):
    MethodFolder(finished).begin()
    assert not MethodFolder(finished).is_done(OPTIONS)
    assert MethodFolder(finished).record() is None


def test_beginning_takes_away_what_was_written_and_nothing_else(finished):
    (finished / "wrong" / "mine.png").write_bytes(b"a person's own")
    MethodFolder(finished).begin()
    assert [path.name for path in finished.rglob("*") if path.is_file()] == ["mine.png"]


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '{"format": 99}',
        '{"format": FORMAT, "options": {}, "reading": "", "notes": [], "files": [{"file": "../../precious.txt"}]}',
        '{"format": FORMAT, "options": {}, "reading": "", "notes": [], "files": [{"file": "PARENT/precious.txt"}]}',
    ],
)
def test_a_damaged_record_counts_as_none_and_deletes_nothing(finished, damage):
    precious = finished.parent.parent / "precious.txt"
    precious.write_text("keep")
    record = damage.replace("FORMAT", str(FORMAT)).replace("PARENT", str(precious.parent))
    (finished / "done.json").write_text(record)
    assert MethodFolder(finished).record() is None
    MethodFolder(finished).begin()
    assert precious.is_file() and (finished / "maps.npz").is_file()


def test_the_record_is_json_a_person_can_read(finished):
    assert json.loads((finished / "done.json").read_text())["options"] == OPTIONS
