"""What many tests share: a home of their own for caches, and quiet libraries."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Keep the cache of decoded images out of the user's home, and apart for every test."""
    monkeypatch.setenv("FER_KERAS_CACHE", str(tmp_path_factory.mktemp("cache")))
