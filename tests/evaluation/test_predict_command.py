"""`python evaluate.py --predict`: photos and unlabelled CSVs, on small runs made by hand."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_keras.data.prepare import load_faces
from fer_keras.emotions import EMOTIONS
from fer_keras.evaluation import ensembles, own_photos
from fer_keras.photos.detect import Box
from fer_keras.photos.predict import PhotoResult
from tests.evaluation.made_runs import LIMIT, RUN, predicted_by, read_csv


def write_unlabelled(path, header, ids):
    images = load_faces("synthetic", limit=LIMIT).images
    lines = [f"{name},{' '.join(map(str, image.ravel()))}" for name, image in zip(ids, images, strict=False)]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_the_newest_run_is_evaluated_with_all_its_members(command, logs, tmp_path):
    data = write_unlabelled(tmp_path / "test.csv", "id,feature", ids="cab")
    out_file = tmp_path / "sub" / "out.csv"
    code, out, _ = command("--predict", data, "--submission", out_file, "--columns", "Id,Emotion")
    assert code == 0 and f"3 rows written to {out_file}" in out
    images = load_faces("synthetic", limit=LIMIT).images[:3]
    mean = np.mean([predicted_by(seed, images) for seed in (2, 3)], axis=0)
    expected = [f"{name},{label}" for name, label in zip("cab", mean.argmax(axis=1), strict=True)]
    assert out_file.read_text().splitlines() == ["Id,Emotion", *expected]


def test_without_a_submission_the_probabilities_are_written(command, logs, tmp_path):
    data = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy")
    code, out, _ = command("--run", "20260102-000000-cnn3", "--predict", data)
    rows = read_csv(logs / "20260102-000000-cnn3" / "evaluation" / "predict-test" / "predictions.csv")
    assert code == 0 and [row["id"] for row in rows] == ["x", "y"] and "true" not in rows[0]
    assert "happy" in out and "replaces" not in out
    _, out, _ = command("--run", "20260102-000000-cnn3", "--predict", data)
    assert "predictions.csv. It replaces one that stood there" in out


def test_what_is_predicted_says_by_which_networks(command, logs, tmp_path):
    data, names = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy"), [RUN, "20260102-000000-cnn3"]
    command("--run", *names, "--predict", data, "--tta", "flip", "--output", tmp_path)
    told = json.loads((tmp_path / "predictions.json").read_text())
    assert told == {
        "data": {"source": str(data), "sha256": hashlib.sha256(data.read_bytes()).hexdigest()},
        "n": 2,
        "runs": [str(logs / name) for name in names],
        "epoch": 2,
        "n_members": 2,
        "tta": "flip",
        "vote": "soft",
    }


@pytest.mark.parametrize("tta", ["none", "flip"])
def test_test_time_augmentation_shows_the_mirror_images_of_rows_too(command, left_half, tmp_path, tta):
    data = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="abcdef")
    command("--run", RUN, "--predict", data, "--tta", tta, "--output", tmp_path)
    images = load_faces("synthetic", limit=LIMIT).images[:6]
    angry = (images if tta == "flip" else images[:, :, :24]).mean(axis=(1, 2)) / 255
    found = [float(row["angry"]) for row in read_csv(tmp_path / "predictions.csv")]
    np.testing.assert_allclose(found, angry, atol=2e-6)


class Sure:
    """A network to which every face is angry with this probability, and disgusted for the rest."""

    def __init__(self, angry):
        self.angry = angry

    def predict(self, x, **options):
        return np.tile([self.angry, 1 - self.angry, 0, 0, 0, 0, 0], (len(x), 1))


@pytest.mark.parametrize(("vote", "label"), [("soft", 0), ("hard", 1)])
def test_a_majority_labels_the_rows_where_it_is_asked_for(command, logs, tmp_path, monkeypatch, vote, label):
    """One member is very sure of angry, two are a little more for disgust: mean probabilities of 0.58 and 0.42."""
    members = map(Sure, (0.9, 0.4, 0.45))
    monkeypatch.setattr(ensembles, "open_model", lambda file: next(members))
    runs = [RUN, "20260102-000000-cnn3", logs / "20260105-000000-cnn3-pair" / "members" / "00"]
    data = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy")
    command("--run", *runs, "--predict", data, "--vote", vote, "--submission", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == f"id,label\nx,{label}\ny,{label}\n"


def test_what_several_networks_predict_stands_beside_what_one_does(command, logs, tmp_path):
    data = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy")
    _, out, _ = command("--run", "20260101-000000-cnn3", "20260102-000000-cnn3", "--predict", data)
    made = logs / "20260101-000000-cnn3" / "evaluation" / "predict-test-ensemble-of-2" / "predictions.csv"
    assert made.is_file() and str(made) in out


def test_labels_of_what_is_predicted_may_be_anything(command, tmp_path):
    lines = write_unlabelled(tmp_path / "plain.csv", "id,pixels", ids="xy").read_text().splitlines()
    (tmp_path / "test.csv").write_text("\n".join([f"emotion,{lines[0]}", *(f"-1,{line}" for line in lines[1:])]))
    for name in ("plain", "test"):
        assert command("--predict", tmp_path / f"{name}.csv", "--submission", tmp_path / f"{name}.out")[0] == 0
    assert (tmp_path / "plain.out").read_text() == (tmp_path / "test.out").read_text()


def test_a_submission_is_a_file(command, tmp_path):
    data = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy")
    code, _, err = command("--predict", data, "--submission", "/dev/null")
    assert code == 2 and "expected a file to write, received the device /dev/null" in err


@pytest.mark.parametrize("flags", [("--submission", "test.csv"), ("--output", ".")])
def test_what_is_predicted_is_not_written_over(command, tmp_path, monkeypatch, flags):
    monkeypatch.chdir(tmp_path)
    name = "test.csv" if flags[0] == "--submission" else "predictions.csv"
    data = write_unlabelled(tmp_path / name, "id,pixels", ids="xy")
    before = data.read_bytes()
    code, _, err = command("--run", "20260102-000000-cnn3", "--predict", data, *flags)
    assert code == 2 and "expected another file to write than the one to read" in err and data.read_bytes() == before


def test_photos_that_cannot_be_read_are_a_mistake_and_replace_nothing(command, tmp_path):
    (tmp_path / "o").mkdir()
    earlier = f"photo,face,x,y,width,height,predicted,{','.join(EMOTIONS)},picture\n"
    (tmp_path / "o" / "photos.csv").write_text(earlier)
    (tmp_path / "o" / "photos.json").write_text('{"runs": ["a"], "n_members": 1}')
    (tmp_path / "broken.jpg").write_bytes(b"no image")
    code, _, err = command("--run", RUN, "--predict", tmp_path / "broken.jpg", "--output", tmp_path / "o")
    assert code == 2 and "broken.jpg cannot be decoded" in err and err.count("\n") == 1
    assert (tmp_path / "o" / "photos.csv").read_text() == earlier


def files_in(folder):
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def test_a_table_of_somebodys_own_is_not_written_over_and_ours_is_said_to_be(command, tmp_path):
    Image.new("L", (48, 48), 128).save(tmp_path / "a.png")
    asked = ("--run", RUN, "--no-detect", "--predict", tmp_path / "a.png", "--output", tmp_path / "out")
    (tmp_path / "out").mkdir()
    table = tmp_path / "out" / "photos.csv"
    table.write_text("photo,price\na.png,3\n")
    code, _, err = command(*asked)
    assert code == 2 and "photos.csv stands there, and this program did not write it" in err
    assert table.read_text() == "photo,price\na.png,3\n" and files_in(tmp_path / "out") == {"photos.csv"}
    told = table.with_suffix(".json")
    told.write_text('{"mine": 1}')
    code, _, err = command(*asked)
    assert code == 2 and "photos.json stands there" in err and told.read_text() == '{"mine": 1}'
    told.unlink()
    table.unlink()
    assert "It replaces" not in command(*asked)[1]
    assert "photos.csv and 1 picture. It replaces one that stood there" in command(*asked)[1]


def test_photos_that_are_stopped_half_way_leave_no_table_of_the_earlier_ones(command, tmp_path, monkeypatch):
    for name in "ab":
        Image.new("L", (48, 48), 128).save(tmp_path / f"{name}.png")
    asked = ("--no-detect", "--predict", tmp_path / "a.png", tmp_path / "b.png", "--output", tmp_path / "out")
    command("--run", RUN, *asked)
    assert files_in(tmp_path / "out") == {"a.png", "b.png", "photos.csv", "photos.json"}

    def stopped_at_b(figure, path, **_):
        if path.name == "b.png":
            raise KeyboardInterrupt

    monkeypatch.setattr("fer_keras.photos.predict.save_figure", stopped_at_b)
    assert command("--run", "20260102-000000-cnn3", *asked)[0] == 130
    assert files_in(tmp_path / "out") == set(), "a.png is not drawn here, and what was of the earlier call is gone"


@pytest.mark.parametrize("kind", ["table", "photo"])
def test_what_a_network_of_drawn_faces_says_of_others_is_said_to_be_worth_little(command, tmp_path, kind):
    Image.new("L", (48, 48), 128).save(tmp_path / "a.png")
    table = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy")
    asked = (table,) if kind == "table" else (tmp_path / "a.png", "--no-detect")
    _, out, _ = command("--run", RUN, "--predict", *asked, "--output", tmp_path / "out")
    assert out.startswith("warning: Trained on drawn, synthetic faces: no network for real ones.\n")


@pytest.mark.parametrize("compared", [False, True])
def test_no_evaluation_is_drawn_over_a_picture_of_somebodys(command, tmp_path, compared):
    name = "comparison.png" if compared else "hits.png"
    Image.new("L", (48, 48), 128).save(tmp_path / name)
    before = (tmp_path / name).read_bytes()
    runs = ("--run", RUN, "--run", "20260102-000000-cnn3", "--compare") if compared else ("--run", RUN)
    code, out, error = command(*runs, "--output", tmp_path)
    assert code == 2 and f"{name} stands there, and this program did not draw it" in error and out == ""
    assert (tmp_path / name).read_bytes() == before


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("metrics.json", "evaluation"),
        ("predictions.csv", "evaluation"),
        ("card.md", "evaluation"),
        ("compare.json", "comparison"),
        ("predictions.csv", "table"),
        ("predictions.json", "table"),
    ],
)
def test_no_table_or_text_of_somebodys_own_is_written_over(command, tmp_path, name, kind):
    mine = {"json": '{"accuracy": 1}', "csv": "id,mine\n1,2\n", "md": "# My notes\n"}[name.rsplit(".", 1)[1]]
    (tmp_path / name).write_text(mine)
    asked = {"evaluation": (), "comparison": ("20260102-000000-cnn3", "--compare")}.get(kind)
    asked = ("--predict", write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy")) if asked is None else asked
    code, out, error = command("--run", RUN, *asked, "--output", tmp_path)
    assert code == 2 and f"{name} stands there, and this program did not write it" in error and out == ""
    assert (tmp_path / name).read_text() == mine


@pytest.mark.parametrize("other", ["evaluation", "comparison", "table"])
def test_nothing_else_is_written_into_predictions_of_photos(command, tmp_path, other):
    out = tmp_path / "out"
    Image.new("L", (48, 48), 128).save(tmp_path / "hits.png")
    command("--run", RUN, "--no-detect", "--predict", tmp_path / "hits.png", "--output", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    asked = {"evaluation": (), "comparison": ("20260102-000000-cnn3", "--compare")}.get(other)
    asked = ("--predict", write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy")) if asked is None else asked
    code, _, error = command("--run", RUN, *asked, "--output", out)
    assert code == 2 and "without predictions of photos, received one with photos.json" in error
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize("flag", ["--output", "--submission"])
def test_a_place_that_is_empty_is_refused(command, tmp_path, flag):
    data = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy")
    code, _, error = command("--run", RUN, "--predict", data, flag, "")
    assert code == 2 and f"{flag}: expected a value, received an empty one" in error


def test_the_pictures_of_earlier_photos_go_with_their_table(command, tmp_path):
    for name in ("a", "b", "mine"):
        Image.new("L", (48, 48), 128).save(tmp_path / f"{name}.png")
    out = tmp_path / "out"
    command("--run", RUN, "--no-detect", "--predict", tmp_path / "a.png", tmp_path / "b.png", "--output", out)
    assert files_in(out) == {"a.png", "b.png", "photos.csv", "photos.json"}
    (out / "b-2.png").write_bytes((tmp_path / "mine.png").read_bytes())  # a picture of somebody's
    (out / "b-2024.png").write_bytes((out / "b.png").read_bytes())  # a copy of ours that somebody keeps
    table = out / "photos.csv"
    table.write_text(table.read_text(), encoding="utf-8-sig")  # as a spreadsheet saves it
    _, said, _ = command("--run", RUN, "--no-detect", "--predict", tmp_path / "a.png", "--output", out)
    assert "removed 1 picture of an earlier call" in said
    assert files_in(out) == {"a.png", "b-2.png", "b-2024.png", "photos.csv", "photos.json"}
    (out / "b-2024.png").unlink()
    for _ in range(2):  # of a picture that was drawn here and is now asked about
        command("--run", RUN, "--no-detect", "--predict", out / "a.png", "--output", out)
        assert files_in(out) == {"a.png", "a-2.png", "b-2.png", "photos.csv", "photos.json"}
    asked = ["--predict", out / "b-2.png", out / "a-2.png"]
    _, said, _ = command("--run", RUN, "--no-detect", *asked, "--limit", 1, "--output", out)
    assert (out / "a-2.png").is_file() and "removed" not in said  # what is asked about, beyond the limit too
    for _ in range(2):  # called again it is given the same photos, not what it has drawn of them
        _, said, _ = command("--run", RUN, "--no-detect", "--predict", out, "--output", out)
        assert [Path(row["photo"]).name for row in read_csv(table)] == ["b-2.png"]
        assert files_in(out) == {
            "a.png",
            "a-2.png",
            "b-2.png",
            "b-2-2.png",
            "photos.csv",
            "photos.json",
        }
    table.write_text(f'{table.read_text().splitlines()[0]}\n"{"x" * 200_000}')  # no CSV any more
    code, _, _ = command("--run", RUN, "--no-detect", "--predict", tmp_path / "b.png", "--output", out)
    assert code == 0 and (out / "a.png").is_file()


def test_images_that_are_faces_already_are_predicted_one_by_one(command, tmp_path):
    faces = load_faces("synthetic", limit=LIMIT)
    for i in range(2):
        Image.fromarray(faces.images[i]).save(tmp_path / f"face{i}.png")
    files = [tmp_path / f"face{i}.png" for i in (1, 0)]
    code, _, _ = command(
        "--run", "20260101-000000-cnn3", "--predict", *files, "--no-detect", "--output", tmp_path / "o"
    )
    rows = read_csv(tmp_path / "o" / "photos.csv")
    expected = predicted_by(0, faces.images[[1, 0]])
    found = np.array([[float(row[emotion]) for emotion in EMOTIONS] for row in rows])
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert code == 0 and [row["predicted"] for row in rows] == [EMOTIONS[i] for i in expected.argmax(axis=1)]
    assert {"face0.png", "face1.png", "photos.csv", "photos.json"} == files_in(tmp_path / "o")


@pytest.fixture
def two_faces():
    """A photo with two faces whose boxes are wider or higher, and whose probabilities are all different."""
    return PhotoResult(
        path=Path("party.jpg"),
        boxes=(Box(5, 9, 60, 72), Box(130, 21, 48, 40)),
        crops=np.zeros((2, 48, 48), np.uint8),
        probabilities=np.array(
            [[0.04, 0.51, 0.03, 0.26, 0.09, 0.02, 0.05], [0.31, 0.01, 0.02, 0.08, 0.03, 0.11, 0.44]]
        ),
        picture=Path("out/party.png"),
        problem=None,
    )


def test_the_table_of_photos_has_the_box_of_each_face(two_faces, tmp_path):
    own_photos.write_table(tmp_path / "photos.csv", [two_faces])
    first, second = read_csv(tmp_path / "photos.csv")
    start = {"photo": "party.jpg", "face": "1", "x": "5", "y": "9", "width": "60", "height": "72"}
    assert (start | {"predicted": "disgust", "disgust": "0.510000", "picture": "party.png"}).items() <= first.items()
    start = {"face": "2", "x": "130", "y": "21", "width": "48", "height": "40"}
    assert (start | {"predicted": "neutral", "angry": "0.310000"}).items() <= second.items()


def test_a_person_reads_the_two_most_probable_emotions_of_each_face(two_faces):
    _, first, second = (line.split() for line in own_photos.summary_text([two_faces]).splitlines())
    assert first == ["party.jpg", "1", "disgust", "0.51", "then", "happy", "0.26"]
    assert second == ["party.jpg", "2", "neutral", "0.44", "then", "angry", "0.31"]


@pytest.mark.parametrize("tta", ["none", "flip"])
def test_test_time_augmentation_shows_the_mirror_images_of_faces_in_photos_too(command, left_half, tmp_path, tta):
    image = load_faces("synthetic", limit=LIMIT).images[3]
    Image.fromarray(image).save(tmp_path / "face.png")
    command("--run", RUN, "--predict", tmp_path / "face.png", "--no-detect", "--tta", tta, "--output", tmp_path / "o")
    [row] = read_csv(tmp_path / "o" / "photos.csv")
    angry = (image if tta == "flip" else image[:, :24]).mean() / 255
    assert float(row["angry"]) == pytest.approx(angry, abs=2e-6)


@pytest.mark.parametrize("kind", ["table", "photo"])
def test_nothing_is_predicted_into_an_evaluation(command, tmp_path, kind):
    out, face = tmp_path / "out", tmp_path / "hits.png"
    Image.new("L", (48, 48), 128).save(face)
    command("--run", RUN, "--output", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    data = write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy") if kind == "table" else face
    flags = () if kind == "table" else ("--no-detect",)
    code, _, error = command("--run", RUN, "--predict", data, *flags, "--output", out)
    assert code == 2 and "expected a folder without an evaluation, received one with metrics.json" in error
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_nothing_is_evaluated_into_the_predictions_of_a_file(command, tmp_path):
    out = tmp_path / "out"
    command("--run", RUN, "--predict", write_unlabelled(tmp_path / "test.csv", "id,pixels", ids="xy"), "--output", out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    code, _, error = command("--run", RUN, "--output", out)
    assert code == 2 and "without the predictions of a file, received one with predictions.json" in error
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
