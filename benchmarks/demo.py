"""Claim: ``embedlens demo`` takes at most 60 s on 2 cores, its report at most 8 MB.

Every run begins with empty caches of exported graphs and compiled kernels, as after an install.
``--install`` measures a new environment: it makes one, times ``pip install`` of this checkout, and
runs the demo there.

    python benchmarks/demo.py [--install]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent


def seconds(command: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float]:
    """Run a command; return its seconds by the clock, and those of processors."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=environment, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, busy


def install(folder: Path) -> Path:
    """Install this checkout into a new environment; return its programs' folder."""
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    taken, _ = seconds(
        [str(programs / "pip"), "install", "--quiet", str(CHECKOUT)], dict(os.environ), folder
    )
    size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())
    print(f"pip install: {taken:.0f} s, {size / 1e9:.2f} GB")
    return programs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = install(folder / "env") if options.install else Path(sys.executable).parent
        environment = {
            **os.environ,
            "EMBEDLENS_CACHE": str(folder / "cache"),
            "NUMBA_CACHE_DIR": str(folder / "numba"),
        }
        load = os.getloadavg()[0]
        demo = [str(programs / "embedlens"), "demo", "--no-open"]
        taken, busy = seconds(demo, environment, folder)
        report = folder / "embedlens-demo" / "report.html"
        print(f"demo: {taken:.0f} s (bar 60), {busy:.0f} s of a processor")
        print(f"report: {report.stat().st_size / 1e6:.2f} MB (bar 8)")
        print(f"{os.cpu_count()} cores, load {load:.1f}; Python {platform.python_version()}")


if __name__ == "__main__":
    main()
