"""Claim: ``embedlens demo`` takes at most 60 s on 2 cores, its report at most 8 MB.

Every run begins with empty caches of exported graphs and compiled kernels, as after an install.
The demo is that of the environment of this Python; ``benchmarks/first_look.py`` makes a new one.

    python benchmarks/demo.py
"""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(command: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float]:
    """Run a command; return its seconds by the clock, and those of processors."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, env=environment, cwd=folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begun, busy


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = Path(sys.executable).parent
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
