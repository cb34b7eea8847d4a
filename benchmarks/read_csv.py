#!/usr/bin/env python3
"""How fast FER2013's CSV is read: cold, warm, and by pandas.read_csv with numpy.fromstring row by row.

    python benchmarks/read_csv.py data/fer2013.csv

Each way runs in a process of its own, in turn, so that none profits from another's memory. The cold read hashes the
file, decodes it and writes the cache; the warm one finds it there.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fer_keras import cli
from fer_keras.errors import UserError

ROOT = Path(__file__).parents[1]
MEASURED = """
import resource, sys, time
start = time.perf_counter()
{body}
seconds = time.perf_counter() - start
print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
OURS = "from fer_keras.data.source import read_faces\nread_faces(sys.argv[1])"
PANDAS = """import numpy, pandas, warnings
warnings.simplefilter("ignore")
table = pandas.read_csv(sys.argv[1])
images = numpy.stack([numpy.fromstring(row, dtype=numpy.uint8, sep=" ") for row in table["pixels"]])"""


def measure(body: str, path: str, cache: str) -> tuple[float, float]:
    """Return seconds, imports included, and peak MiB of a process that runs `body`."""
    environment = os.environ | {"FER_KERAS_CACHE": cache, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", MEASURED.format(body=body), path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines() or [f"the process ended with {done.returncode}"]
        raise UserError(f"{path}: expected a CSV with a column 'pixels' that can be read. {why[-1]}")
    seconds, memory = map(float, done.stdout.split())
    return seconds, memory


def main() -> None:
    parser = cli.Parser(description=__doc__)
    parser.add_argument("csv")
    parser.add_argument("--rounds", type=cli.at_least_one, default=3)
    arguments = parser.parse_args()
    if not Path(arguments.csv).is_file():
        raise UserError(f"no file {arguments.csv}. Expected a CSV with a column of pixels, e.g. data/fer2013.csv")
    found = {"pandas + fromstring": [], "cold": [], "warm": []}
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as cache:
            found["pandas + fromstring"].append(measure(PANDAS, arguments.csv, cache))
            found["cold"].append(measure(OURS, arguments.csv, cache))
            found["warm"].append(measure(OURS, arguments.csv, cache))
    print(f"{'':22}{'seconds (median, range)':>28}{'peak MiB':>12}")
    for name, values in found.items():
        seconds = sorted(value[0] for value in values)
        spread = f"{statistics.median(seconds):.2f} ({seconds[0]:.2f} to {seconds[-1]:.2f})"
        print(f"{name:22}{spread:>28}{max(value[1] for value in values):>12.0f}")


if __name__ == "__main__":
    sys.exit(cli.guarded(main))
