"""Claim: memory while embedding is flat in the number of pictures.

Folders of 200, 800 and 3,200 photographs of 640 x 480 are embedded, each in a process of its own,
with flattened features (46 KB a picture), which would show if rows were held. The figure is the
largest resident memory of the process from its start to its end.

    python benchmarks/memory.py [--engine openvino] [--pictures 200 800 3200]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

EMBED = """
import resource, sys
from embedlens import ImageSet, embed
photos, store, engine = sys.argv[1:]
images = ImageSet.read(photos)
features = embed(images, "EfficientNetLite0", size=96, pooling="none", engine=engine, store=store)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
unit = 1 if sys.platform == "darwin" else 1024
print(peak * unit, features.values.nbytes, features.pictures_per_second)
"""


def draw(folder: Path, count: int) -> None:
    """Write photographs of random blocks, no two alike."""
    rng = np.random.default_rng(0)
    for number in range(count):
        blocks = Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8))
        path = folder / ("a", "b")[number % 2] / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        blocks.resize((640, 480), Image.Resampling.BICUBIC).save(path)


def measure(photos: Path, engine: str) -> tuple[float, float, float]:
    """Return peak memory and size of the features in MB, and pictures a second."""
    command = [sys.executable, "-c", EMBED, photos, photos / ".." / "net", engine]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    peak, features, speed = map(float, done.stdout.split())
    return peak / 1e6, features / 1e6, speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=["openvino", "keras"], default="openvino")
    parser.add_argument("--pictures", type=int, nargs="+", default=[200, 800, 3200])
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder) / "warm" / "photos", 10)
        measure(Path(folder) / "warm" / "photos", options.engine)  # exports the graph
        peaks = []
        for count in options.pictures:
            photos = Path(folder) / str(count) / "photos"
            draw(photos, count)
            peak, features, speed = measure(photos, options.engine)
            peaks.append(peak)
            print(
                f"{count:6} pictures  peak {peak:6.1f} MB  features {features:6.1f} MB"
                f"  {speed:5.0f} pictures/s"
            )
    growth = 1e3 * (peaks[-1] - peaks[0]) / (options.pictures[-1] - options.pictures[0])
    print(f"growth {peaks[-1] / peaks[0] - 1:+.1%}, {growth:.1f} KB a picture")
    print(
        f"{options.engine}; {platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"load {load:.1f}; Python {platform.python_version()}, openvino {version('openvino')}, "
        f"keras {version('keras')}"
    )


if __name__ == "__main__":
    main()
