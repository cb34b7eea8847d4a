"""The audit of a small collection whose faults are known, its table, its picture and its command."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from fer_keras.cli import guarded
from fer_keras.data.__main__ import main
from fer_keras.data.audit import audit
from fer_keras.data.faces import Faces
from fer_keras.data.synthetic import synthetic_faces
from fer_keras.errors import UserError
from fer_keras.plots.audit import audit_figure


@pytest.fixture
def faces():
    """Ten faces: 0 and 1 identical in Training; 2, 3, 4 identical across splits with two labels; 5 and 6 constant."""
    random = np.random.default_rng(0)
    a, b, c = random.integers(0, 256, (3, 48, 48), dtype=np.uint8)
    black, white = np.zeros((48, 48), dtype=np.uint8), np.full((48, 48), 255, dtype=np.uint8)
    mostly, half = a.copy(), a.copy()
    mostly.ravel()[:1500] = 7
    half.ravel()[:] = random.permutation(np.concatenate([np.full(1152, 7), np.arange(1152) % 256 // 8 * 8]))
    return Faces(
        images=np.stack([a, a, b, b, b, black, white, mostly, half, c]),
        labels=np.array([0, 0, 1, 1, 2, 3, 3, 4, 5, 6]),
        usage=np.array(["Training"] * 4 + ["PublicTest"] * 3 + ["PrivateTest"] + ["Training"] * 2),
        ids=np.array([f"row {i}" for i in range(2, 12)]),
        source="ten faces",
        sha256="ab" * 32,
    )


def lists(groups):
    return [group.tolist() for group in groups]


def test_the_findings_are_those_put_in(faces):
    found = audit(faces)
    assert found.images == {"Training": 6, "PublicTest": 3, "PrivateTest": 1, "all": 10}
    assert list(found.counts["Training"].values()) == [2, 2, 0, 0, 0, 1, 1]
    assert list(found.counts["all"].items())[:3] == [("angry", 2), ("disgust", 2), ("fear", 1)]
    assert found.constant.tolist() == [5, 6]
    assert found.nearly_uniform.tolist() == [5, 6, 7]  # exactly half is not more than half
    assert found.constant_counts == {"Training": 0, "PublicTest": 2, "PrivateTest": 0, "all": 2}
    assert found.nearly_uniform_counts == {"Training": 0, "PublicTest": 2, "PrivateTest": 1, "all": 3}
    assert found.distinct == {"Training": 4, "PublicTest": 3, "PrivateTest": 1, "all": 7}
    assert lists(found.within["Training"]) == [[0, 1], [2, 3]]
    assert lists(found.within["PublicTest"]) == []
    assert lists(found.within["all"]) == [[0, 1], [2, 3, 4]]
    assert lists(found.across) == lists(found.disagreeing) == [[2, 3, 4]]


def test_mean_and_deviation_are_numpys(faces):
    found = audit(faces)
    training = faces.split("Training").images
    assert found.mean["Training"] == pytest.approx(training.mean())
    assert found.deviation["Training"] == pytest.approx(training.std())
    assert found.mean["all"] == pytest.approx(faces.images.mean())
    assert found.deviation["all"] == pytest.approx(faces.images.std())


def test_the_figures_are_plain_numbers(faces):
    figures = json.loads(json.dumps(audit(faces).figures()))
    assert figures["duplicates_within"]["Training"] == {"groups": 2, "images": 4}
    assert figures["duplicates_across_splits"] == {"groups": 1, "images": 3}
    assert figures["duplicates_with_different_labels"] == {"groups": 1, "images": 3}
    assert figures["nearly_uniform"]["all"] == 3


def with_two_crops(faces):
    """Return the faces, 0 of Training and 5 of PublicTest being crops of one photo that have no pixel in common."""
    photo = gaussian_filter(np.random.default_rng(1).normal(size=(60, 60)), 1.5)
    photo = (128 + 30 * photo / photo.std()).clip(0, 255).astype(np.uint8)
    images = faces.images.copy()
    images[[0, 5]] = photo[4:52, 4:52], photo[6:54, 5:53]
    return replace(faces, images=images)


def test_a_photograph_that_stands_in_two_splits_is_found_though_no_pixel_is_equal(faces):
    faces = with_two_crops(faces)
    found = audit(faces)
    assert found.copies.tolist() == [[4, 2], [5, 0]]  # 4 is identical to 2 and 3
    assert found.copy_counts == {"PublicTest": 2, "PrivateTest": 0, "all": 2}
    row = next(line for line in found.table().splitlines() if "photographs" in line)
    assert row[38:].split() == ["2", "0", "2"]
    pictures = shown(audit_figure(faces, found))
    np.testing.assert_array_equal([image for image, _ in pictures[-2:]], faces.images[[5, 0]])


def test_photographs_are_numbered_by_their_row_where_training_does_not_come_first(faces):
    found = audit(with_two_crops(faces).take(np.arange(10)[::-1]))
    assert found.copies.tolist() == [[4, 9], [5, 6]]  # what were 5 and 0, 4 and 3; 6 and 7 are identical


def test_drawn_faces_are_of_no_photographs():
    found = audit(synthetic_faces(training=14, public=7, private=7))
    assert found.copies is None and found.copy_counts == {} and "photographs" not in found.table()
    assert len(audit_figure(synthetic_faces(training=14, public=7, private=7), found).subfigs) == 5


def test_one_split_alone_has_no_photographs_of_another(faces):
    assert audit(faces.split("Training")).copies is None


def test_unlabelled_faces_have_no_counts_and_no_disagreement(faces):
    unlabelled = Faces(faces.images, None, faces.usage, faces.ids, faces.source, faces.sha256)
    found = audit(unlabelled)
    assert found.counts == {}
    assert found.disagreeing == ()
    assert "angry" not in found.table()
    assert len(shown(audit_figure(unlabelled, found))) == 2 + 1 + 4 + 2 + 0


def shown(figure):
    """Return (image, caption) of every face in a figure."""
    return [
        (axes.images[0].get_array(), axes.get_xlabel()) for part in figure.subfigs for axes in part.axes if axes.images
    ]


def test_the_table_has_a_row_for_each_finding(faces):
    rows = {line[:38].strip(): line[38:].split() for line in audit(faces).table().splitlines()}
    assert rows[""] == ["Training", "PublicTest", "PrivateTest", "all"]
    assert rows["angry"] == ["2", "0", "0", "2"]
    assert rows["constant images"] == ["0", "2", "0", "2"]
    assert rows["groups that stand in several splits"] == ["1"]


def test_the_picture_shows_each_finding_with_labels_and_splits(faces):
    pictures = shown(audit_figure(faces, audit(faces)))
    expected = [5, 6, 7, 0, 1, 2, 3, 2, 4, 2, 4]  # constant; nearly uniform; pairs: within, across, labels
    assert len(pictures) == len(expected)
    for (image, _), face in zip(pictures, expected, strict=True):
        assert np.array_equal(image, faces.images[face])
    captions = [caption for _, caption in pictures]
    assert captions[2] == "sad 65%\nPrivateTest"
    assert captions[-2:] == ["disgust\nTraining", "fear\nPublicTest"]


def write_csv(path, faces):
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},{usage}"
        for label, image, usage in zip(faces.labels, faces.images, faces.usage, strict=True)
    ]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_prints_and_writes_what_was_asked_for(in_folder, faces, capsys):
    write_csv(in_folder / "faces.csv", faces)
    main(["faces.csv"])
    assert audit(faces).table() in capsys.readouterr().out
    assert sorted(path.name for path in in_folder.iterdir()) == ["cache", "faces.csv"]
    main(["faces.csv", "--figure", "audit.png", "--json", "out.json"])
    assert json.loads((in_folder / "out.json").read_text())["images"]["all"] == 10
    with Image.open(in_folder / "audit.png") as image:
        assert image.size[0] == 1400


def test_the_command_finds_the_data_by_itself(in_folder, faces, capsys):
    (in_folder / "data").mkdir()
    write_csv(in_folder / "data" / "train.csv", faces)
    main([])
    assert capsys.readouterr().out.startswith("data/train.csv\n")


def test_a_mistake_is_one_line_and_exit_code_2(in_folder, capsys):
    (in_folder / "bad.csv").write_text("emotion,pixels\n3,1 2 x\n")
    assert guarded(lambda: main(["bad.csv"]), "audit") == 2
    error = capsys.readouterr().err
    assert "bad.csv, row 2: expected pixels from 0 to 255, received 'x' as pixel 3" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("flag", ["--figure", "--faces", "--json"])
def test_the_data_itself_is_never_written_to(in_folder, faces, flag):
    write_csv(in_folder / "faces.csv", faces)
    before = (in_folder / "faces.csv").read_bytes()
    with pytest.raises(UserError, match=r"received 'faces\.csv'"):
        main([flag, "faces.csv"])
    assert (in_folder / "faces.csv").read_bytes() == before


def test_help_needs_neither_tensorflow_nor_numpy():
    code = (
        "import sys, runpy; sys.argv = ['fer_keras.data', '--help']\n"
        "try: runpy.run_module('fer_keras.data', run_name='__main__')\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "assert not {'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "--figure" in answer.stdout
