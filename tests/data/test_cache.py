"""The cache of decoded faces: found by content, never stale, never fatal."""

import errno
import logging
import os
import shutil

import numpy as np
import pytest

from fer_keras.data import cache
from fer_keras.errors import UserError

ARRAYS = {
    "images": np.arange(3 * 48 * 48, dtype=np.uint32).astype(np.uint8).reshape(3, 48, 48),
    "labels": np.array([0, 5, 6]),
    "usage": np.array(["Training", "PublicTest", "Training"]),
    "ids": np.array(["row 2", "row 3", "row 4"]),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "SETTLED_NS", -1)  # the files of a test are always younger than two seconds
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "faces.csv"
    path.write_bytes(b"some content")
    return path


class Decoder:
    """Counts how often it was asked."""

    def __init__(self, arrays=ARRAYS):
        self.arrays, self.calls = arrays, 0

    def __call__(self):
        self.calls += 1
        return self.arrays


def read(source, names=None, arrays=ARRAYS):
    """Read through the cache; return (arrays, sha256, whether it was decoded)."""
    decoder = Decoder(arrays)
    got, sha256 = cache.through_cache(source, names, decoder)
    assert set(got) == set(arrays)
    for name, array in arrays.items():
        assert np.array_equal(got[name], array)
        assert got[name].dtype == array.dtype
    return got, sha256, bool(decoder.calls)


def hash_count(monkeypatch):
    """Count from now on how many files are hashed."""
    hashed = []
    real = cache._file_digest
    monkeypatch.setattr(cache, "_file_digest", lambda path: hashed.append(path) or real(path))
    return hashed


def test_the_second_read_decodes_and_hashes_nothing(source, monkeypatch):
    _, first, decoded = read(source)
    assert decoded
    assert first == "290f493c44f5d63d06b374d0a5abd292fae38b92cab2fae5efefe1b0e9347f56"  # sha256sum of the file
    hashed = hash_count(monkeypatch)
    _, second, decoded = read(source)
    assert (second, decoded, hashed) == (first, False, [])


def test_unlabelled_faces_come_back_without_labels(source):
    unlabelled = {name: array for name, array in ARRAYS.items() if name != "labels"}
    read(source, arrays=unlabelled)
    assert not read(source, arrays=unlabelled)[2]


def test_the_arrays_belong_to_the_caller(source):
    read(source)
    got, *_ = read(source)
    got["images"][:] = 0  # neither refused, nor seen by the next reader
    read(source)


def test_a_copy_under_another_name_is_found_by_its_content(source, tmp_path):
    _, sha256, _ = read(source)
    copy = shutil.copy(source, tmp_path / "other.csv")
    assert read(copy)[1:] == (sha256, False)


def test_other_content_of_the_same_size_and_time_is_noticed(source):
    _, first, _ = read(source)
    before = source.stat()
    source.write_bytes(b"SOME content")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))
    _, second, decoded = read(source)
    assert second != first
    assert decoded


def test_a_file_just_written_is_not_entered_in_the_index(source, folder, monkeypatch):
    monkeypatch.setattr(cache, "SETTLED_NS", 3600 * 10**9)
    read(source)
    assert not (folder / "index").exists()
    hashed = hash_count(monkeypatch)
    assert not read(source)[2]  # the arrays are found all the same, by their content
    assert len(hashed) == 1


def test_another_format_is_decoded_anew(source, monkeypatch):
    read(source)
    monkeypatch.setattr(cache, "FORMAT", cache.FORMAT + 1)
    assert read(source)[2]


def test_a_folder_is_known_by_its_names_and_contents(tmp_path):
    root = tmp_path / "faces"
    (root / "happy").mkdir(parents=True)
    for name in ("a", "b"):
        (root / "happy" / name).write_text(name)
    names = ["happy/b", "happy/a"]
    _, first, decoded = read(root, names)
    assert decoded
    assert read(root, sorted(names))[1:] == (first, False)  # the order of the listing does not count
    moved = shutil.move(root, tmp_path / "moved")
    assert read(moved, names)[1:] == (first, False)
    (moved / "happy" / "a").write_text("c")
    assert read(moved, names)[1] != first
    (moved / "happy" / "a").write_text("a")
    (moved / "happy" / "a").rename(moved / "happy" / "c")
    assert read(moved, ["happy/c", "happy/b"])[1] != first


def damage(folder, change):
    (kept,) = folder.glob("faces-*.npz")
    content = bytearray(kept.read_bytes())
    kept.write_bytes(change(content))
    return kept


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: b"no archive",
        lambda content: content[: len(content) // 2],
        lambda content: content[:200] + b"\xff" + content[201:],  # one pixel: the archive's checksum tells
        lambda content: content[:-10],
        lambda content: bytes(len(content)),
    ],
    ids=["empty", "other bytes", "half of it", "one byte changed", "end cut off", "zeros"],
)
def test_a_damaged_file_is_told_in_one_line_and_rewritten(source, folder, caplog, change):
    read(source)
    damage(folder, change)
    with caplog.at_level(logging.WARNING):
        assert read(source)[2]
    assert len(caplog.records) == 1
    assert "damaged" in caplog.text
    assert not read(source)[2]  # whole again


def test_no_single_changed_byte_crashes_or_gets_through(source, folder):
    """Every seventh byte of the names, headers and directory; the pixels between are covered by their checksum."""
    read(source)
    (kept,) = folder.glob("faces-*.npz")
    whole = kept.read_bytes()
    places = [*range(0, 220, 7), *range(len(whole) - 1400, len(whole), 7)]
    for place in places:
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        got = cache._load(kept)
        assert got is None or all(np.array_equal(got[name], ARRAYS[name]) for name in got)


@pytest.mark.parametrize("name", ["images", "labels", "usage", "ids"])
def test_arrays_that_do_not_fit_together_are_not_believed(source, folder, name, caplog):
    read(source)
    (kept,) = folder.glob("faces-*.npz")
    np.savez(kept, **ARRAYS | {name: ARRAYS[name][:2]})
    with caplog.at_level(logging.WARNING):
        assert read(source)[2]
    assert "does not hold faces" in caplog.text


def test_pickled_objects_are_never_loaded(source, folder, caplog):
    read(source)
    (kept,) = folder.glob("faces-*.npz")
    np.savez(kept, **ARRAYS | {"ids": np.array([{}, {}, {}], dtype=object)})
    assert read(source)[2]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stamp": 3}', b"\xff\xfe"])
def test_a_damaged_index_is_written_anew(source, folder, content, monkeypatch):
    _, sha256, _ = read(source)
    (entry,) = (folder / "index").iterdir()
    entry.write_bytes(content)
    assert read(source)[1:] == (sha256, False)
    hashed = hash_count(monkeypatch)
    read(source)
    assert not hashed


def test_a_cache_that_cannot_be_written_is_no_error(source, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "file" / "cache"))
    with caplog.at_level(logging.WARNING):
        assert read(source)[2]
    assert "Nothing kept in the cache" in caplog.text
    assert "\n" not in caplog.records[0].getMessage()


def test_a_cache_that_may_not_be_looked_into_is_no_error(source, monkeypatch, caplog):
    """As in a container whose user may not enter the home that the environment names."""

    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:
        for holder, name in ((cache, "read_npz"), (cache, "write_npz"), (cache.Path, "is_file")):
            patched.setattr(holder, name, denied)
        assert read(source)[2]
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2


def test_nothing_is_left_aside(source, folder):
    read(source)
    assert sorted(path.suffix for path in folder.rglob("*") if path.is_file()) == [".json", ".npz"]


def test_a_decoder_that_fails_leaves_nothing(source, folder):
    def fail():
        raise RuntimeError("bad data")

    with pytest.raises(RuntimeError, match="bad data"):
        cache.through_cache(source, None, fail)
    assert not list(folder.glob("faces-*"))


def test_a_file_that_changes_while_it_is_read_is_not_kept_under_its_old_content(source, folder):
    def decode():
        source.write_bytes(b"changed meanwhile")
        return ARRAYS

    with pytest.raises(UserError, match="was changed while it was read"):
        cache.through_cache(source, None, decode)
    assert not list(folder.glob("faces-*"))


def test_where_the_cache_lies(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_folder() == tmp_path / "cache"
    monkeypatch.setenv("FER_KERAS_CACHE", "")
    assert cache.cache_folder() == tmp_path / "xdg" / "fer_keras"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache.cache_folder() == tmp_path / ".cache" / "fer_keras"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache.cache_folder() == tmp_path / "Library" / "Caches" / "fer_keras"
