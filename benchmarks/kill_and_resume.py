"""Claim: a study killed (SIGKILL) at any moment loses nothing that was finished.

A study of two backbones is run once undisturbed. Then, ``--kills`` times, a fresh study is started,
killed at a random moment of its duration, and run again to its end. Each time the features must be
the same bytes, the tables the same but for seconds, and what was finished at the kill (features or
results of a backbone) must not have been written again.

    python benchmarks/kill_and_resume.py [--kills 50] [--photos DIR]
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from embedlens.images.demo import write_demo_pictures
from embedlens.results import read_results

BACKBONES = ["EfficientNetLite0", "EfficientNetLite1"]
RUN = (
    "import sys; from embedlens.study import Study\n"
    f"Study(sys.argv[1], {BACKBONES!r}, out=sys.argv[2], size=96, repeats=2).run()"
)


def start(photos: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", RUN, photos, out])


def finished(out: Path) -> dict[Path, tuple[int, int]]:
    """Inode and time of every finished product: a rewritten one has others."""
    products = [*out.glob("features/*/features.npy"), *out.glob("results/*/key.json")]
    stats = {p: p.stat() for p in products if not p.parent.name.endswith(".part")}
    return {path: (stat.st_ino, stat.st_mtime_ns) for path, stat in stats.items()}


def tables(out: Path) -> pd.DataFrame:
    return read_results(out).measures.drop(columns=["seconds", "study"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    photos = options.photos or write_demo_pictures(folder / "pictures")
    start(photos, folder / "warm").wait()  # so that exports and kernels are cached, as in a rerun
    begun = time.monotonic()
    if start(photos, folder / "whole").wait():
        sys.exit("the undisturbed study failed")
    duration = time.monotonic() - begun
    print(f"undisturbed: {duration:.1f} s; seed {options.seed}; {os.cpu_count()} cores")
    reference = tables(folder / "whole")
    rng = random.Random(options.seed)
    faults = 0
    for number in range(options.kills):
        out = folder / "killed"
        shutil.rmtree(out, ignore_errors=True)
        moment = rng.uniform(0, duration)
        child = start(photos, out)
        time.sleep(moment)
        child.send_signal(signal.SIGKILL)
        child.wait()
        before = finished(out)
        failed = start(photos, out).wait() != 0
        same_features = all(
            (out / path).read_bytes() == (folder / "whole" / path).read_bytes()
            for path in (f"features/{name}/features.npy" for name in BACKBONES)
        )
        same_tables = tables(out).equals(reference)
        kept = all(finished(out).get(path) == stat for path, stat in before.items())
        good = not failed and same_features and same_tables and kept
        faults += not good
        print(
            f"{number + 1:3d}  killed at {moment:5.1f} s, {len(before)} products finished: "
            f"features {same_features}, tables {same_tables}, nothing redone {kept}",
            flush=True,
        )
    shutil.rmtree(folder, ignore_errors=True)
    print(f"{options.kills - faults} of {options.kills} kills lost nothing")
    sys.exit(faults > 0)


if __name__ == "__main__":
    main()
