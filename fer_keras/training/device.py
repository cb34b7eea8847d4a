"""Which devices there are and which precision they compute well in."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

GPU_BFLOAT16_CAPABILITY = (8, 0)  # NVIDIA Ampere


@dataclass(frozen=True)
class Device:
    """kind: "GPU" or "CPU"; name: for people; count: of GPUs, or 1; precision: float32 | bfloat16 | float16."""

    kind: str
    name: str
    count: int
    precision: str

    @property
    def jit_compile(self) -> bool:
        """XLA pays on a GPU. On a CPU it is slower than plain TensorFlow; JAX has nothing but XLA."""
        return self.kind == "GPU" or keras.backend.backend() == "jax"

    @property
    def parts(self) -> int:
        """Into how many equal parts every batch must be dealt: JAX has one for each GPU, and takes no other batches."""
        return self.count if keras.backend.backend() == "jax" else 1


def find_device(precision: str = "auto") -> Device:
    """Return the device to train on. precision "auto": GPU bfloat16, or float16 before Ampere; CPU as it has it."""
    kind, name, count, best = _jax_device() if keras.backend.backend() == "jax" else _tensorflow_device()
    return Device(kind, name, count, best if precision == "auto" else precision)


def _tensorflow_device() -> tuple[str, str, int, str]:
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return _cpu()
    details = tf.config.experimental.get_device_details(gpus[0])
    capability = details.get("compute_capability", (0, 0))
    precision = "bfloat16" if capability >= GPU_BFLOAT16_CAPABILITY else "float16"
    return "GPU", details.get("device_name", "GPU"), len(gpus), precision


def _jax_device() -> tuple[str, str, int, str]:
    import jax

    if jax.default_backend() != "gpu":
        return _cpu()
    gpu = jax.devices()[0]
    capability = tuple(int(part) for part in str(getattr(gpu, "compute_capability", "0.0")).split("."))
    precision = "bfloat16" if capability >= GPU_BFLOAT16_CAPABILITY else "float16"
    return "GPU", gpu.device_kind, jax.device_count(), precision


def _cpu() -> tuple[str, str, int, str]:
    info = Path("/proc/cpuinfo")
    text = info.read_text() if info.is_file() else ""
    flags = next((line.split(":")[1].split() for line in text.splitlines() if line.startswith("flags")), [])
    names = (line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name"))
    precision = "bfloat16" if {"avx512_bf16", "amx_bf16"} & set(flags) else "float32"
    return "CPU", next(names, platform.processor() or platform.machine()), 1, precision


@contextmanager
def distribution(device: Device) -> Iterator[None]:
    """Build and train in this: one replica a GPU where there are several, else nothing."""
    if device.kind != "GPU" or device.count < 2:
        yield
    elif keras.backend.backend() == "jax":
        before = keras.distribution.distribution()
        keras.distribution.set_distribution(keras.distribution.DataParallel())
        try:
            yield
        finally:  # what predicts outside deals out nothing
            keras.distribution.set_distribution(before)
    else:
        import tensorflow as tf

        with tf.distribute.MirroredStrategy().scope():
            yield


def device_errors() -> tuple[type[Exception], ...]:
    """Return the classes of what TensorFlow and JAX raise where a device fails, which have none of their own in common:
    JAX's is a RuntimeError."""
    import tensorflow as tf

    return tf.errors.OpError, RuntimeError


def says_out_of_memory(error: Exception) -> bool:
    """Tell whether an error of `device_errors` is that the device's memory is too small.

    To TensorFlow a full disk and too many open files are exhausted resources too.
    """
    exhausted = type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)
    return exhausted and any(said in str(error).lower() for said in ("oom", "out of memory", "allocat"))
