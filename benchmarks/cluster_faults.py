"""A cluster of two local nodes that loses nodes, actors and drivers, and what it costs.

Rows are the pictures of a table that names a few thousand small files again and again; the network
is one convolution. One process makes the same rows first, by the same steps and without Ray: its
bytes are what must come out, its time what the overhead is measured against. Processor seconds are
those of the machine, Ray's own included.

    python benchmarks/cluster_faults.py --rows 1000000 --faults 20 [--only-faults]
    python benchmarks/cluster_faults.py --rows 12000 --faults 0 --backbone EfficientNetLite0

The second is of a network that fills all processors, in its own transform.

Needs the extra cluster, onnx, psutil, and a machine of two processors or more.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
FILES = 2000
NODE = {"num_cpus": 2, "object_store_memory": 200_000_000}
TRANSFORM = "32 squash bilinear none"
NAMES = ("features.npy", "ids.txt")

DRIVER = """
import sys
from embedlens import get_backbone
from embedlens.cluster import embed
table, network, transform, out, address, rows = sys.argv[1:]
backbone = get_backbone(network, transform=transform or None)
embed(table, backbone, out, address=address, shard_rows=int(rows))
"""


def make_table(folder: Path, rows: int) -> Path:
    rng = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for number in range(FILES):
        blocks = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((64, 64)).save(folder / f"pictures/{number:04}.jpg")
    table = folder / "table.csv"
    order = rng.integers(0, FILES, rows)
    table.write_text("path\n" + "".join(f"pictures/{each:04}.jpg\n" for each in order))
    return table


def alone(table: Path, network: str, transform: str, out: Path, shard_rows: int) -> float:
    """Make the same shards in this process; return seconds."""
    from embedlens import get_backbone
    from embedlens.cluster.assembly import assemble
    from embedlens.cluster.embedding import EmbedStep
    from embedlens.cluster.identify import Identify
    from embedlens.cluster.listing import list_pictures, write_listing
    from embedlens.cluster.shards import read_shard, write_shard
    from embedlens.cluster.storage import Storage
    from embedlens.features import Recipe

    recipe = Recipe.of(get_backbone(network, transform=transform or None))
    EmbedStep(
        str(table.parent), recipe, {}
    ).start()  # what is exported once is no part of either time
    start = time.perf_counter()
    storage, listing = Storage(out), list_pictures(str(table))
    shards = write_listing(listing, storage, shard_rows)
    for step in (Identify(listing.root), EmbedStep(listing.root, recipe, {})):
        make = step.start()
        shards = [
            write_shard(storage, step.name, shard.key, make(read_shard(storage, shard)))
            for shard in shards
        ]
    assemble(storage, recipe.key(), shards, {})
    return time.perf_counter() - start


class Watch:
    """The shards of a folder: how many there are, and how many were written over."""

    def __init__(self, out: Path) -> None:
        self.folder = out / "shards" / "embedded"
        self.seen: dict[str, int] = {}
        self.again = 0

    def look(self) -> int:
        if self.folder.is_dir():
            for entry in os.scandir(self.folder):
                if entry.name.endswith(".arrow"):
                    written = entry.stat().st_mtime_ns
                    self.again += self.seen.get(entry.name, written) != written
                    self.seen[entry.name] = written
        return len(self.seen)


def actors() -> Iterator[psutil.Process]:
    for process in psutil.Process().children(recursive=True):
        try:
            if process.name().startswith("ray::MapWorker") or any(
                "ray::MapWorker" in part for part in process.cmdline()
            ):
                yield process
        except psutil.Error:
            continue


def with_faults(command: list[str], out: Path, cluster, faults: int, shards: int) -> dict:
    """Run a driver to its end, a fault after each equal share of the shards."""
    watch, counts = Watch(out), dict.fromkeys(("node", "actor", "driver"), 0)
    nodes = [cluster.add_node(**NODE)]
    driver = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    for number in range(faults):
        while watch.look() < shards * (number + 0.5) / faults and driver.poll() is None:
            time.sleep(0.02)
        if driver.poll() is not None:
            break
        kind = ("node", "actor", "driver")[number % 3]
        if kind == "node":
            cluster.remove_node(nodes.pop(), allow_graceful=False)
            nodes.append(cluster.add_node(**NODE))
        elif kind == "actor":
            found = next(actors(), None)
            if found is None:
                continue
            found.kill()
        else:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
            driver = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        counts[kind] += 1
        print(f"  {kind} lost at {watch.look()} of {shards} shards", flush=True)
    while driver.poll() is None:
        watch.look()
        time.sleep(0.02)
    for node in nodes:
        cluster.remove_node(node, allow_graceful=True)
    return {"faults": counts, "exit": driver.returncode, "shards written over": watch.again}


def compared(out: Path, expected: dict[str, bytes]) -> dict:
    """Count rows, by their ids in order, against those of one process."""
    ids = (out / "ids.txt").read_text().split("\n")
    wanted = expected["ids.txt"].decode().split("\n")
    embedded = list((out / "shards" / "embedded").glob("*.arrow"))
    rows = sum(int(path.name.split("-")[1]) for path in embedded)
    return {
        "rows": len(ids), "lost": max(0, len(wanted) - rows), "twice": max(0, rows - len(wanted)),
        "same bytes": all((out / name).read_bytes() == expected[name] for name in NAMES),
    }  # fmt: skip


def processor_seconds() -> float:
    """Of the whole machine: processes of Ray belong to no one's family."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0)


def without_faults(
    command: list[str], out: Path, seconds: float, expected: dict[str, bytes]
) -> None:
    """Run a driver to its end, and tell what it took beside one process."""
    before, start = processor_seconds(), time.perf_counter()
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    calm, used = time.perf_counter() - start, processor_seconds() - before
    record = json.loads((out / "meta.json").read_text())
    within = record["seconds"]
    print(
        f"cluster of one node: {calm:.1f} s, {within:.1f} s of them connected, {used:.1f} "
        f"processor seconds; overhead {within / seconds - 1:+.1%} ({calm / seconds - 1:+.1%} "
        "with the start of its driver)",
        flush=True,
    )
    print(compared(out, expected), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--shard-rows", type=int, default=1024)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--backbone", help="a network instead of one convolution")
    parser.add_argument("--only-faults", action="store_true", help="no run without them")
    given = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    folder = Path(tempfile.mkdtemp(prefix="cluster-"))
    try:
        run(folder, given)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run(folder: Path, given: argparse.Namespace) -> None:
    from onnx_models import save_onnx
    from ray.cluster_utils import Cluster

    table = make_table(folder, given.rows)
    if given.backbone:
        network, transform = given.backbone, ""
    else:
        network, transform = str(save_onnx(folder / "small.onnx")), TRANSFORM
    print(f"{given.rows:,} rows, load {os.getloadavg()[0]:.1f}", flush=True)
    before = processor_seconds()
    seconds = alone(table, network, transform, folder / "alone", given.shard_rows)
    used = processor_seconds() - before
    expected = {name: (folder / "alone" / name).read_bytes() for name in NAMES}
    shards = len(list((folder / "alone/shards/embedded").iterdir()))
    print(
        f"one process: {seconds:.1f} s, {used:.1f} processor seconds, {shards} shards", flush=True
    )

    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    command = [sys.executable, "-c", DRIVER, str(table), network, transform]

    def driver(out: Path) -> list[str]:
        return [*command, str(out), cluster.address, str(given.shard_rows)]

    try:
        if not given.only_faults:
            without_faults(driver(folder / "calm"), folder / "calm", seconds, expected)
        if given.faults:
            start = time.perf_counter()
            told = with_faults(
                driver(folder / "lost"), folder / "lost", cluster, given.faults, shards
            )
            print(f"two nodes, with faults: {time.perf_counter() - start:.1f} s", told)
            print(compared(folder / "lost", expected), f"load {os.getloadavg()[0]:.1f}")
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main()
