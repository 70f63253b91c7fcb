"""Claim: 1,000,000 points load within 5 s, take 8 ms of script a frame, a lasso 100 ms.

Drives the built viewer in headless Chromium, which draws in software here: the script's share of a
frame carries over to other machines, the time until a frame appears does not. Up to 5,000 points
the scene is one HTML file with thumbnails, opened from the disk; above, it comes from a local
server.

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
            f"{run['count']:9,} points, {where}, {run['megabytes']:.1f} MB; "
            f"drawn {run['points']:,}\n"
            f"  load    {run['load_ms']:7.0f} ms  bar {BARS['load_ms']:.0f}\n"
            f"  script  {run['script_ms']:7.1f} ms a frame, median; worst "
            f"{run['script_worst_ms']:.1f}  bar {BARS['script_ms']:.0f}\n"
            f"  frame   {run['frame_ms']:7.0f} ms until it appears, drawn in software\n"
            f"  lasso   {run['lasso_ms']:7.0f} ms until {run['selected']:,} are selected and listed"
            f"  bar {BARS['lasso_ms']:.0f}\n"
            f"  heap    {run['heap_mb']:7.0f} MB, objects and arrays"
        )
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}; "
        f"{platform.system()} {platform.release()}"
    )


if __name__ == "__main__":
    main()
