"""`python visualize.py` from end to end, on a tiny network that is right and wrong about known images."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

import visualize
from fer_keras.errors import UserError
from fer_keras.explain import activation, lime_images
from fer_keras.explain.gradients import SmoothGrad
from fer_keras.explain.lime_images import Lime
from fer_keras.explain.model_access import ModelAccess
from fer_keras.explain.perturbation import Rise
from fer_keras.explanations import job as visualize_job
from fer_keras.explanations import lime, methods
from fer_keras.explanations.attribution import make_explainer
from fer_keras.explanations.options import Options
from fer_keras.explanations.study import Network, layer_of, layer_title
from fer_keras.lock import locked
from fer_keras.models import registry
from tests.explanations.looking_on import names_in, recorded

ROOT = Path(visualize.__file__).parent


def write_csv(path, faces):
    """Write the faces of PublicTest as FER2013 has them."""
    rows = [
        f"{label},{' '.join(map(str, image.ravel()))},PublicTest"
        for image, label in zip(faces.images, faces.labels, strict=True)
    ]
    path.write_text("\n".join(["emotion,pixels,Usage", *rows]))
    return path


@pytest.fixture(scope="module")
def study_of(run):
    """Return a function that makes what an explainer is made for: the network of the run, by these options."""
    model = keras.saving.load_model(run.model_file, compile=False)
    access = ModelAccess(model)

    def study(**options):
        return SimpleNamespace(network=Network(model, access, access.default_layer()), options=Options(**options))

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


def test_the_page_shows_what_a_killed_command_has_finished_and_nothing_that_is_gone(run, tmp_path, call, monkeypatch):
    def page():
        return (tmp_path / "index.html").read_text()

    def killed(*_):
        raise KeyboardInterrupt

    arguments = ("--run", run.path, "--output", tmp_path, "--limit", 21, "--method")
    call(*arguments, "grad-cam++")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(visualize_job, "_write_index", killed)
        call(*arguments, "grad-cam++", "grad-cam")
    assert "'grad-cam/" not in page() and (tmp_path / "grad-cam" / "done.json").is_file()
    call(*arguments, "grad-cam++", "grad-cam")  # both are done before
    assert "'grad-cam/" in page() and "'grad-cam%2B%2B/" in page() and "of these images" in page()
    (tmp_path / "grad-cam++" / "first.png").unlink()
    call(*arguments, "grad-cam")
    assert "'grad-cam%2B%2B/" not in page() and "'grad-cam/" in page()


def test_somebodys_own_page_is_not_written_over(run, tmp_path, call):
    page = tmp_path / "index.html"
    page.write_text("<title>My holidays</title>")
    with pytest.raises(UserError, match=r"index.html: expected no page there but one that this program wrote") as error:
        call("--run", run.path, "--output", tmp_path, "--method", "outputs")
    assert "\n" not in str(error.value)
    assert names_in(tmp_path) == {"index.html"} and page.read_text() == "<title>My holidays</title>"
    page.write_text(f"<title>What {run.path.name} looks at</title><style>")  # of an earlier version
    call("--run", run.path, "--output", tmp_path, "--method", "outputs")
    assert "outputs/image-0/network.png" in page.read_text()


def test_damaged_maps_are_told_with_the_way_out(run, tmp_path, call):
    arguments = ("--run", run.path, "--output", tmp_path, "--limit", 21, "--method")
    call(*arguments, "saliency")
    maps = tmp_path / "saliency" / "maps.npz"
    maps.write_bytes(maps.read_bytes()[:500])
    with pytest.raises(UserError, match=r"maps of saliency, received a damaged file .* --force"):
        call(*arguments, "saliency", "regions")
    call(*arguments, "saliency", "regions", "--force")
    assert (tmp_path / "regions" / "regions.csv").is_file()


def test_two_processes_do_not_write_one_folder(run, tmp_path, call):
    with locked(tmp_path / ".lock", ""), pytest.raises(UserError, match="is being written by another process"):
        call("--run", run.path, "--output", tmp_path, "--method", "outputs")
    assert names_in(tmp_path) == {".lock"}


@pytest.mark.parametrize(("arch", "layer"), [("cnn4", "leaky_re_lu_3"), ("vgg25", "activation_24")])
def test_class_activation_maps_are_taken_behind_the_last_convolution_named_or_not(arch, layer):
    model = registry.build(arch)
    access = ModelAccess(model)
    network = Network(model, access, access.default_layer())
    assert layer_of("grad-cam", network) == layer
    assert layer_title("grad-cam", network) == f"{network.layer} ({layer})"
    there = Network(model, access, layer)
    assert layer_title("grad-cam", there) == layer
    assert layer_title("saliency", network) == ""


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
        (("--output", ""), "--output: expected a value, received an empty one"),
        (("--model", ""), "--model: expected a value, received an empty one"),
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
