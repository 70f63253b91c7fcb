"""Claim: ``embedlens --help`` takes at most 0.5 s and ``import embedlens`` at most 0.3 s.

Both are whole processes, with the start of Python itself, which is measured beside them. The three
take turns; the figures are medians. The command is the one installed beside this Python.

    python benchmarks/startup.py [--rounds 10]
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import embedlens": [sys.executable, "-c", "import embedlens"],
    "embedlens --help": [str(Path(sys.executable).with_name("embedlens")), "--help"],
}
BARS = {"import embedlens": 0.3, "embedlens --help": 0.5}


def seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    load = os.getloadavg()[0]
    for command in COMMANDS.values():  # compiles bytecode and fills the file cache
        seconds(command)
    runs = [{name: seconds(command) for name, command in COMMANDS.items()} for _ in range(rounds)]
    for name in COMMANDS:
        times = [run[name] for run in runs]
        bar = f"  bar {BARS[name]} s" if name in BARS else ""
        print(f"{name:18} median {statistics.median(times):.3f} s  least {min(times):.3f} s{bar}")
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}; "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    )


if __name__ == "__main__":
    main()
