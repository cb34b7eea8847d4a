"""What visualize.py refuses before it loads anything, and what its methods expand to."""

import pytest

from fer_keras.errors import UserError
from fer_keras.explain.registry import EXPLAINERS
from fer_keras.explanations.job import idle_flags
from fer_keras.explanations.methods import METHODS
from fer_keras.explanations.options import Options


def test_the_defaults_are_those_of_the_contract():
    options = Options()
    assert options.methods == ["saliency", "lime", "activation", "outputs"]
    assert (options.per_class, options.filters, options.channels, options.style) == (5, 10, 5, "robust")


def test_all_is_every_method_once_and_attributions_come_before_what_reads_them():
    methods = Options(method=("lime", "all")).methods
    assert sorted([*methods, "faces"]) == sorted(METHODS) and set(EXPLAINERS) < set(methods)
    assert max(methods.index(name) for name in EXPLAINERS) < methods.index("regions")


def test_regions_alone_measure_saliency_and_otherwise_what_is_asked_for():
    assert Options(method=("regions",)).methods == ["saliency", "regions"]
    assert Options(method=("regions", "rise")).methods == ["rise", "regions"]


def test_score_measures_the_attributions_that_are_asked_for():
    assert Options(score=True).methods == ["saliency", "lime", "activation", "outputs", "scores"]
    assert Options(method=("grad-cam",), score=True).methods == ["grad-cam", "scores"]
    assert Options(method=("lime",), score=True).methods == ["lime", "scores"]


@pytest.mark.parametrize(
    ("given", "idle"),
    [
        ({}, []),
        ({"method": ("saliency",), "per_class": 2, "index": (3,), "seed": 1}, []),
        (
            {"method": ("saliency",), "style": "maco", "lime_samples": 9, "channels": 3},
            ["style", "lime-samples", "channels"],
        ),
        ({"method": ("saliency",), "layer": "conv2d"}, ["layer"]),
        ({"method": ("grad-cam",), "layer": "conv2d"}, []),
        ({"method": ("regions", "rise"), "layer": "conv2d", "seed": 1}, ["layer"]),
        ({"method": ("filters",), "filter": (1,), "seed": 1}, ["filter", "seed"]),
        ({"method": ("filters",), "seed": 1, "limit": 7}, []),
        ({"method": ("activation",), "filter": (1,), "filters": 30}, ["filters"]),
        ({"method": ("comparison",), "lime_samples": 9, "lime_top_labels": 2}, ["lime-top-labels"]),
    ],
)
def test_a_flag_that_no_method_reads_is_told(given, idle):
    said = idle_flags(Options(**given))
    assert sorted(line.split()[0] for line in said) == sorted(f"--{name}" for name in idle)


def test_photos_have_methods_of_their_own():
    assert Options(photo=("a.jpg",)).methods == ["faces", "saliency", "grad-cam", "lime"]
    every = Options(photo=("a.jpg",), method=("all",)).methods
    assert set(METHODS) - set(every) == {"activation", "filters", "regions", "scores"}
    [said] = idle_flags(Options(photo=("a.jpg",), per_class=3, index=(1,)))
    assert said.startswith("--per-class changes nothing")
    said = idle_flags(Options(photo=("a.jpg",), per_class=3, index=(1,), method=("saliency",)))
    assert [line.split()[0] for line in said] == ["--per-class", "--index"]


@pytest.mark.parametrize(
    ("method", "drawn"), [("saliency", False), ("grad-cam", False), ("rise", True), ("lime", True)]
)
def test_of_photos_the_seed_matters_to_what_is_drawn_at_random_alone(method, drawn):
    said = idle_flags(Options(photo=("a.jpg",), seed=3, method=(method,)))
    assert [line.split()[0] for line in said] == ([] if drawn else ["--seed"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": ("faces", "saliency")}, "--method faces is for photos: expected --photo PATH too"),
        ({"method": ("salency",)}, "no method 'salency'. Did you mean 'saliency'.*activation"),
        ({"style": "robusta"}, "no --style 'robusta'. Did you mean 'robust'"),
        ({"lime_segments": "slick"}, "no --lime-segments 'slick'. Did you mean 'slic'"),
        ({"per_class": 0}, "--per-class: expected a whole number of at least 1, received 0"),
        ({"per_class": -3}, "--per-class: .*received -3"),
        ({"filters": 0}, "--filters: .*received 0"),
        ({"filter": (3, -1)}, "--filter: .*received -1"),
        ({"channels": 0}, "--channels: .*received 0"),
        ({"index": (-1,)}, "--index: .*received -1"),
        ({"seed": 2**32}, "--seed: expected a whole number of at most 4294967295, received 4294967296"),
        ({"limit": -1}, "--limit: .*received -1"),
        ({"lime_samples": 1}, "--lime-samples: .*at least 2, received 1"),
        ({"lime_top_labels": 0}, "--lime-top-labels: .*received 0"),
        ({"model": "a.keras", "run": "logs/x"}, "expected no --run"),
        ({"detect": False}, "--no-detect is for photos: expected --photo PATH too"),
        ({"photo": ("a.jpg",), "data": "faces.csv"}, "--photo: expected no --data, which is for labelled data"),
        ({"photo": ("a.jpg",), "split": "Training"}, "expected no --split"),
        ({"photo": ("a.jpg",), "limit": 3}, "expected no --limit"),
        ({"photo": ("a.jpg",), "score": True}, "expected no --score"),
        (
            {"photo": ("a.jpg",), "method": ("lime", "filters")},
            r"no label \(faces, saliency.*outputs\), received filters",
        ),
        ({"model": "a.keras", "epoch": 3}, "expected no --epoch"),
    ],
)
def test_mistakes_are_one_line(given, said):
    with pytest.raises(UserError, match=said) as raised:
        Options(**given)
    assert "\n" not in str(raised.value)
