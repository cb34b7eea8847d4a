"""What tests of training share: runs that take two seconds instead of fifteen."""

import keras
import pytest

from fer_keras.models import registry
from fer_keras.models.layers import NamedLayers
from fer_keras.training import job, loop


@pytest.fixture(scope="module")
def tiny_network():
    """Put one small convolution in the place of cnn_plain: TensorFlow takes its time to trace every layer."""

    def one_convolution(x, net: NamedLayers, dropout: float = 0.0):
        x = net.conv2d(4, 5, padding="valid")(x)
        x = net.batch_normalization()(x)
        x = net.relu()(x)
        x = net.global_average_pooling2d()(x)
        return net.dropout(dropout)(x)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.NETWORKS, "cnn_plain", one_convolution)
        yield


@pytest.fixture
def undrawn(monkeypatch):
    """Let runs draw nothing, neither figures nor for TensorBoard.

    Those that a whole module shares draw: test_job.py and test_tensorboard.py look at what they leave.
    """
    monkeypatch.setattr(job, "draw_before", lambda *_: None)
    monkeypatch.setattr(job, "draw_history", lambda *_: None)
    monkeypatch.setattr(loop, "TensorBoard", lambda *_: keras.callbacks.Callback())
