"""What many tests share: their order, a home of their own for caches, and quiet libraries."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import pytest


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: ("test_resume.py" not in item.path.name, "training" not in item.path.parts))


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep the cache of decoded images out of the user's home, and apart for every test."""
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path_factory.mktemp("cache")))
