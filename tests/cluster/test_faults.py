"""A node, an actor or the driver is lost: no row is lost with it, and none is there twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embedlens.cluster import embed, run_step, written
from embedlens.cluster.assembly import assemble
from embedlens.cluster.embedding import EmbedStep
from embedlens.cluster.identify import Identify, ranges_of
from embedlens.cluster.listing import list_pictures, write_listing
from embedlens.cluster.shards import read_shard
from embedlens.cluster.storage import Storage
from embedlens.features import Recipe

ROWS = 8

DRIVER = """
import sys
from embedlens import get_backbone
from embedlens.cluster import embed
photos, network, out, address = sys.argv[1:]
backbone = get_backbone(network, transform="32 squash bilinear none")
embed(photos, backbone, out, address=address, shard_rows=4)
"""


@pytest.fixture
def watched():
    """Wraps a step: it leaves a file for each call and calls `then` before each.

    A class within a function goes to the actors whole, without this module.
    """

    class Watched:
        def __init__(self, step, calls, then):
            self.name, self.key = step.name, step.key
            self.step, self.calls, self.then = step, calls, then

        def start(self):
            from uuid import uuid4

            make = self.step.start()

            def made(table):
                (self.calls / f"{table['path'][0].as_py().replace('/', '-')}.{uuid4()}").touch()
                self.then()
                return make(table)

            return made

    return Watched


@pytest.fixture
def run(cluster, photos, backbone, watched, tmp_path):
    """Embeds the pictures on the cluster by a watched step; returns shards, files and calls."""

    def run(then, progress=None):
        storage, calls = Storage(tmp_path / "out"), tmp_path / "calls"
        calls.mkdir()
        listing = list_pictures(str(photos))
        listed = write_listing(listing, storage, ROWS)
        identified = run_step(Identify(listing.root), listed, storage, 2)
        shared = ranges_of(read_shard(storage, shard) for shard in identified)
        step = EmbedStep(listing.root, Recipe.of(backbone), shared)
        shards = run_step(watched(step, calls, then), identified, storage, 1, progress)
        assemble(storage, "key", shards, {})
        assert sum(shard.rows for shard in shards) == 200
        assert len(storage.names("shards/embedded")) == len(set(shards)) == len(identified)
        files = {
            name: (tmp_path / "out" / name).read_bytes() for name in ("features.npy", "ids.txt")
        }
        return files, [path.name.rpartition(".")[0] for path in calls.iterdir()]

    return run


def test_an_actor_that_exits(run, whole, tmp_path):
    died = tmp_path / "died"

    def die():
        import os

        if not died.exists():
            died.touch()
            os._exit(1)

    files, calls = run(die)
    assert files == whole
    # The one that was lost was begun again, and no other.
    assert died.exists()
    assert len(calls) == len(set(calls)) + 1


def test_a_node_that_is_gone(run, whole, cluster):
    node = cluster.add_node(num_cpus=2, object_store_memory=80_000_000)
    gone = []

    def slowly():
        import time

        time.sleep(0.2)

    def progress(done, total):
        if done > 50 and not gone:
            gone.append(node)
            cluster.remove_node(node, allow_graceful=False)

    files, _ = run(slowly, progress)
    assert gone
    assert files == whole


def test_a_driver_that_is_killed(cluster, photos, backbone, whole, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-c", DRIVER, photos, backbone.path, out, cluster.address]
    driver = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len(list((out / "shards/embedded").glob("*.arrow"))) < 5:
        assert driver.poll() is None, "the driver ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    time.sleep(1)  # what actors of the lost driver still write
    before = {path: path.stat().st_mtime_ns for path in (out / "shards").rglob("*.arrow")}
    assert not (out / "meta.json").exists(), "the kill came too late to test anything"
    made = embed(photos, backbone, out, shard_rows=4)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(list((out / "shards/embedded").iterdir())) == len(written(Storage(out), "embedded"))
    assert made.pictures == 199
    for name, data in whole.items():
        assert (Path(out) / name).read_bytes() == data
