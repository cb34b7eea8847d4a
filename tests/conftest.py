"""What many tests share: their order, one start for what is random, a home of their own for caches, quiet libraries."""

import os
import random

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import pytest


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: ("test_resume.py" not in item.path.name, "training" not in item.path.parts))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Draw the same weights in every run: Keras takes the seeds that nobody gave it from this generator.

    Before all fixtures, those of a module too: else theirs would depend on the tests that ran before.
    """
    random.seed(0)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep the cache of decoded images out of the user's home, and apart for every test."""
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path_factory.mktemp("cache")))
