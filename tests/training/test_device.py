"""Which device trains, and in which precision: by what the system tells of it, made up here."""

import sys
from types import SimpleNamespace

import pytest
import tensorflow as tf

from fer_keras.training import device
from fer_keras.training.device import Device, find_device

CPUINFO = """processor\t: 0
model name\t: A Processor @ 2.00GHz
flags\t\t: fpu sse2 avx2 {flags}

processor\t: 1
model name\t: Another One
flags\t\t: fpu
"""


@pytest.fixture
def cpuinfo(tmp_path, monkeypatch):
    """The file that stands in the place of /proc/cpuinfo, missing until it is written."""
    places = {"/proc/cpuinfo": tmp_path / "cpuinfo"}
    monkeypatch.setattr(device, "Path", places.__getitem__)
    return places["/proc/cpuinfo"]


@pytest.fixture
def gpus(monkeypatch):
    """Return a function that puts GPUs into the machine, of which TensorFlow tells these details."""

    def put(count, **details):
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * count)
        monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)

    return put


@pytest.mark.parametrize(
    ("flags", "precision"), [("avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16"), ("avx512f", "float32")]
)
def test_a_cpu_computes_in_bfloat16_where_it_has_instructions_for_it(cpuinfo, gpus, flags, precision):
    gpus(0)
    cpuinfo.write_text(CPUINFO.format(flags=flags))
    assert find_device() == Device("CPU", "A Processor @ 2.00GHz", 1, precision)


def test_a_cpu_of_which_the_system_says_nothing_computes_in_float32(cpuinfo, gpus, monkeypatch):
    gpus(0)
    monkeypatch.setattr(device, "platform", SimpleNamespace(processor=lambda: "", machine=lambda: "arm64"))
    assert find_device() == Device("CPU", "arm64", 1, "float32")


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((7, 5), "float16"), ((8, 0), "bfloat16"), ((8, 9), "bfloat16"), ((12, 0), "bfloat16")],
)
def test_a_gpu_computes_in_bfloat16_from_ampere_on(gpus, capability, precision):
    gpus(2, compute_capability=capability, device_name="A Card")
    assert find_device() == Device("GPU", "A Card", 2, precision)


def test_a_gpu_that_tells_nothing_of_itself_computes_in_float16(gpus):
    gpus(1)
    assert find_device() == Device("GPU", "GPU", 1, "float16")


@pytest.mark.parametrize(("capability", "precision"), [("7.5", "float16"), ("8.0", "bfloat16"), ("10.0", "bfloat16")])
def test_jax_tells_the_same_of_a_gpu(monkeypatch, capability, precision):
    card = SimpleNamespace(compute_capability=capability, device_kind="A Card")
    jax = SimpleNamespace(default_backend=lambda: "gpu", devices=lambda: [card] * 3, device_count=lambda: 3)
    monkeypatch.setitem(sys.modules, "jax", jax)
    monkeypatch.setattr(device.keras.backend, "backend", lambda: "jax")
    assert find_device() == Device("GPU", "A Card", 3, precision)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_precision_that_is_asked_for_is_that_of_the_device(cpuinfo, gpus, precision):
    gpus(0)
    cpuinfo.write_text(CPUINFO.format(flags="amx_bf16"))
    assert find_device(precision).precision == precision
