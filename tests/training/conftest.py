"""What tests of training share."""

import pytest

from fer_keras.training import job


@pytest.fixture
def undrawn(monkeypatch):
    """Let runs draw no figures: a third of a tiny one's time. tests/training/test_run_figures.py is about these."""
    monkeypatch.setattr(job, "draw_before", lambda *_: None)
    monkeypatch.setattr(job, "draw_history", lambda *_: None)
