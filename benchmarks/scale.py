"""Claim: no step of a study grows faster than n log n, and memory stays bounded.

Writes pictures, studies them with one backbone, and tells for each step the seconds, the seconds of
a processor and the most memory at one time; between two sizes the exponent, 1 where twice as many
pictures take twice as long. Each size is a process of its own.

    python benchmarks/scale.py 1000 10000 100000 [--repeats 5]
    python benchmarks/scale.py --rows 1000000 [--columns 64]

The pictures: 34 classes, JPEG and PNG of 64 x 64 pixels, of each class its own shapes under noise;
one in twenty is a near copy of another, one in a hundred has a wrong label. With ``--rows`` they
are of 12 x 12 pixels in Parquet files, and their features are made: classes that overlap, in a
space whose directions count less and less. All else of the study is real.

Memory is what the process holds that no file holds: pages of memory-mapped features are left out,
for the machine takes them back when it needs them. It is read from /proc, so only on Linux.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = 34
BACKBONE = "EfficientNetLite0"
SIDE, TINY = 64, 12
_BLOCK = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", type=int, nargs="*", help="numbers of pictures")
    parser.add_argument("--rows", type=int, nargs="+", default=[], help="numbers of made features")
    parser.add_argument("--columns", type=int, default=64, help="of made features")
    parser.add_argument("--repeats", type=int, default=5, help="splits")
    parser.add_argument("--keep", type=Path, help="a folder for pictures and studies")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(study(Path(given.one), given.repeats)))
        return
    made = [("pictures", size, 0) for size in given.sizes]
    made += [("rows", size, given.columns) for size in given.rows]
    before: dict[str, dict[str, dict[str, float]]] = {}
    sizes: dict[str, int] = {}
    for kind, size, columns in made:
        with folder_of(given.keep, f"{kind}-{size}-{columns}") as folder:
            if not (folder / "pictures").is_dir():
                write_rows(folder, size, columns) if columns else write_pictures(folder, size)
            command = [sys.executable, __file__, "--one", str(folder)]
            command += ["--repeats", str(given.repeats)]
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(run.stdout.splitlines()[-1])
        tell(kind, size, found, before.get(kind), sizes.get(kind))
        before[kind], sizes[kind] = found["steps"], size


def tell(kind, size, found, before, earlier) -> None:
    """Print a table of one size; with exponents where there was another size before."""
    print(f"\n{size:,} {kind}, {found['columns']} columns, {CLASSES} classes, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(f"{'step':34} {'s':>8} {'cpu s':>8} {'MB':>7} {'exponent':>9}")
    for step, one in found["steps"].items():
        exponent = ""
        if before and step in before and before[step]["processor"] > 0.2:
            ratio = max(one["processor"], 1e-3) / before[step]["processor"]
            exponent = f"{np.log(ratio) / np.log(size / earlier):9.2f}"
        print(f"{step:34} {one['seconds']:8.1f} {one['processor']:8.1f} {one['megabytes']:7.0f} "
              f"{exponent:>9}")  # fmt: skip
    after = [one for step, one in found["steps"].items() if step not in ("reading", "embedding")]
    print(
        f"{'all after embedding':34} {sum(x['seconds'] for x in after):8.1f} "
        f"{sum(x['processor'] for x in after):8.1f} {max(x['megabytes'] for x in after):7.0f}"
    )
    print(f"report {found['report'] / 1e6:.2f} MB, viewer's scene {found['scene'] / 1e6:.1f} MB; "
          f"most resident {found['resident']:.0f} MB", flush=True)  # fmt: skip


@contextmanager
def folder_of(keep: Path | None, name: str) -> Iterator[Path]:
    if keep is not None:
        (keep / name).mkdir(parents=True, exist_ok=True)
        yield keep / name
        return
    folder = Path(tempfile.mkdtemp(prefix=name))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_pictures(folder: Path, count: int) -> None:
    """Write pictures in class folders."""
    rng = np.random.default_rng(0)
    shapes = rng.integers(0, 256, (CLASSES, 5, 5, 3)).astype(np.float32)
    kept: list[np.ndarray] = []
    for number in range(count):
        true = int(rng.integers(CLASSES))
        label = int(rng.integers(CLASSES)) if rng.random() < 0.01 else true
        small = shapes[true] + rng.normal(0, 60, (5, 5, 3))
        picture = Image.fromarray(small.clip(0, 255).astype(np.uint8))
        pixels = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC), np.float32)
        pixels = pixels + rng.normal(0, 12, pixels.shape)
        if kept and rng.random() < 0.05:
            pixels = 0.9 * kept[int(rng.integers(len(kept)))]
        elif len(kept) < 500:
            kept.append(pixels)
        else:
            kept[int(rng.integers(500))] = pixels
        suffix = ("jpg", "png")[number % 8 == 0]
        path = folder / "pictures" / f"class-{label:02}" / f"{number:07}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


def write_rows(folder: Path, count: int, columns: int) -> None:
    """Write tiny pictures in Parquet files, and features of them."""
    import pandas as pd

    rng = np.random.default_rng(0)
    fading = (1 + np.arange(columns)) ** -0.5
    centres = rng.normal(size=(CLASSES, columns)) * fading
    (folder / "pictures").mkdir(parents=True)
    codes = rng.integers(0, CLASSES, count)
    values = np.lib.format.open_memmap(
        folder / "features.npy", mode="w+", dtype=np.float32, shape=(count, columns)
    )
    for start in range(0, count, _BLOCK):
        some = codes[start : start + _BLOCK]
        noise = rng.normal(size=(len(some), columns)) * fading
        values[start : start + _BLOCK] = centres[some] + noise
        cells = [_tiny(rng) for _ in some]
        frame = pd.DataFrame({"image": cells, "label": [f"class-{code:02}" for code in some]})
        frame.to_parquet(folder / "pictures" / f"part-{start:08}.parquet", row_group_size=1000)
    values.flush()


def _tiny(rng: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (TINY, TINY), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def study(folder: Path, repeats: int) -> dict:
    """Study what lies in a folder, and say what each step took."""
    from embedlens import Study
    from embedlens.report import write_report
    from embedlens.results import read_results
    from embedlens.viewer.study_scene import study_scene

    steps = Steps()
    out = folder / "study"
    shutil.rmtree(out, ignore_errors=True)
    one = Study(folder / "pictures", [BACKBONE], out=out, repeats=repeats)
    if (folder / "features.npy").is_file():
        steps("reading", 0, 0)
        lay_features(one, folder)
    results = one.run(steps)
    steps("report", 0, 0)
    write_report(out)
    steps("scene for the viewer", 0, 0)
    scene = study_scene(read_results(out))
    size = sum(len(scene.blob(name)) for name in scene.blobs)
    steps.stop()
    return {
        "steps": {name: vars(each) for name, each in steps.taken.items()},
        "columns": int(results.backbones["features"].iloc[0]),
        "report": (out / "report.html").stat().st_size,
        "scene": size,
        "resident": _status("VmHWM"),
    }


def lay_features(one, folder: Path) -> None:
    """Put made features where those of the backbone would be."""
    from embedlens import ImageSet
    from embedlens.features.store import FeatureStore
    from embedlens.study.embedded import folder_name

    images = ImageSet.read(folder / "pictures")
    row_of = {path: row for row, path in enumerate(sorted(images.paths))}
    backbone = one.backbones[0]
    recipe = one.settings.recipe(backbone)
    values = np.load(folder / "features.npy", mmap_mode="r")
    store = FeatureStore(
        one.folder / "features" / folder_name(backbone), recipe.key(), images.ids.tolist()
    )
    writer = store.writer(values.shape[1])
    for row, path in enumerate(images.paths):
        writer.write(row, values[row_of[path]])
    writer.close()
    store.finish(
        {
            **recipe.record(), "seconds": 1.0, "embedded": len(images), "size": [TINY, TINY],
            "transform": recipe.transform.record(), "feature_map": [values.shape[1]],
            "parameters_to_cut": 1, "vector": "made",
        }
    )  # fmt: skip


@dataclass
class Step:
    """What a step took."""

    seconds: float = 0.0
    processor: float = 0.0
    megabytes: float = 0.0


@dataclass
class Steps:
    """A study's progress, timed: each step until the next begins."""

    taken: dict[str, Step] = field(default_factory=dict)
    _now: str = ""
    _since: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        threading.Thread(target=self._watch, daemon=True).start()

    def __call__(self, step: str, done: int, total: int) -> None:
        # "Name: heads, split 3" is a step "heads".
        name = step.rpartition(": ")[2].partition(", split")[0]
        name = {"reading pictures": "reading"}.get(name, name)
        if name != self._now:
            self.stop()
            self._now, self._since = name, (time.perf_counter(), _processor())
            self.taken.setdefault(name, Step())

    def stop(self) -> None:
        """End the step that runs."""
        if self._now:
            one = self.taken[self._now]
            one.seconds += time.perf_counter() - self._since[0]
            one.processor += _processor() - self._since[1]
        self._now = ""

    def _watch(self) -> None:
        while True:
            if one := self.taken.get(self._now):
                one.megabytes = max(one.megabytes, _status("RssAnon"))
            time.sleep(0.05)


def _processor() -> float:
    """Return the seconds of a processor that this process and its children took."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _status(name: str) -> float:
    """Return a size of this process in MB, by Linux's name of it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
