"""Claim: training the heads of one backbone beside the embedding with the next wins nothing.

A study embeds with each backbone and then trains heads on each. Two ways in turn, on the same
pictures: heads after the embedding with the next backbone, and heads in a thread beside it. Told
are seconds and seconds of a processor of both, the ratios, and how many threads could run in each
part while it was alone (of as many as there are processors): where as many can as there are
processors, nothing is idle that something else could use.

    python benchmarks/overlap.py PHOTOS [--pictures 500] [--rounds 5]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedlens import ImageSet, embed
from embedlens.arrays import processors
from embedlens.results.settings import Settings
from embedlens.study.analysis import measure_data, measure_heads
from embedlens.study.geometry import measure_geometry

FIRST, NEXT = "EfficientNetLite0", "EfficientNetLite1"
_TASKS = Path("/proc/self/task")


@dataclass(frozen=True)
class Took:
    """Seconds, seconds of processors, and the mean number of threads that could run."""

    seconds: float
    processor: float
    runnable: float


class Runnable(threading.Thread):
    """Counts, fifty times a second, the other threads of this process that run or could."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.counts: list[int] = []
        self.ended = False

    def run(self) -> None:
        own = str(threading.get_native_id())
        while not self.ended:
            tasks = [each for each in _TASKS.iterdir() if each.name != own]
            states = [_state(each) for each in tasks]
            self.counts.append(min(processors(), states.count("R")))
            time.sleep(0.02)


def _state(task: Path) -> str:
    try:
        text = (task / "stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[0]


def timed(work: Callable[[], object]) -> Took:
    watch, wall, processor = Runnable(), time.perf_counter(), time.process_time()
    watch.start()
    work()
    took = time.perf_counter() - wall, time.process_time() - processor
    watch.ended = True
    watch.join()
    return Took(*took, float(np.mean(watch.counts)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    images = ImageSet.read(given.photos)
    rng = np.random.default_rng(0)
    images = images.subset(np.sort(rng.choice(len(images), given.pictures, replace=False)))
    settings = Settings(pictures=str(given.photos), backbones=(FIRST,))
    values = embed(images, FIRST).values

    def embed_next() -> None:
        with tempfile.TemporaryDirectory() as folder:
            embed(images, NEXT, store=Path(folder) / "features")

    def train() -> None:
        points = measure_geometry(values).points
        measure_data(points, images, settings, measure_heads(points, images, settings))

    def beside() -> None:
        heads = threading.Thread(target=train)
        heads.start()
        embed_next()
        heads.join()

    embed_next(), train()  # graphs are made and kernels compiled
    ratios = []
    for number in range(given.rounds):
        if number % 2:
            together = timed(beside)
        first, second = timed(embed_next), timed(train)
        if not number % 2:
            together = timed(beside)
        wall = together.seconds / (first.seconds + second.seconds)
        ratios.append((wall, together.processor / (first.processor + second.processor)))
        print(
            f"embedding {first.seconds:.1f} s ({first.processor:.1f} of a processor, "
            f"{first.runnable:.2f} threads), heads {second.seconds:.1f} s "
            f"({second.processor:.1f}, {second.runnable:.2f}), beside each other "
            f"{together.seconds:.1f} s ({together.processor:.1f}): ratios {ratios[-1][0]:.3f}, "
            f"{ratios[-1][1]:.3f}",
            flush=True,
        )
    print("medians: seconds {:.3f}, of a processor {:.3f}".format(*np.median(ratios, axis=0)))


if __name__ == "__main__":
    main()
