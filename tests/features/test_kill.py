"""A process killed while it embeds, at moments drawn at random."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import numpy as np
import pytest

from embedlens.images import ImageSet

CHILD = """
import sys, time
from embedlens import ImageSet, embed
photos, network, store = sys.argv[1:]
def progress(done, total):
    print(done, flush=True)
    time.sleep(0.003)
embed(ImageSet.read(photos), network, store=store, progress=progress)
"""


@pytest.fixture
def start(tmp_path, draw, network_file):
    """Starts a process that embeds 120 pictures into a store; it prints how many are done."""
    for number in range(120):
        draw(tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number:03}.png", number)

    def start(store):
        command = [sys.executable, "-c", CHILD, tmp_path / "photos", network_file, store]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    return start


def test_a_run_killed_at_random_moments_ends_in_the_same_bytes(start, tmp_path, contents):
    whole, killed = tmp_path / "whole" / "net", tmp_path / "killed" / "net"
    assert start(whole).wait() == 0
    rng = random.Random(0)
    done = 0
    for _ in range(4):
        child = start(killed)
        lines = iter(child.stdout)
        first = int(next(lines))
        assert first <= done + 2, "rows that were written were lost"
        for _ in range(rng.randrange(25)):
            next(lines)
        time.sleep(rng.random() * 0.005)
        child.kill()
        child.wait()
        told = [int(line) for line in child.stdout]
        done = max([first, *told])
        part = killed.with_name("net.part") / "done"
        written = np.frombuffer(part.read_bytes(), np.uint8).sum()
        assert done <= written <= 119, "the kill came too late to test anything"
        done = int(written)
    last = start(killed)
    told = [int(line) for line in last.stdout]
    assert last.wait() == 0
    assert told[0] == done + 1, "a row that was written was embedded again"
    for name in ("features.npy", "ids.txt"):
        assert contents(killed)[name] == contents(whole)[name]
    assert len(ImageSet.read(tmp_path / "photos")) == 120
