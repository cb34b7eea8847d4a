"""`python visualize.py --photo`: a person's own photos, whose faces have no label."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from fer_keras.emotions import EMOTIONS
from fer_keras.explain.gradients import Saliency
from fer_keras.explain.lime_images import LimeExplanation
from fer_keras.explanations import attribution, lime
from fer_keras.explanations import photos as explanations_photos
from fer_keras.explanations.options import Options
from fer_keras.explanations.selection import every_image
from fer_keras.photos import predict
from fer_keras.photos.detect import Box
from tests.explanations.looking_on import names_in, recorded


@pytest.fixture(scope="module")
def photos(tmp_path_factory, faces):
    """Three drawn faces, cut out; one has a name that Matplotlib would take for a formula."""
    folder = tmp_path_factory.mktemp("photos")
    for name, image in zip(("a.png", "$b$ _c_.png", "d.png"), faces.images[:3], strict=True):
        Image.fromarray(image).save(folder / name)
    return folder


def test_the_faces_in_photos_are_explained_without_a_label(run, photos, capsys, call, arrays_of):
    methods = ("saliency", "grad-cam", "comparison", "outputs", "lime")
    call("--run", run.path, "--photo", photos, "--no-detect", "--method", *methods, "--lime-samples", 12)
    folder = run.path / "explanations" / "photos"
    assert names_in(folder) >= {*methods, "index.html"}
    assert {"faces.png", "maps.npz"} <= names_in(folder / "saliency") & names_in(folder / "lime")
    arrays = arrays_of(folder / "saliency")
    assert "labels" not in arrays and arrays["ids"].tolist() == ["$b$ _c_.png", "a.png", "d.png"]
    network = keras.saving.load_model(run.model_file, compile=False, safe_mode=True)
    expected = Saliency(network).explain(arrays["images"], arrays["predictions"])
    np.testing.assert_allclose(arrays["maps"], expected, rtol=1e-4, atol=1e-6)
    said, page = capsys.readouterr().out, (folder / "index.html").read_text()
    for index, name in enumerate(arrays["ids"]):
        assert f"  {name}  {EMOTIONS[arrays['predictions'][index]]} 0." in said
    assert "3 in 3 photos" in page and "correct" not in page
    assert f"<tr><th scope='row'>a.png</th><td>{EMOTIONS[arrays['predictions'][1]]} 0." in page
    call("--run", run.path, "--photo", photos, "--no-detect", "--method", "saliency", "--per-class", 2, "--index", 1)
    said = capsys.readouterr().out
    assert "--per-class changes nothing" in said and "saliency: done before" in said
    call("--run", run.path, "--photo", photos, "--no-detect", "--method", "saliency", "outputs", "--seed", 1)
    said = capsys.readouterr().out
    assert "saliency: done before" in said and "outputs: done before" not in said
    assert "says nothing about people" not in page and "The network was trained on drawn, synthetic faces." in page


def test_each_photo_is_shown_with_its_own_faces(run, photos, faces, tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pair = Path("holiday/pair <b>.png")
    pair.parent.mkdir()
    Image.fromarray(np.hstack([faces.images[5], faces.images[9]])).save(pair)
    two = [Box(0, 0, 48, 48), Box(48, 0, 48, 48)]
    monkeypatch.setattr(predict, "find_faces", lambda gray: two if gray.shape[1] == 96 else two[:1])
    monkeypatch.setattr(predict, "face_crop", lambda gray, box: gray[:, box.x : box.x + 48])
    drawn = []
    monkeypatch.setattr(explanations_photos, "draw", lambda photo: drawn.append(photo) or predict.draw(photo))
    call("--run", run.path, "--photo", pair, photos / "a.png", "--method", "faces", "--output", tmp_path / "out")
    assert [photo.path.name for photo in drawn] == ["pair <b>.png", "a.png"]  # the first has more faces than one
    np.testing.assert_array_equal(drawn[0].crops, faces.images[[5, 9]])
    np.testing.assert_array_equal(drawn[1].crops, faces.images[:1])
    network = keras.saving.load_model(run.model_file, compile=False, safe_mode=True)
    for photo in drawn:
        expected = network.predict(photo.crops[..., None].astype(np.float32), verbose=0)
        np.testing.assert_allclose(photo.probabilities, expected, atol=1e-5)
    page = (tmp_path / "out" / "index.html").read_text()
    assert "src='faces/photo-1.png'" in page and ">2 faces in holiday/pair &lt;b&gt;.png.<" in page
    assert {"photo-1.png", "photo-2.png"} < names_in(tmp_path / "out" / "faces")


def test_many_faces_take_several_sheets(run, tmp_path, call, faces):
    for number, image in enumerate(faces.images[:17]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    output = tmp_path / "out"
    call("--run", run.path, "--photo", tmp_path, "--no-detect", "--method", "grad-cam", "--output", output)
    assert {"faces.png", "faces-2.png"} < names_in(output / "grad-cam")
    assert "17 faces in 17 photos, face 17 of 17." in (output / "index.html").read_text()


def test_many_faces_are_compared_on_several_sheets_and_none_is_left_out(run, tmp_path, call, faces, monkeypatch):
    for number, image in enumerate(faces.images[:18]):
        Image.fromarray(image).save(tmp_path / f"{number:02}.png")
    monkeypatch.setattr(attribution, "EXPLAINERS", {"saliency": None})  # what takes a quarter of a minute is left out
    output = tmp_path / "out"
    with recorded((attribution, "comparison_figure")) as calls:
        call("--run", run.path, "--photo", tmp_path, "--no-detect", "--method", "comparison", "--output", output)
    assert {"comparison.png", "comparison-2.png"} < names_in(output / "comparison")
    shown = [given for given, _ in calls["comparison_figure"]]
    said = [caption.split("\n")[0] for given in shown for caption in given["captions"]]
    assert said == [f"{number:02}.png" for number in range(18)]
    np.testing.assert_array_equal(np.concatenate([given["images"] for given in shown]), faces.images[:18])
    expected = Saliency(keras.saving.load_model(run.model_file, compile=False)).explain(faces.images[:18])
    assert [len(given["maps"]["saliency"]) for given in shown] == [16, 2]
    maps = np.concatenate([given["maps"]["saliency"] for given in shown])
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-6)
    assert "These are faces 17 to 18 of 18." in (output / "index.html").read_text()


def test_further_labels_of_many_faces_take_several_sheets_too():
    def explanation(image):  # of which emotions 3 and 5 are the most probable
        one = np.full((48, 48), 10 * image), np.arange(2304).reshape(48, 48) // 1152, np.array([3, 5])
        return LimeExplanation(*one, np.full((2, 2), 0.1), np.zeros(2), np.zeros(2), np.eye(7)[3])

    written = []
    folder = SimpleNamespace(figure=lambda file, figure, caption, heading: written.append((file, caption)))
    study = SimpleNamespace(selection=every_image(18), name=lambda index: f"{index}.png", options=Options())
    with recorded((lime, "lime_figure")) as calls:
        lime._write_top_labels(study, folder, {image: explanation(image) for image in range(18)}, "LIME")
    assert [file for file, _ in written] == ["top_labels.png", "top_labels-2.png"]
    assert written[1][1].endswith("the most probable first: faces 17 to 18 of 18")
    drawn = [given for given, _ in calls["lime_figure"]]
    said = [caption.split()[0] for given in drawn for caption in given["captions"]]
    assert said == [f"{image}.png" for image in range(18) for _ in range(2)]
    gray = np.concatenate([given["images"][:, 0, 0] for given in drawn])
    assert gray.tolist() == [10 * image for image in range(18) for _ in range(2)]


def test_the_page_is_of_the_command_even_where_all_was_done_before(run, make_run, photos, tmp_path, call):
    def title():
        return (tmp_path / "out" / "index.html").read_text().split("<h1>")[1].split("</h1>")[0]

    def faces_said():
        page = (tmp_path / "out" / "index.html").read_text()
        return [name for name in ("a.png", "d.png") if f"<tr><th scope='row'>{name}" in page]

    other = make_run(tmp_path / "logs").path
    other = other.rename(other.with_name("other"))
    arguments = ("--no-detect", "--output", tmp_path / "out", "--method")
    call("--run", run.path, "--photo", photos / "a.png", *arguments, "outputs")
    call("--run", other, "--photo", photos / "d.png", *arguments, "faces")
    assert title() == "What other looks at" and faces_said() == ["d.png"]
    call("--run", run.path, "--photo", photos / "a.png", *arguments, "outputs")
    assert title() == f"What {run.path.name} looks at" and faces_said() == ["a.png"]
    written = (tmp_path / "out" / "index.html").stat().st_mtime_ns
    call("--run", run.path, "--photo", photos / "a.png", *arguments, "outputs")
    assert (tmp_path / "out" / "index.html").stat().st_mtime_ns == written, "nothing has changed"


def test_photos_are_explained_for_a_network_of_another_program(run, photos, tmp_path, call):
    shutil.copyfile(run.model_file, tmp_path / "other.keras")
    call("--model", tmp_path / "other.keras", "--photo", photos / "a.png", "--no-detect", "--method", "saliency")
    assert (tmp_path / "other-explanations" / "photos" / "saliency" / "faces.png").is_file()
