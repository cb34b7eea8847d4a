"""The same training by JAX, where it is installed."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fer_keras.models.files import open_model

ROOT = Path(__file__).parents[2]
TINY = {"data": "synthetic", "limit": 21, "arch": "cnn_plain", "epochs": 1, "batch_size": 16, "precision": "float32"}
pytestmark = pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")


def test_the_jax_backend_trains_and_tensorflow_opens_its_model(tmp_path):
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    command = [
        sys.executable,
        "train.py",
        "--logdir",
        str(tmp_path),
        "--optimizer=muon",
        "--rollback",
        "--fine-tune-epochs=1",
        *flags,
    ]
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.iterdir()
    assert len((path / "history.csv").read_text().splitlines()) == 3
    assert open_model(path / "model.keras").output.shape == (None, 7)


TWO_DEVICES = """
import keras, sys
from fer_keras.config import Settings
from fer_keras.errors import UserError
from fer_keras.training import job
from fer_keras.training.device import Device

job.find_device = lambda precision: Device("GPU", "half a CPU", 2, "float32")
settings = {"data": "synthetic", "limit": 49, "arch": "cnn_plain", "epochs": 1}
job.start(Settings(**settings, batch_size=16), logdir=sys.argv[1], name=None, command=[])
assert keras.distribution.distribution() is None
try:
    job.start(Settings(**settings, batch_size=15), logdir=sys.argv[1], name=None, command=[])
except UserError as error:
    assert "--batch-size: expected a multiple of 2" in str(error)
else:
    raise AssertionError
"""


def test_jax_trains_on_two_devices_whatever_the_number_of_images(tmp_path):
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    environment["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
    command = [sys.executable, "-c", TWO_DEVICES, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.iterdir()
    assert (path / "result.json").is_file()
