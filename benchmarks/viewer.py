"""Claim: 1,000,000 points load in 5 s, 8 ms of script a frame, and a lasso round them takes 100 ms.

Drives the built viewer in headless Chromium, a new one for each size, which draws in software here:
the time until a frame appears says nothing of a machine with a graphics card. Up to 5,000 points
the scene is one HTML file with thumbnails, opened from the disk; above, a local server gives it.
Other work on the machine lengthens times, but not processor times.

    (cd viewer && npm ci)
    python benchmarks/viewer.py [--points 2800 100000 1000000]

Needs Node 20 or later, and Chromium (CHROMIUM, or /usr/bin/chromium).
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUNDLE = ROOT / "src/embedlens/viewer/static/viewer.js"
BARS = {"load_ms": 5000.0, "script_ms": 8.0, "lasso_ms": 100.0}
BUNDLE_BAR = 400_000
FIGURES = {
    "load_ms": "ms until the first picture",
    "script_ms": "ms of script a frame, median",
    "script_worst_ms": "ms of script, worst frame",
    "main_thread_ms": "ms of processor time a frame, all of the page's main thread",
    "frame_ms": "ms until a frame appears, drawn in software",
    "lasso_ms": "ms until the points in the lasso are selected and listed",
    "lasso_processor_ms": "ms of processor time for that, and for showing it",
    "heap_mb": "MB of objects and arrays",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, nargs="+", default=[2800, 100_000, 1_000_000])
    points = parser.parse_args().points
    load = os.getloadavg()[0]
    compressed = len(gzip.compress(BUNDLE.read_bytes(), 9))
    print(f"bundle {compressed / 1000:.0f} kB compressed  bar {BUNDLE_BAR / 1000:.0f} kB")
    command = ["npx", "jiti", "benchmark/measure.ts", *map(str, points)]
    lines = subprocess.run(
        command, cwd=ROOT / "viewer", check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for line in lines:
        run = json.loads(line)
        where = "one file" if run["one_file"] else "served"
        print(
            f"{run['count']:,} points, {where}, {run['megabytes']:.1f} MB; drawn {run['points']:,}"
        )
        for key, what in FIGURES.items():
            bar = f"  bar {BARS[key]:.0f}" if key in BARS else ""
            print(f"  {run[key]:7.1f} {what}{bar}")
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}; "
        f"{platform.system()} {platform.release()}"
    )


if __name__ == "__main__":
    main()
