"""done.json decides whether a method is done again; an earlier time stays until the next is whole."""

import json
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fer_keras.errors import UserError
from fer_keras.explanations.folder import FORMAT, MethodFolder
from fer_keras.plots.style import drawn_here

OPTIONS = {"seed": 0, "index": [3, 4], "layer": "conv2d_1"}
OTHERS = OPTIONS | {"seed": 1}
TABLE = pd.DataFrame({"a": [1]})
FIRST, SECOND = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [7.0]


class Stopped(BaseException):
    """Like KeyboardInterrupt, which pytest would take for its own."""


def contents(path):
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def maps_in(path):
    with np.load(path / "maps.npz", allow_pickle=False) as arrays:
        return arrays["maps"].tolist()


def write_first(folder):
    folder.table("wrong/Sad(Fear).csv", TABLE, "a caption")
    folder.arrays("the maps", maps=np.array(FIRST))
    folder.table("shares.csv", TABLE, "another")


def write_second(folder):
    folder.table("wrong/Fear(Sad).csv", TABLE, "of other options")
    folder.arrays("the maps", maps=np.array(SECOND))


@pytest.fixture
def finished(tmp_path):
    folder = MethodFolder(tmp_path / "saliency")
    with folder.written(OPTIONS):
        write_first(folder)
    return folder.path


def test_somebodys_picture_is_not_written_over(tmp_path):
    theirs = tmp_path / "faces" / "photo-1.png"
    theirs.parent.mkdir()
    theirs.write_bytes(b"a picture of somebody's")

    def draw():
        folder = MethodFolder(theirs.parent)
        with folder.written(OPTIONS):
            folder.table("faces.csv", TABLE, "a table")
            folder.figure("photo-1.png", Figure(), "a figure")

    with pytest.raises(UserError, match=r"photo-1.png: expected no picture there but one that this program drew"):
        draw()
    assert theirs.read_bytes() == b"a picture of somebody's" and not (theirs.parent / "faces.csv").exists()
    theirs.unlink()
    draw()
    (theirs.parent / "done.json").write_text("{damaged")  # what it drew itself it may write over, whatever is recorded
    draw()
    assert drawn_here(theirs) and MethodFolder(theirs.parent).is_done(OPTIONS)


def test_a_finished_method_is_known_by_its_options(finished):
    assert MethodFolder(finished).is_done(OPTIONS)
    assert not MethodFolder(finished).is_done(OPTIONS | {"seed": 1})
    assert not MethodFolder(finished).is_done(OPTIONS | {"new": None})


def test_files_are_there_and_listed_in_order(finished):
    record = MethodFolder(finished).record()
    assert [file["file"] for file in record["files"]] == ["wrong/Sad(Fear).csv", "maps.npz", "shares.csv"]
    assert maps_in(finished) == FIRST


def test_a_method_is_done_again_when_a_file_is_gone(finished):
    (finished / "maps.npz").unlink()
    assert not MethodFolder(finished).is_done(OPTIONS)


def test_a_second_time_leaves_nothing_of_the_first(finished):
    folder = MethodFolder(finished)
    with folder.written(OTHERS):
        write_second(folder)
    assert set(contents(finished)) == {"wrong/Fear(Sad).csv", "maps.npz", "done.json"}
    assert folder.is_done(OTHERS) and not folder.is_done(OPTIONS)
    assert maps_in(finished) == SECOND


def test_a_time_that_fails_leaves_the_first_as_it_was(finished):
    before = contents(finished)
    folder = MethodFolder(finished)
    with pytest.raises(Stopped), folder.written(OTHERS):
        write_second(folder)
        raise Stopped
    assert contents(finished) == before and MethodFolder(finished).is_done(OPTIONS)


def test_what_a_killed_time_left_aside_goes_with_the_next(finished):
    MethodFolder(finished).table("wrong/Fear(Sad).csv", TABLE, "its process was killed after this")
    assert MethodFolder(finished).is_done(OPTIONS)
    with MethodFolder(finished).written(OPTIONS):
        pass
    assert set(contents(finished)) == {"done.json"}


def test_whenever_it_is_killed_one_of_both_times_is_found_whole(tmp_path, monkeypatch):
    found = []
    for moment in count():
        path = tmp_path / str(moment)
        first = MethodFolder(path)
        with first.written(OPTIONS):
            write_first(first)
        with monkeypatch.context() as patch:
            ended = _write_second_until_killed(patch, path, moment)
        MethodFolder(path).recover()
        record = MethodFolder(path).record()
        found.append(record["options"])
        assert maps_in(path) == (FIRST if record["options"] == OPTIONS else SECOND)
        assert MethodFolder(path).is_done(record["options"])
        left = {name for name in contents(path) if not name.startswith(".unfinished/")}
        assert left == {file["file"] for file in record["files"]} | {"done.json"}
        if ended:
            break
    earlier = found.count(OPTIONS)
    later = len(found) - earlier
    assert found == [OPTIONS] * earlier + [OTHERS] * later and earlier >= 3 and later >= 4


def _write_second_until_killed(patch, path, moment):
    """Let nothing be renamed or removed from the call of this number on. Return whether it came to its end."""
    calls = count()
    for owner, name in ((Path, "replace"), (Path, "unlink"), (shutil, "rmtree")):
        patch.setattr(owner, name, _until(moment, calls, getattr(owner, name)))
    folder = MethodFolder(path)
    try:
        with folder.written(OTHERS):
            write_second(folder)
    except Stopped:
        return False
    return True


def _until(moment, calls, function):
    def call(*arguments, **options):
        if next(calls) >= moment:
            raise Stopped
        return function(*arguments, **options)

    return call


def test_what_a_person_put_there_stays(finished):
    (finished / "wrong" / "mine.png").write_bytes(b"a person's own")
    with MethodFolder(finished).written(OTHERS):
        pass
    assert set(contents(finished)) == {"wrong/mine.png", "done.json"}


def test_the_files_of_another_version_go_too(finished):
    record = json.loads((finished / "done.json").read_text())
    (finished / "done.json").write_text(json.dumps(record | {"format": FORMAT + 1}))
    assert MethodFolder(finished).record() is None
    with MethodFolder(finished).written(OPTIONS):
        pass
    assert set(contents(finished)) == {"done.json"}


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
    with MethodFolder(finished).written(OPTIONS):
        pass
    assert precious.read_text() == "keep" and (finished / "maps.npz").is_file()


@pytest.mark.parametrize("name", ["../../../foreign.txt", "ABSOLUTE"])
def test_nothing_is_moved_in_or_out_by_a_record_that_names_other_places(tmp_path, name):
    """`.unfinished/../../../foreign.txt` is a file there is, and so is the absolute one."""
    foreign, folder = tmp_path / "foreign.txt", MethodFolder(tmp_path / "explanations" / "saliency")
    foreign.write_text("keep")
    aside = folder.path / ".unfinished"
    aside.mkdir(parents=True)
    file = {"file": name.replace("ABSOLUTE", str(foreign))}
    (aside / "done.json").write_text(json.dumps({"format": FORMAT, "options": OPTIONS, "files": [file]}))
    folder.recover()
    assert foreign.read_text() == "keep" and not (folder.path / "done.json").exists()


def test_what_stands_in_the_way_is_named_and_nothing_of_the_new_is_lost(finished):
    folder = MethodFolder(finished)
    (finished / "wrong" / "Fear(Sad).csv").mkdir()
    said = r"Fear\(Sad\)\.csv: expected to write a file there, received: Is a directory\. "
    with pytest.raises(UserError, match=said), folder.written(OTHERS):
        write_second(folder)
    (finished / "wrong" / "Fear(Sad).csv").rmdir()
    MethodFolder(finished).recover()
    assert MethodFolder(finished).is_done(OTHERS) and maps_in(finished) == SECOND


def test_it_is_told_whether_what_stands_there_was_made_with_other_options(finished):
    assert MethodFolder(finished).holds_others(OTHERS)
    (finished / "maps.npz").unlink()
    assert not MethodFolder(finished).holds_others(OPTIONS)  # a file is lost: it is the same one that is made again
    assert not MethodFolder(finished.parent / "grad-cam").holds_others(OPTIONS)


def test_the_record_is_json_a_person_can_read(finished):
    assert json.loads((finished / "done.json").read_text())["options"] == OPTIONS


def test_a_picture_that_somebody_has_put_in_the_place_of_one_is_not_lost(tmp_path):
    def draw(options, *names):
        folder = MethodFolder(tmp_path / "saliency")
        with folder.written(options):
            for name in names:
                folder.figure(name, Figure(), "a figure")

    draw(OPTIONS, "first.png", "wrong/x.png")
    theirs = tmp_path / "saliency" / "wrong" / "x.png"
    theirs.write_bytes(b"with notes of somebody's")
    draw(OTHERS, "first.png")  # of other options: x.png is not among them
    assert theirs.read_bytes() == b"with notes of somebody's"
    first = tmp_path / "saliency" / "first.png"
    first.write_bytes(b"with notes too")
    with pytest.raises(UserError, match=r"first\.png: expected no picture there but one that this program drew"):
        draw(OPTIONS, "first.png")
    assert first.read_bytes() == b"with notes too"
