"""Claim: from ``pip install .`` to the demo's report on the screen takes a stranger few minutes.

Each step of the README's first command is timed, in a new environment and with empty caches of
packages' bytecode, exported graphs and compiled kernels: the environment, the install with what it
takes on the disk, the first ``embedlens --version``, the demo to its first report and to its whole
report, and the report in Chromium where that is here, to the end of its scripts. Seconds are by the
clock and, in brackets, of processors. What pip downloads comes from its index and cache as they are
set up here.

    python benchmarks/first_look.py [--extra train]
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

CHECKOUT = Path(__file__).parent.parent
FIRST = "First report"
_LARGEST = 8
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE = 900  # seconds that a step may take


@dataclass
class Steps:
    """What was done, and how long it took."""

    rows: list[tuple[str, float, float]] = field(default_factory=list)

    def run(self, name: str, command: list[str], **options: object) -> None:
        """Run a command to its end, and note it."""
        begun, before = time.perf_counter(), _processor_seconds()
        subprocess.run(command, check=True, timeout=_PATIENCE, **options)
        self.note(name, time.perf_counter() - begun, _processor_seconds() - before)

    def note(self, name: str, seconds: float, busy: float) -> None:
        self.rows.append((name, seconds, busy))
        print(f"{name:44} {seconds:6.1f} s  ({busy:.1f} s of processors)", flush=True)


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def size_of(folder: Path) -> int:
    """Return the bytes of the files in a folder."""
    files = (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    return sum(each.stat().st_size for each in files)


def tell_sizes(environment: Path) -> None:
    """Print what the install takes, and its largest packages."""
    packages = next(environment.glob("lib/python*/site-packages"))
    parts = {each.name: size_of(each) for each in packages.iterdir() if each.is_dir()}
    largest = sorted(parts.items(), key=lambda part: -part[1])[:_LARGEST]
    told = ", ".join(f"{name} {size / 1e6:.0f}" for name, size in largest)
    print(f"{'installed':44} {size_of(environment) / 1e9:6.2f} GB ({told} MB)")


def run_demo(steps: Steps, command: list[str], environment: dict[str, str], folder: Path) -> Path:
    """Run the demo; note when it had written its first report, and its last."""
    begun, before = time.perf_counter(), _processor_seconds()
    with subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True
    ) as running:
        stop = threading.Timer(_PATIENCE, running.kill)
        stop.start()
        assert running.stdout is not None
        for line in running.stdout:
            if line.startswith(FIRST):
                print(f"{'  to the first report':44} {time.perf_counter() - begun:6.1f} s")
        stop.cancel()
    if running.returncode:
        sys.exit(f"{' '.join(command)} ended with {running.returncode}.")
    taken, busy = time.perf_counter() - begun, _processor_seconds() - before
    steps.note("embedlens demo, to the whole report", taken, busy)
    return folder / "embedlens-demo" / "report.html"


def show(steps: Steps, report: Path, folder: Path) -> None:
    """Draw the report's first screen in a browser, if there is one."""
    browser = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser is None:
        print("No Chromium is here: the report was not drawn.")
        return
    picture = folder / "first-screen.png"
    command = [
        browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--window-size=1400,900", f"--user-data-dir={folder / 'browser'}",
        f"--screenshot={picture}", report.as_uri(),
    ]  # fmt: skip
    steps.run("the report in Chromium, from its start", command, stderr=subprocess.DEVNULL)
    if not picture.is_file():
        sys.exit("Chromium has drawn nothing.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--extra", help="of the package, to install too")
    extra = parser.parse_args().extra
    steps, load = Steps(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = folder / "environment"
        steps.run("python -m venv", [sys.executable, "-m", "venv", str(environment)])
        # A copy without what git ignores: build tools and their caches are no part of the path.
        archive = folder / "checkout.tar"
        subprocess.run(
            ["git", "archive", "--output", str(archive), "HEAD"], cwd=CHECKOUT, check=True
        )
        (folder / "checkout").mkdir()
        shutil.unpack_archive(archive, folder / "checkout")
        what = f".[{extra}]" if extra else "."
        steps.run(
            f"pip install {what}",
            [str(environment / "bin" / "pip"), "install", "--quiet", what],
            cwd=folder / "checkout", stderr=subprocess.DEVNULL,
        )  # fmt: skip
        tell_sizes(environment)
        own = {
            **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            "EMBEDLENS_CACHE": str(folder / "cache"),
            "NUMBA_CACHE_DIR": str(folder / "numba"),
            "MPLCONFIGDIR": str(folder / "matplotlib"),
        }
        command = str(environment / "bin" / "embedlens")
        steps.run("embedlens --version", [command, "--version"], env=own)
        report = run_demo(steps, [command, "demo", "--no-open"], own, folder)
        print(f"{'  its size':44} {report.stat().st_size / 1e6:6.2f} MB")
        show(steps, report, folder)
    whole = sum(seconds for _, seconds, _ in steps.rows)
    print(f"{'all of it':44} {whole:6.1f} s")
    print(
        f"{os.cpu_count()} cores, load {load:.1f} before; Python {platform.python_version()}, "
        f"{platform.system()}"
    )


if __name__ == "__main__":
    main()
