import errno

import numpy as np
import pytest

from fer_keras.errors import UserError
from fer_keras.files import is_there, remove_unfinished, writable, write_json, write_npz, write_text, written_aside


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(RuntimeError), written_aside(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_the_final_name_appears_only_when_the_block_ends(tmp_path):
    path = tmp_path / "deep" / "model.keras"
    with written_aside(path) as aside:
        assert aside.suffix == ".keras" and aside.parent == path.parent
        aside.write_bytes(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"


def test_what_a_link_leads_to_is_written_and_the_link_stays(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "far" / "target.csv")
    for text in ("old", "new"):
        write_text(tmp_path / "link.csv", text)
        assert (tmp_path / "far" / "target.csv").read_text() == text and (tmp_path / "link.csv").is_symlink()


def test_any_name_that_the_file_system_takes_can_be_written(tmp_path):
    path = tmp_path / ("漢" * 81 + ".png")  # 247 bytes
    write_text(path, "x")
    assert path.read_text() == "x"


def test_what_nobody_may_look_for_is_not_there(tmp_path):
    assert is_there(tmp_path) and not is_there(tmp_path / "missing")
    assert not is_there(tmp_path / ("x" * 300))  # pathlib's own raises an error of it, as in a folder of others


def test_what_a_killed_process_was_writing_is_removed_and_nothing_else(tmp_path):
    with written_aside(tmp_path / "model.keras") as aside:
        aside.write_bytes(b"half a net")
        half = aside.name
        left = tmp_path / "left" / half
        left.parent.mkdir()
        left.write_bytes(b"half a net")
    others = ["model.keras", ".vscode-settings.json", ".fer_keras-ABCDEFGH.npz", ".fer_keras-12345678.npz.bak"]
    for name in others:
        (tmp_path / "left" / name).touch()
    remove_unfinished(tmp_path / "left")
    assert sorted(file.name for file in (tmp_path / "left").iterdir()) == sorted(others)
    remove_unfinished(tmp_path / "missing")


def test_a_folder_that_cannot_be_made_is_told_before_the_work(tmp_path):
    assert writable(tmp_path / "new" / "deep", "--logdir") == tmp_path / "new" / "deep"
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/logs: expected a folder that can be written .* another by --logdir"):
        writable(tmp_path / "file" / "logs", "--logdir")


def test_files_can_be_read_by_others_as_the_umask_says(tmp_path):
    other = tmp_path / "other"
    other.touch()
    write_text(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == other.stat().st_mode


def test_arrays_come_back_without_pickle(tmp_path):
    write_npz(tmp_path / "a.npz", compressed=True, x=np.arange(3), word=np.array("sad"))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert file["x"].tolist() == [0, 1, 2] and str(file["word"]) == "sad"


def test_an_error_without_a_name_gets_that_of_the_file(tmp_path):
    with pytest.raises(OSError) as refused, written_aside(tmp_path / "a.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert refused.value.filename == str(tmp_path / "a.csv")


def test_the_longest_name_of_all_can_be_written(tmp_path):
    path = tmp_path / f"{'a' * 250}.png"
    write_text(path, "all of it")
    assert path.read_text() == "all of it" and [entry.name for entry in tmp_path.iterdir()] == [path.name]
