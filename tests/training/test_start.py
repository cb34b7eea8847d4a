"""A run that starts from several others: the mean of their weights, whether it is one worth having, what is refused."""

import keras
import numpy as np
import pytest

from fer_keras.config import Settings
from fer_keras.data.faces import Faces
from fer_keras.data.prepare import load_faces
from fer_keras.data.synthetic import draw_faces
from fer_keras.errors import UserError
from fer_keras.files import write_json
from fer_keras.models.files import open_model, save_model
from fer_keras.models.registry import build
from fer_keras.runs import Run, RunConfig, read_config, write_config
from fer_keras.training import job
from fer_keras.training.start import mean_of_weights, refuse_unfit_start, starting_network, with_starting_data

pytestmark = pytest.mark.usefixtures("tiny_network", "undrawn")

TINY = {"data": "synthetic", "limit": 21, "arch": "cnn_plain", "batch_size": 16, "precision": "float32"}
DATA = {"source": "", "sha256": "", "synthetic": True, "validation_split": "", "testable": []}


def start(logdir, name, **settings) -> Run:
    return job.start(Settings(**TINY | settings), logdir=str(logdir), name=name, command=["train.py"], given=settings)


def finished_run(logdir, name: str, model: keras.Model, **settings) -> Run:
    run = Run(logdir / name)
    run.path.mkdir(parents=True)
    write_config(run, RunConfig(Settings(arch="cnn_plain", **settings), DATA))
    save_model(model, run.model_file)
    write_json(run.result_file, {})
    return run


def weights_of(run: Run) -> dict[str, np.ndarray]:
    return {variable.path: np.array(variable) for variable in open_model(run.model_file).weights}


def light_or_dark(*, swapped: bool) -> keras.Model:
    """Two hidden units, one for bright images and one for dark ones, in either order: the same function."""
    image = keras.Input((48, 48, 1))
    hidden = keras.layers.Dense(2, activation="relu", name="hidden")
    logits = keras.layers.Dense(7, name="logits")
    x = logits(hidden(keras.layers.GlobalAveragePooling2D()(image)))
    model = keras.Model([image], keras.layers.Softmax(name="predictions")(x))
    order = [1, 0] if swapped else [0, 1]
    hidden.set_weights([np.array([[0.1, -0.1]])[:, order], np.array([-10.0, 10.0])[order]])
    kernel = np.zeros((2, 7))
    kernel[0, 0] = kernel[1, 1] = 1.0
    logits.set_weights([kernel[order], np.array([0, 0, -9, -9, -9, -9, -9])])
    return model


def bright_and_dark() -> Faces:
    """150 and 50 of 255, labelled as `light_or_dark` reads them."""
    labels = np.arange(40) % 2
    images = np.where(labels == 0, 150, 50).astype(np.uint8)[:, None, None] * np.ones((1, 48, 48), np.uint8)
    return Faces(images, labels, np.full(40, "Training"), np.arange(40).astype(str), "drawn", "")


def test_the_mean_is_that_of_every_weight_moving_statistics_too():
    networks = [build("cnn4", seed=seed) for seed in range(3)]
    for network in networks:
        for variable in network.weights:
            if "moving" in variable.path:
                variable.assign(
                    np.random.default_rng(len(variable.path)).random(variable.shape) + networks.index(network)
                )
    before = [network.get_weights() for network in networks]
    mean = mean_of_weights(networks)
    for got, *theirs in zip(mean.get_weights(), *before, strict=True):
        np.testing.assert_allclose(got, (theirs[0] + theirs[1] + theirs[2]) / 3, rtol=1e-5, atol=1e-7)
    for network, weights in zip(networks, before, strict=True):
        assert all(map(np.array_equal, network.get_weights(), weights))


def test_networks_of_other_layers_have_no_mean():
    with pytest.raises(UserError, match="--init-from: expected runs of one network, received others"):
        mean_of_weights([build("cnn_plain"), build("cnn3")])


def test_a_start_that_diverged_is_refused(tmp_path):
    broken = light_or_dark(swapped=False)
    kernel, *rest = broken.get_layer("hidden").get_weights()
    broken.get_layer("hidden").set_weights([kernel * np.nan, *rest])
    finished_run(tmp_path, "good", light_or_dark(swapped=False))
    finished_run(tmp_path, "broken", broken)
    refuse_unfit_start(Settings(arch="cnn_plain", init_from=("good",)), str(tmp_path))
    with pytest.raises(UserError, match=r"broken/model\.keras: .* one whose weights are no numbers"):
        refuse_unfit_start(Settings(arch="cnn_plain", init_from=("good", "broken")), str(tmp_path))


def test_a_barrier_between_networks_is_told(tmp_path, capsys):
    for name, swapped in (("one", False), ("other", True), ("again", False)):
        finished_run(tmp_path, name, light_or_dark(swapped=swapped))
    settings = Settings(arch="cnn_plain", init_from=("one", "other"))
    mean = starting_network(settings, bright_and_dark(), str(tmp_path))
    said = capsys.readouterr().out
    # all that is left of the hidden units is 0: both emotions are as likely
    assert "mean of 2 networks: loss 0.6935 on 40 training images\nalone: one 0.0067, other 0.0067" in said
    assert "It is worse than each of them: they do not lie in one valley" in said
    assert (mean.get_layer("hidden").get_weights()[0] == 0).all()

    starting_network(Settings(arch="cnn_plain", init_from=("one", "again")), bright_and_dark(), str(tmp_path))
    said = capsys.readouterr().out
    assert "loss 0.0067 on 40 training images\nalone: one 0.0067, again 0.0067" in said and "valley" not in said


def test_a_mean_between_a_good_network_and_a_poor_one_is_told(tmp_path, capsys):
    poor = light_or_dark(swapped=False)
    kernel, bias = poor.get_layer("logits").get_weights()
    poor.get_layer("logits").set_weights([-0.2 * kernel, bias])  # takes dark for bright, and is not sure of it
    finished_run(tmp_path, "good", light_or_dark(swapped=False))
    finished_run(tmp_path, "poor", poor)
    starting_network(Settings(arch="cnn_plain", init_from=("poor", "good")), bright_and_dark(), str(tmp_path))
    # the logit of the true emotion is 5, -1 and 2, that of the other 0: log(1 + e^-5), log(1 + e), log(1 + e^-2), and
    # a little for those of -9
    said = capsys.readouterr().out
    assert "loss 0.1270 on 40 training images\nalone: poor 1.3137, good 0.0067" in said
    assert "It is worse than good alone on these; evaluate.py --compare" in said and "valley" not in said


def test_the_batch_statistics_of_a_mean_are_those_of_its_own_layers(tmp_path, capsys):
    networks = {"one": build("cnn4", seed=1), "other": build("cnn4", seed=2)}
    for name, network in networks.items():
        write_config(finished_run(tmp_path, name, network), RunConfig(Settings(arch="cnn4"), DATA))
    drawn = draw_faces(np.arange(64) % 7)
    training = Faces(drawn.images, drawn.labels, np.full(64, "Training"), np.arange(64).astype(str), "drawn", "")
    mean = starting_network(Settings(arch="cnn4", init_from=tuple(networks)), training, str(tmp_path))
    assert "mean of 2 networks, batch statistics measured anew: loss" in capsys.readouterr().out
    first = next(layer for layer in mean.layers if isinstance(layer, keras.layers.BatchNormalization))
    given = np.array(keras.Model(mean.inputs, [first.input])([training.images[..., None].astype(np.float32)]))
    np.testing.assert_allclose(first.moving_mean, given.mean((0, 1, 2)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(first.moving_variance, given.var((0, 1, 2)), rtol=1e-3)


def test_a_mean_is_measured_on_the_data_of_its_starts(tmp_path):
    data, settings = tmp_path / "faces.csv", TINY | {"epochs": 1, "limit": 7, "keep": "last"}
    rows = [f"{label},{' '.join(['50', '200'] * 1152)}" for label in 2 * list(range(7))]
    data.write_text("\n".join(["emotion,pixels", *rows]))
    settings["data"] = str(data)
    first = job.start(Settings(**settings), logdir=str(tmp_path), name="first", command=[], given=settings)
    nothing = {"epochs": 0, "init_from": ("first",)}

    def mean():
        return job.start(Settings(**nothing), logdir=str(tmp_path), name="mean", command=[], given=nothing)

    made, started = read_config(mean()), read_config(first)
    assert made.data["sha256"] == started.data["sha256"] and made.data["training"] == started.data["training"] == 7
    data.write_text("\n".join(["emotion,pixels", *rows[:-1]]))
    with pytest.raises(UserError, match=r"--epochs 0: expected the data that first was trained on at .*, found others"):
        mean()
    data.unlink()
    with pytest.raises(UserError, match=r"--epochs 0: expected the data that first was trained on at .*, found none"):
        mean()


@pytest.mark.parametrize(("given", "limit"), [({}, 7), ({"limit": 14}, 14), ({"limit": 0}, 0)])
def test_a_mean_is_measured_on_as_many_images_as_its_starts_unless_others_are_asked_for(tmp_path, given, limit):
    run, sha256 = finished_run(tmp_path, "first", light_or_dark(swapped=False)), load_faces("synthetic", limit=7).sha256
    write_config(run, RunConfig(Settings(arch="cnn_plain", limit=7), DATA | {"sha256": sha256}))
    found = with_starting_data(Settings(epochs=0, init_from=("first",), **given), {"init_from", *given}, str(tmp_path))
    assert (found.data, found.limit) == ("synthetic", limit)


def test_a_mean_is_measured_on_the_same_images_as_its_starts(tmp_path):
    def images_of(given, **theirs):
        settings = Settings(arch="cnn_plain", **theirs)
        sha256 = load_faces("synthetic", limit=settings.limit).sha256
        write_config(run, RunConfig(settings, DATA | {"sha256": sha256}))
        found = with_starting_data(Settings(epochs=0, init_from=("first",), **given), {"init_from", *given}, logdir)
        return found.seed, found.drop_copies, found.drop_uniform

    run, logdir = finished_run(tmp_path, "first", light_or_dark(swapped=False)), str(tmp_path)
    assert images_of({}, limit=7, seed=3, drop_copies=True) == (3, True, False)
    assert images_of({"seed": 4, "drop_uniform": False}, limit=7, seed=3, drop_uniform=True) == (4, False, False)
    assert images_of({}, seed=3, drop_uniform=True) == (0, False, True)  # all of them: no seed chooses any


def test_a_run_of_no_epochs_that_was_stopped_goes_on(tmp_path, monkeypatch, capsys):
    for seed in (1, 2):
        start(tmp_path, f"first-{seed}", epochs=1, keep="last", seed=seed)

    def stopped(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(job, "starting_network", stopped)
        start(tmp_path, "mean", epochs=0, init_from=("first-1", "first-2"))
    assert "The run is kept. To go on:" in capsys.readouterr().out
    run = job.resume("mean", logdir=str(tmp_path), data=None, command=[])
    whole = start(tmp_path, "whole", epochs=0, init_from=("first-1", "first-2"))
    assert run.finished and whole.path != run.path
    assert all(np.array_equal(value, weights_of(whole)[name]) for name, value in weights_of(run).items())


def test_a_run_of_no_epochs_is_the_mean_of_its_starts(tmp_path, capsys):
    first = start(tmp_path, "first", epochs=1, keep="last")
    pupils = [start(tmp_path, f"pupil-{n}", epochs=1, keep="last", seed=n, init_from=("first",)) for n in (1, 2)]
    capsys.readouterr()
    run = start(tmp_path, "mean", epochs=0, init_from=("pupil-1", "pupil-2"))
    said = capsys.readouterr().out
    assert "no training: the mean of the weights of " in said and "\nmade in " in said and "images/s" not in said
    one, other, mean = map(weights_of, (*pupils, run))
    for name, got in mean.items():
        if "moving" not in name:  # those are measured anew
            np.testing.assert_allclose(got, (one[name] + other[name]) / 2, rtol=1e-5, atol=1e-8)
    assert run.finished and run.history_file.read_text().count("\n") == 1
    config = read_config(run)
    assert config.settings.keep == "last" and config.settings.init_from == tuple(p.path.name for p in pupils)
    assert {one["run"] for one in config.data["starts_from"]} == {run.path.name for run in (first, *pupils)}
    assert config.data["rule"].startswith("Trains nothing; ") and config.data["testable"] == [
        "PublicTest",
        "PrivateTest",
    ]


def test_a_run_of_no_epochs_is_measured_on_what_its_starts_have_not_seen(tmp_path):
    part = {"val_fraction": 0.3, "seed": 1, "limit": 70}
    for name in ("first", "second"):
        start(tmp_path, name, epochs=1, **part)
    first, second = (Run(next(tmp_path.glob(f"*-{name}"))) for name in ("first", "second"))
    with pytest.raises(UserError, match=r"--init-from: .*second is the same network as .*first"):
        start(tmp_path, "mean", epochs=0, init_from=("first", "second"), **part)
    raised = open_model(second.model_file)  # by as much for each emotion, which leaves the probabilities as they are
    raised.get_layer("logits").bias.assign_add(np.ones(7))
    save_model(raised, second.model_file)
    with pytest.raises(UserError, match=r"images that would validate it have trained .*first"):
        start(tmp_path, "other", epochs=0, init_from=("first", "second"), **part | {"seed": 2})
    run = start(tmp_path, "mean", epochs=0, init_from=("first", "second"), **part)
    assert job.read_result(run)["val_accuracy"] == job.read_result(first)["val_accuracy"]
    assert job.read_result(run)["epochs"] == 0 and job.read_result(run)["images_per_second"] is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"init_from": ("one", "one")}, "--init-from: .*one is there twice and would count twice"),
        ({"init_from": ("one", "plain")}, "expected a run of cnn_plain, received plain, one of cnn3. Name runs of one"),
        ({"init_from": ("plain",)}, "received plain, one of cnn3. Leave out --arch, or give --arch cnn3"),
        ({"init_from": ("one", "equal"), "epochs": 0}, "equal was trained with --equalize. Expected with it here too"),
    ],
)
def test_starts_that_do_not_fit_are_refused(tmp_path, settings, said):
    for name, config in (("one", {}), ("plain", {"arch": "cnn3"}), ("equal", {"equalize": True})):
        run = finished_run(tmp_path, name, light_or_dark(swapped=False))
        write_config(run, RunConfig(Settings(**{"arch": "cnn_plain"} | config), DATA))
    with pytest.raises(UserError, match=said):
        refuse_unfit_start(Settings(**{"arch": "cnn_plain"} | settings), str(tmp_path))
