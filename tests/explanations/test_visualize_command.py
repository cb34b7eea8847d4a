"""`python visualize.py` from end to end, on a tiny network that is right and wrong about known images."""

import inspect
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

import visualize
from fer_keras.data.synthetic import PARTS, synthetic_parts
from fer_keras.emotions import EMOTIONS
from fer_keras.errors import UserError
from fer_keras.explain import activation, lime_images
from fer_keras.explain.gradients import Saliency, SmoothGrad
from fer_keras.explain.lime_images import Lime
from fer_keras.explain.model_access import ModelAccess
from fer_keras.explain.perturbation import Rise
from fer_keras.explain.registry import EXPLAINERS
from fer_keras.explanations import attribution, lime, methods, scores
from fer_keras.explanations.attribution import make_explainer
from fer_keras.explanations.options import Options
from fer_keras.explanations.study import Network, default_layer, layer_of, layer_title
from fer_keras.lock import locked
from fer_keras.models import registry

ROOT = Path(visualize.__file__).parent
DISGUST = EMOTIONS.index("disgust")  # none of these is classified correctly
DEFAULTS = ("saliency", "activation", "outputs", "lime")
ALL_OF_THEM = (*DEFAULTS, "grad-cam", "occlusion", "filters", "regions", "scores", "comparison")


def write_csv(path, faces):
    """Write the faces of PublicTest as FER2013 has them."""
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},PublicTest"
        for image, label in zip(faces.images, faces.labels, strict=True)
    ]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    return path


@pytest.fixture(scope="module")
def parts(faces):
    """uint8 (49, 48, 48): what each pixel of the faces shows."""
    n = len(faces)
    return synthetic_parts(training=n, public=n, private=n)[n : 2 * n]


@contextmanager
def recorded(*functions):
    """Note the calls of functions, each (module, name): by its name a list of [arguments by name, what it returned]."""
    calls = {name: [] for _, name in functions}

    def noting(function, name):
        def call(*positional, **named):
            arguments = dict(inspect.signature(function).bind(*positional, **named).arguments)
            calls[name].append([arguments, function(*positional, **named)])
            return calls[name][-1][1]

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, name in functions:
            patch.setattr(module, name, noting(getattr(module, name), name))
        yield calls


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


def names_in(folder):
    return {path.name for path in folder.iterdir()}


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


@pytest.fixture(scope="module")
def study_of(run):
    """Return a function that makes what an explainer is made for: the network of the run, by these options."""
    model = keras.saving.load_model(run.model_file, compile=False)
    access = ModelAccess(model)

    def study(**options):
        return SimpleNamespace(network=Network(model, access, default_layer(access)), options=Options(**options))

    return study


@pytest.mark.parametrize(
    ("name", "explainer", "options"),
    [("smoothgrad", SmoothGrad, {}), ("rise", Rise, {}), ("lime", Lime, {"num_samples": 24})],
)
def test_maps_of_random_draws_are_those_of_the_seed(study_of, faces, name, explainer, options):
    images, targets = faces.images[:1], faces.labels[:1]
    made = [make_explainer(name, study_of(seed=seed, lime_samples=24)).explain(images, targets) for seed in (1, 2)]
    for seed, maps in enumerate(made, 1):
        expected = explainer(study_of().network.model, seed=seed, **options).explain(images, targets)
        np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-6)
    assert np.abs(made[0] - made[1]).max() > 0.01 * np.abs(made[0]).max(), "these seeds show nothing"


def test_superpixels_are_those_that_were_asked_for(study_of, faces):
    """The grid's are squares of 8 x 8 pixels, row by row."""
    explainer = make_explainer("lime", study_of(lime_segments="grid", lime_samples=2))
    [found] = explainer.explanations(faces.images[:1])
    np.testing.assert_array_equal(found.segments, np.kron(np.arange(36).reshape(6, 6), np.ones((8, 8), int)))


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


def test_regions_tell_the_layer_and_that_their_maps_have_been_made_anew(run, tmp_path, call):
    arguments = ("--run", run.path, "--output", tmp_path, "--per-class", 1)
    call(*arguments, "--method", "grad-cam", "regions", "--layer", "conv2d_1")
    table = pd.read_csv(tmp_path / "regions" / "regions.csv", keep_default_na=False)
    assert set(zip(table.method, table.layer, strict=True)) == {("grad-cam", "conv2d_1")}
    page = (tmp_path / "index.html").read_text()
    assert "mean share of grad-cam at conv2d_1 on each part" in page and "had before" not in page
    call(*arguments, "--method", "grad-cam", "--layer", "conv2d")
    assert "Measured on the maps that grad-cam had before" in (tmp_path / "index.html").read_text()


def test_options_of_limes_pictures_alone_leave_what_was_measured_of_its_maps(run, tmp_path, call, capsys):
    arguments = ("--run", run.path, "--output", tmp_path, "--per-class", 1, "--lime-samples", 12)
    call(*arguments, "--method", "lime", "regions")
    call(*arguments, "--method", "lime", "--lime-positive-only")
    assert "had before" not in (tmp_path / "index.html").read_text()
    capsys.readouterr()
    call(*arguments, "--method", "lime", "regions", "--lime-positive-only")
    assert capsys.readouterr().out.count("done before") == 2
    call(*arguments, "--method", "lime", "--lime-segments", "grid")
    assert "Measured on the maps that lime had before" in (tmp_path / "index.html").read_text()


def test_scores_are_those_of_the_maps_beside_them(explained, parts, run, arrays_of):
    from fer_keras.scores import faithfulness, localisation

    images = pd.read_csv(explained / "scores" / "images.csv")
    assert set(images.method) == {"saliency", "grad-cam", "occlusion", "lime", "edges", "noise"}
    of = images[(images.method == "saliency")].pivot(index="index", columns="score", values="value")
    assert len(of) == 12 and of[["sensitivity", "untrained"]].notna().all(axis=1).sum() == 6  # one of each emotion
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
    seeds = [given["seed"] for given, _ in first_command["untrained"]]
    assert len(seeds) == 4 * 3 and len(set(seeds)) == 3
    assert all(set(seeds[start : start + 3]) == set(seeds) for start in range(0, 12, 3))


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
    assert edges.loc["untrained", "mean"] == pytest.approx(1)  # they know no network
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


def test_chosen_images_and_filters(run, tmp_path, call, arrays_of):
    arguments = ("--run", run.path, "--output", tmp_path, "--index", 30, 5, "--filter", 3, 1, "--layer", "conv2d_1")
    with recorded((lime, "lime_figure")) as calls:
        call(*arguments, "--method", "outputs", "lime", "--per-class", 1, "--lime-samples", 12, "--lime-top-labels", 2)
    assert {"image-30", "image-5"} < names_in(tmp_path / "outputs")
    assert (tmp_path / "outputs" / "image-5" / "filter_3.png").is_file()
    assert {"chosen.png", "top_labels.png", "steps.png"} < names_in(tmp_path / "lime")
    arrays = arrays_of(tmp_path / "lime")
    assert {30, 5} < set(arrays["indices"].tolist()) and arrays["explained"].shape[1] == 2
    drawn, _ = calls["lime_figure"][-1]  # top_labels.png
    maps = np.concatenate([arrays["all_maps"][arrays["indices"] == index][0] for index in (30, 5)])
    assert drawn["signs"].shape == maps.shape == (4, 48, 48)
    for signs, one, other in zip(drawn["signs"], maps, maps[[1, 0, 3, 2]], strict=True):  # each label's own weights
        np.testing.assert_array_equal(signs[signs != 0], np.sign(one[signs != 0]))
        assert (signs[signs != 0] != np.sign(other[signs != 0])).any()


def test_a_network_of_another_program_in_colour_and_another_size(run, tmp_path, call, arrays_of, faces, solved_network):
    file = tmp_path / "other.keras"
    solved_network(faces.images, faces.labels, size=(64, 56, 3)).save(file)
    data = write_csv(tmp_path / "faces.csv", faces)
    call("--model", file, "--data", data, "--method", "saliency", "--per-class", 1, "--limit", 21)
    folder = tmp_path / "other-explanations"
    assert arrays_of(folder / "saliency")["maps"].shape == (21, 48, 48)
    page = (folder / "index.html").read_text()
    assert "other.keras" in page and "he first 16 images of PublicTest (its 21 images by --limit)" in page
    before = names_in(folder)
    with pytest.raises(UserError, match="tf-keras-vis cannot be used on it, take another style"):
        call("--model", file, "--data", data, "--method", "activation", "--style", "tf-keras-vis", "--limit", 21)
    assert names_in(folder) == before


def test_a_method_that_fails_takes_nothing_of_its_earlier_time_away(run, tmp_path, monkeypatch, call):
    def content():
        return {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    arguments = ("--run", run.path, "--output", tmp_path, "--method", "outputs")
    call(*arguments)
    before = content()
    assert "image-0/network.png" in (tmp_path / "index.html").read_text()
    monkeypatch.setattr("fer_keras.explanations.outputs.network_sample", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call(*arguments, "--channels", 2)
    assert content() == before


def test_two_processes_do_not_write_one_folder(run, tmp_path, call):
    with locked(tmp_path / ".lock", ""), pytest.raises(UserError, match="is being written by another process"):
        call("--run", run.path, "--output", tmp_path, "--method", "outputs")
    assert names_in(tmp_path) == {".lock"}


@pytest.mark.parametrize(("arch", "layer"), [("cnn4", "leaky_re_lu_3"), ("vgg25", "activation_24")])
def test_class_activation_maps_are_taken_behind_the_last_convolution_named_or_not(arch, layer):
    model = registry.build(arch)
    access = ModelAccess(model)
    network = Network(model, access, default_layer(access))
    assert layer_of("grad-cam", network, Options()) == layer
    assert layer_of("grad-cam", network, Options(layer=network.layer)) == layer
    assert layer_title("grad-cam", network, Options()) == f"{network.layer} ({layer})"
    there = Network(model, access, layer)
    assert layer_title("grad-cam", there, Options(layer=layer)) == layer
    assert layer_title("saliency", network, Options()) == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--layer", "conv2d_2"), "no layer 'conv2d_2'. Did you mean 'conv2d_1'.*max_pooling2d"),
        (("--layer", "logits", "--method", "grad-cam"), "--method grad-cam: .*height and width.*'logits'.*conv2d_1"),
        (("--filter", "0", "4"), "'conv2d_1' has 4 filters, 0 to 3. Received filter 4"),
        (("--index", "49"), r"--index: expected 0 to 48 \(49 images in PublicTest\), received 49"),
        (("--split", "Test"), "no split 'Test'"),
        (("--data", "nowhere.csv"), "no data at 'nowhere.csv'"),
        (("--photo", "nowhere.jpg"), "nowhere.jpg does not exist"),
        (("--photo", "visualize.py"), "visualize.py is no image"),
        (("--per-class", "many"), "expected a whole number, received 'many'"),
        (("--epoch", "3"), "kept no model of epoch 3"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line_and_nothing_is_written(run, tmp_path, arguments, said, call):
    with pytest.raises(UserError, match=said) as raised:
        call("--run", run.path, "--output", tmp_path / "out", *arguments)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("outputs", "size", "said"),
    [(10, (48, 48, 1), "expected a network with 7 outputs.*with 10"), (7, (48, 48, 2), r"\(H, W, 3\). Received")],
)
def test_a_network_that_does_not_fit_says_why(tmp_path, outputs, size, said, call, faces):
    inputs = keras.Input(size)
    x = keras.layers.Dense(outputs, activation="softmax")(keras.layers.Flatten()(inputs))
    keras.Model(inputs, x).save(tmp_path / "other.keras")
    data = write_csv(tmp_path / "faces.csv", faces)
    with pytest.raises(UserError, match=said) as raised:
        call("--model", tmp_path / "other.keras", "--data", data, "--method", "saliency")
    assert "other.keras" in str(raised.value)


def test_an_unfinished_run_is_refused(tmp_path, call, make_run):
    run = make_run(tmp_path, finished=False)
    with pytest.raises(UserError, match=r"train.py --resume"):
        call("--run", run.path)
    with pytest.raises(UserError, match="no finished run"):
        call("--logdir", tmp_path)


def test_help_and_mistakes_of_the_command_line_load_no_tensorflow():
    probe = (
        "import sys; sys.argv = ['visualize.py', '--method', 'salency']\n"
        "import visualize\n"
        "from fer_keras import cli\n"
        "code = cli.guarded(visualize.main)\n"
        "assert not {'tensorflow', 'keras', 'numpy', 'matplotlib'} & set(sys.modules), sorted(sys.modules)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Did you mean 'saliency'" in done.stderr and done.stderr.count("\n") == 1


def test_help_names_every_method():
    command = [sys.executable, "visualize.py", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in methods.METHODS)


def test_the_choices_of_the_flags_are_those_of_the_methods():
    assert sorted(methods.STYLES) == sorted(activation.STYLES)
    assert sorted(methods.SEGMENTATIONS) == sorted(lime_images.SEGMENTATIONS)
