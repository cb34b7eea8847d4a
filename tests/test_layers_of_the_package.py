"""Imports run one way, and what answers quickly imports nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "fer_keras"

# What each part may import of fer_keras, besides itself. Parts without a line here may import everything but scripts.
BASE = {"emotions", "errors", "files", "lock", "config", "console", "provenance", "runs", "same_network"}
BASE |= {"models.catalog"}
LAYERS = {
    "emotions": set(),
    "errors": set(),
    "files": {"errors"},
    "lock": {"errors", "files"},
    "console": set(),
    "config": {"emotions", "errors", "files", "models.catalog"},
    "recipe_files": {"errors", "config"},
    "provenance": {"config"},
    "runs": {"emotions", "errors", "files", "config", "provenance"},
    "same_network": {"errors"},
    "metrics": {"emotions", "errors"},
    "votes": {"emotions"},
    "significance": set(),
    "plots": {"emotions", "errors", "files", "console", "metrics", "data"},
    "data": BASE | {"cli", "plots"},  # plots and cli: `python -m fer_keras.data` prints and draws its audit
    "models": BASE,
    "inference": BASE | {"metrics", "models", "data"},
    "prediction_bar": {"config", "inference"},
    "training": BASE
    | {"__init__", "data", "models", "metrics", "inference", "prediction_bar", "plots", "recipe_files"},
    "explain": BASE | {"data", "models", "metrics", "inference"},
    "scores": {"emotions", "data.synthetic", "significance", "models.copies"},
    "photos": BASE | {"data", "plots"},
    "evaluation": BASE
    | {"cli", "data", "models", "metrics", "significance", "votes", "inference", "prediction_bar", "photos", "plots"},
    "explanations": BASE
    | {
        "cli",
        "data",
        "models",
        "metrics",
        "inference",
        "explain",
        "scores",
        "evaluation",
        "photos",
        "plots",
        "significance",
    },
}
NEVER_TENSORFLOW = (
    *(
        "metrics",
        "votes",
        "plots",
        "photos",
        "emotions",
        "errors",
        "files",
        "lock",
        "config",
        "recipe_files",
        "console",
        "runs",
    ),
    *("provenance", "same_network", "cli"),
)


def imports(path):
    """Return the names that a file imports anywhere, e.g. "keras", "fer_keras.data.faces"."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part_of(path):
    relative = path.relative_to(PACKAGE).with_suffix("")
    return relative.parts[0]


def modules(parts=None):
    """Return all modules, or those of some parts."""
    return sorted(path for path in PACKAGE.rglob("*.py") if parts is None or part_of(path) in parts)


def test_every_part_has_its_line_and_every_line_a_part():
    """A misspelt part would be held to nothing; __init__ and cli may import everything."""
    parts = {part_of(path) for path in modules()}
    assert parts - {*LAYERS} == {"__init__", "cli"}
    assert {*LAYERS, *NEVER_TENSORFLOW} <= parts


@pytest.mark.parametrize("path", modules(LAYERS), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_run_one_way(path):
    part = part_of(path)
    for name in imports(path):
        if not name.startswith("fer_keras."):
            continue
        inner = name.removeprefix("fer_keras.")
        allowed = LAYERS[part] | {part}
        if not any(inner == other or inner.startswith(f"{other}.") for other in allowed):
            # a name of the package's own __init__, such as __version__
            assert name == "fer_keras.__version__", f"{part} must not import {name}"


@pytest.mark.parametrize("path", modules(NEVER_TENSORFLOW), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_numbers_and_figures_know_no_tensorflow(path):
    assert not {name.split(".")[0] for name in imports(path)} & {"tensorflow", "keras"}, path


def test_reading_data_and_drawing_figures_load_no_tensorflow():
    probe = """
import importlib, pathlib, sys
for part in ("plots", "metrics", "data/source", "data/select", "data/synthetic", "data/audit", "data/prepare"):
    path = pathlib.Path("fer_keras", part)
    names = [p.with_suffix("") for p in path.glob("*.py")] if path.is_dir() else [path]
    for name in names:
        importlib.import_module(".".join(name.parts))
assert not {"tensorflow", "keras"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_module_is_small_enough_to_have_one_subject():
    long = {str(path): n for path in modules() if (n := len(path.read_text().splitlines())) > 400}
    assert not long
