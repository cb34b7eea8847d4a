"""environment.json: what a run was trained with, so that a difference between two runs can be explained."""

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

import keras

from fer_keras import __version__
from fer_keras.training.device import Device

_PACKAGES = ("tensorflow", "tensorflow-cpu", "keras", "jax", "numpy", "pandas", "scikit-learn", "matplotlib", "pillow")


def environment(device: Device, seed: int, command: list[str]) -> dict:
    """Return the versions, the device and the command line, ready for JSON."""
    return {
        "fer_keras": __version__,
        "python": platform.python_version(),
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "backend": keras.backend.backend(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "device": {"kind": device.kind, "name": device.name, "count": device.count},
        "precision": device.precision,
        "seed": seed,
        "command": command,
        "python_executable": sys.executable,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
