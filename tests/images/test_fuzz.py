"""A small share of `benchmarks/fuzz.py`: malformed files of every kind do no harm."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "fuzz.py"


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("fuzz", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_damaged_files_are_read_or_refused_with_a_sentence(program):
    import numpy as np

    ends, harm = program.run(12345, 600)
    assert harm == []
    kinds = {end.split(":")[0] for end in ends}
    assert kinds == {"picture", "zip", "tar", "table"}
    # Damage changes a file, or there would be nothing to test.
    rng, seeds = np.random.default_rng(0), program.Seeds()
    same = [program.damage(data, data, rng) == data for data in seeds.pictures]
    assert np.mean(same) < 0.5
