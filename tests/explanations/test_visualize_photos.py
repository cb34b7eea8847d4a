"""`python visualize.py --photo`: a person's own photos, whose faces have no label."""

import shutil

import keras
import numpy as np
import pytest
from PIL import Image

from fer_keras.emotions import EMOTIONS
from fer_keras.explain.gradients import Saliency
from fer_keras.explanations import photos as explanations_photos
from fer_keras.photos import predict
from fer_keras.photos.detect import Box
from tests.explanations.looking_on import names_in


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
    assert "says nothing about people" not in page and "The network was trained on drawn, synthetic faces." in page


def test_each_photo_is_shown_with_its_own_faces(run, photos, faces, tmp_path, call, monkeypatch):
    pair = tmp_path / "pair <b>.png"
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
    assert "src='faces/photo-1.png'" in page and f"{tmp_path}/pair &lt;b&gt;.png: 2 faces." in page
    assert {"photo-1.png", "photo-2.png"} < names_in(tmp_path / "out" / "faces")


def test_many_faces_take_several_sheets(run, tmp_path, call, faces):
    for number, image in enumerate(faces.images[:17]):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    output = tmp_path / "out"
    call("--run", run.path, "--photo", tmp_path, "--no-detect", "--method", "grad-cam", "--output", output)
    assert {"faces.png", "faces-2.png"} < names_in(output / "grad-cam")
    assert "17 faces in 17 photos, number 17." in (output / "index.html").read_text()


def test_photos_are_explained_for_a_network_of_another_program(run, photos, tmp_path, call):
    shutil.copyfile(run.model_file, tmp_path / "other.keras")
    call("--model", tmp_path / "other.keras", "--photo", photos / "a.png", "--no-detect", "--method", "saliency")
    assert (tmp_path / "other-explanations" / "photos" / "saliency" / "faces.png").is_file()
