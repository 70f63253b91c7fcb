"""The same bits from the process that compiles a kernel and from those that load it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("every_kernel.py")


def run(cache: Path, n_jobs: int) -> dict:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(n_jobs)],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> tuple[Path, dict]:
    cache = tmp_path_factory.mktemp("kernels")
    return cache, run(cache, 1)


def test_all_arithmetic_of_a_kernel_is_inlined_in_it(compiled):
    """A function that is called exists twice, compiled differently: see `arrays.kernel`."""
    assert compiled[1]["compiled"]
    assert compiled[1]["astray"] == []


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_loaded_kernels_give_the_bits_of_compiled_ones(compiled, n_jobs):
    cache, first = compiled
    loaded = run(cache, n_jobs)
    assert not loaded["compiled"]
    different = [
        name for name, digest in first["digests"].items() if loaded["digests"][name] != digest
    ]
    assert different == []
