"""What `python visualize.py` draws and keeps of a run, and of what: after one command with most of the methods."""

import keras
import numpy as np
import pandas as pd
import pytest

from fer_keras.data.prepare import load_faces
from fer_keras.data.synthetic import PARTS, draw_faces
from fer_keras.emotions import EMOTIONS
from fer_keras.explain import lime_images
from fer_keras.explain.gradients import Saliency
from fer_keras.explain.registry import EXPLAINERS
from fer_keras.explanations import attribution, lime, scores
from tests.explanations.looking_on import names_in, recorded

DISGUST = EMOTIONS.index("disgust")  # none of these is classified correctly
DEFAULTS = ("saliency", "activation", "outputs", "lime")
ALL_OF_THEM = (*DEFAULTS, "grad-cam", "occlusion", "filters", "regions", "scores", "comparison")


@pytest.fixture(scope="module")
def parts(faces):
    """uint8 (49, 48, 48): what each pixel of the faces shows."""
    n, whole = len(faces), load_faces("synthetic", limit=len(faces))
    return draw_faces(whole.labels).parts[n : 2 * n]


@pytest.fixture(scope="module")
def first_command(run, call):
    """What `recorded` notes of a first command with most of the methods: what some figures were made of."""
    noted = (
        *((attribution, "mean_maps_figure"), (scores, "curves_figure"), (scores, "untrained")),
        *((lime, "lime_steps_figure"), (lime_images, "perturbed_images")),
    )
    with recorded(*noted) as calls:
        call("--run", run.path, "--method", *ALL_OF_THEM, "--per-class", 2, "--filters", 2, "--lime-samples", 24)
    return calls


@pytest.fixture(scope="module")
def explained(run, first_command):
    """The folder of explanations after the first command."""
    return run.path / "explanations"


@pytest.mark.parametrize("method", ["saliency", "grad-cam", "lime", "occlusion"])
def test_right_and_wrong_images_have_their_sheets(explained, method):
    right = {f"{emotion.capitalize()}.png" for emotion in EMOTIONS if EMOTIONS.index(emotion) != DISGUST}
    assert names_in(explained / method / "correct") == right
    assert names_in(explained / method / "wrong") == {"Disgust(Angry).png"}
    assert {"first.png", "maps.npz", "done.json"} <= names_in(explained / method)


def test_raw_maps_stand_beside_their_images_and_answers(explained, arrays_of, faces):
    for method in ("saliency", "occlusion", "lime"):
        arrays = arrays_of(explained / method)
        indices = arrays["indices"]
        np.testing.assert_array_equal(arrays["images"], faces.images[indices])
        assert arrays["ids"].tolist() == [faces.ids[index] for index in indices]
        np.testing.assert_array_equal(arrays["labels"], faces.labels[indices])
        expected = np.where(arrays["labels"] == DISGUST, EMOTIONS.index("angry"), arrays["labels"])
        np.testing.assert_array_equal(arrays["predictions"], expected)
        assert arrays["maps"].shape == (len(indices), 48, 48) and arrays["maps"].dtype == np.float32
        assert np.isfinite(arrays["maps"]).all()
    assert len(arrays_of(explained / "saliency")["indices"]) == len(faces)  # one pass a face: the whole split
    assert {*range(16)} < {*arrays_of(explained / "occlusion")["indices"].tolist()}


def test_the_maps_are_those_of_the_explainer(explained, run, arrays_of):

    arrays = arrays_of(explained / "saliency")
    model = keras.saving.load_model(run.model_file, compile=False)
    again = Saliency(model).explain(arrays["images"], arrays["predictions"])
    np.testing.assert_allclose(arrays["maps"], again, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("method", ["saliency", "occlusion"])
def test_mean_maps_are_of_the_right_images_alone(first_command, explained, arrays_of, method):
    [drawn] = [given for given, _ in first_command["mean_maps_figure"] if given["title"].startswith(f"{method}:")]
    arrays = arrays_of(explained / method)
    right = arrays["labels"] == arrays["predictions"]
    assert 0 < right.sum() < len(right)
    for label in range(7):
        maps = arrays["maps"][right & (arrays["labels"] == label)].astype(np.float64)
        assert drawn["counts"][label] == len(maps)
        if len(maps):
            shares = maps / np.abs(maps).sum(axis=(1, 2), keepdims=True)
            np.testing.assert_allclose(drawn["maps"][label], shares.mean(axis=0), atol=1e-9)
    assert np.isnan(drawn["maps"][DISGUST]).all() and np.isnan(drawn["faces"][DISGUST]).all()


def test_filters_stand_beside_what_the_faces_make_of_them(explained, run, arrays_of, faces):
    arrays = arrays_of(explained / "activation")
    network = keras.saving.load_model(run.model_file, compile=False)
    layer = keras.Model(network.inputs[0], network.get_layer("conv2d_1").output)
    of_faces = layer.predict(faces.images[..., None].astype(np.float32), verbose=0).mean(axis=(1, 2))[:, :2]
    np.testing.assert_allclose(arrays["percentile_99"], np.percentile(of_faces, 99, axis=0), rtol=1e-4)
    expected = [of_faces[faces.labels == label].mean(axis=0) for label in range(7)]
    np.testing.assert_allclose(arrays["emotion_means"], expected, rtol=1e-4, atol=1e-6)


def test_the_steps_of_lime_show_samples_that_the_network_was_asked_about(first_command, run):
    [[drawn, _]] = first_command["lime_steps_figure"]
    asked = [
        samples
        for given, samples in first_command["perturbed_images"]
        if (given["image"] == drawn["image"]).all() and len(samples) == 24
    ]
    np.testing.assert_array_equal(drawn["samples"], asked[0][1:7])  # the first hides nothing
    network = keras.saving.load_model(run.model_file, compile=False)
    answers = network.predict(drawn["samples"][..., None], verbose=0)
    np.testing.assert_allclose(drawn["probabilities"], answers[:, EMOTIONS.index(drawn["emotion"])], atol=1e-5)


def test_activation_shows_the_layer_and_the_first_filter_of_every_layer(explained, arrays_of):
    arrays = arrays_of(explained / "activation")
    assert {"conv2d_1.png", "first_filters.png"} <= names_in(explained / "activation")
    assert arrays["layers"].tolist() == ["conv2d_1", "conv2d_1", "conv2d", "max_pooling2d", "conv2d_1"]
    assert arrays["filters"].tolist() == [0, 1, 0, 0, 0]
    assert arrays["maps"].shape == (5, 48, 48) and arrays["images"].shape == (2, 9, 48, 48)
    assert arrays["emotion_means"].shape == (7, 2)


def test_outputs_show_one_filter_one_layer_and_the_network(explained, arrays_of):
    assert names_in(explained / "outputs" / "image-0") == {"filter_0.png", "conv2d_1.png", "network.png"}
    assert arrays_of(explained / "outputs")["maps"].shape == (1, 4, 12, 12)


def test_filters_are_a_table_of_every_convolution(explained, arrays_of):
    table = pd.read_csv(explained / "filters" / "filters.csv")
    assert table.groupby("layer").size().to_dict() == {"conv2d": 3, "conv2d_1": 4}
    assert arrays_of(explained / "filters")["maps"].shape == (7, 48, 48)


def test_regions_count_on_the_exact_parts_of_synthetic_faces(explained, parts, arrays_of):
    from fer_keras.explain.regions import region_means

    table = pd.read_csv(explained / "regions" / "regions.csv")
    assert set(table.method) == {"saliency", "grad-cam", "occlusion", "lime"}
    arrays = arrays_of(explained / "saliency")
    right = arrays["labels"] == arrays["predictions"]
    expected = region_means(arrays["maps"][right], parts[right], arrays["labels"][right])
    of_saliency = table[table.method == "saliency"].pivot(index="emotion", columns="part", values="share")
    shares = of_saliency.loc[list(EMOTIONS), list(PARTS)].to_numpy()
    np.testing.assert_allclose(shares, expected.shares)
    assert np.isnan(shares[DISGUST]).all() and np.isfinite(np.delete(shares, DISGUST, axis=0)).all()


def test_scores_are_those_of_the_maps_beside_them(explained, parts, run, arrays_of):
    from fer_keras.scores import faithfulness, localisation

    images = pd.read_csv(explained / "scores" / "images.csv")
    assert set(images.method) == {"saliency", "grad-cam", "occlusion", "lime", "edges", "centre", "noise"}
    of = images[(images.method == "saliency")].pivot(index="index", columns="score", values="value")
    anew = of[["sensitivity", "untrained", "upper"]].notna().all(axis=1)
    assert len(of) == 12 and anew.sum() == 6  # one of each emotion
    model, arrays = keras.saving.load_model(run.model_file, compile=False), arrays_of(explained / "saliency")
    taken = arrays["images"][of.index], arrays["maps"][of.index], arrays["predictions"][of.index]
    curves = faithfulness.curves(*taken, lambda faces: model(faces[..., None]).numpy())
    np.testing.assert_allclose(of["deletion"], faithfulness.areas(curves), atol=1e-5)
    np.testing.assert_allclose(of["focus"], localisation.focus(taken[1], parts[of.index]), rtol=1e-5)


@pytest.mark.parametrize("score", ["deletion", "insertion"])
def test_the_area_below_a_curve_is_its_score_in_the_table(first_command, explained, score):
    [[drawn, _]] = first_command["curves_figure"]
    table = pd.read_csv(explained / "scores" / "scores.csv")
    means = table[table.score == score].set_index("method")["mean"].loc[list(drawn["methods"])]
    np.testing.assert_allclose(np.trapezoid(drawn[score], axis=1) / (drawn[score].shape[1] - 1), means, rtol=1e-6)


def test_every_method_is_held_against_the_same_three_different_untrained_networks(first_command):
    calls = [(given["kept"], given["seed"]) for given, _ in first_command["untrained"]]
    seeds = {seed for _, seed in calls}
    of_each = [(kept, seed) for kept in (0.0, 0.5) for seed in seeds]  # untrained, and its upper half alone
    assert len(seeds) == 3 and len(calls) == 4 * 6
    assert all(sorted(calls[start : start + 6]) == sorted(of_each) for start in range(0, 24, 6))


def test_the_table_of_scores_has_means_errors_and_numbers(explained):
    images, table = (pd.read_csv(explained / "scores" / name) for name in ("images.csv", "scores.csv"))
    row = table[(table.method == "occlusion") & (table.score == "insertion")].iloc[0]
    values = images[(images.method == "occlusion") & (images.score == "insertion")].value
    assert row["mean"] == pytest.approx(values.mean()) and row["images"] == len(values) == 12
    assert row["standard_error"] == pytest.approx(values.std(ddof=1) / 12**0.5) and row["better"] == "higher"
    of = images.pivot(index="index", columns=["score", "method"], values="value")
    row = table[(table.method == "saliency") & (table.score == "deletion")].iloc[0]
    lead = of["deletion", "noise"] - of["deletion", "saliency"]  # lower is better
    assert row["over_noise"] == pytest.approx(lead.mean())
    assert row["over_noise_error"] == pytest.approx(lead.std(ddof=1) / 12**0.5)
    edges = table[(table.method == "edges")].set_index("score")
    assert edges.over_edges.isna().all() and edges.over_noise.notna().all()
    of_the_network = edges.loc[["untrained", "upper", "runner-up"], "mean"]
    assert of_the_network.tolist() == pytest.approx([1, 1, 1])  # they know no network
    assert set(table[table.method == "grad-cam"].layer) == {"conv2d_1"}


def test_a_comparison_has_every_attribution_method(explained, arrays_of):
    arrays = arrays_of(explained / "comparison")
    assert arrays["methods"].tolist() == list(EXPLAINERS)
    assert arrays["maps"].shape == (len(EXPLAINERS), 6, 48, 48)  # a face of each emotion that has a correct one
    assert (explained / "comparison" / "comparison.png").is_file()


def test_the_page_shows_every_picture_and_fetches_nothing(explained):
    from urllib.parse import unquote

    page = (explained / "index.html").read_text()
    assert "http:" not in page and "https:" not in page
    pictures = {path.relative_to(explained).as_posix() for path in explained.rglob("*.png")}
    shown = {unquote(part.split("'")[0]) for part in page.split("<img src='")[1:]}
    assert shown == pictures
    assert "says nothing about people" in page
    assert "None of the 7 &#x27;disgust&#x27; faces is classified correctly" in page


def test_a_finished_method_is_not_done_again_unless_options_change_or_force(run, explained, capsys, call):
    def stamps():
        return {method: (explained / method / "done.json").stat().st_mtime_ns for method in ("outputs", "saliency")}

    same = ("--run", run.path, "--method", "outputs", "saliency", "--per-class", 2)
    before = stamps()
    call(*same)
    said = capsys.readouterr().out
    assert stamps() == before and "done before" in said and "takes the place" not in said
    call(*same, "--channels", 2)  # of outputs alone
    changed, said = stamps(), capsys.readouterr().out
    assert said.count("takes the place of one that was made otherwise") == 1
    assert changed["saliency"] == before["saliency"] and changed["outputs"] > before["outputs"]
    call("--run", run.path, "--method", "outputs", "--force", "--channels", 2)
    assert stamps()["outputs"] > changed["outputs"]
