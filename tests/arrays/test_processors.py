"""Processors: the affinity, and quotas of control groups of both kinds, at any depth."""

from __future__ import annotations

import os

import pytest

from embedlens.arrays import processors

module = pytest.importorskip("embedlens.arrays.processors")


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of eight processors whose files are those given."""

    def make(files, bound=8):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        monkeypatch.setattr(module, "_ROOT", tmp_path)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(bound)), raising=False)

    return make


V1 = {"proc/self/cgroup": "5:memory:/docker/a\n3:cpu,cpuacct:/docker/a\n0::/docker/a"}
V1_CPU = "sys/fs/cgroup/cpu,cpuacct"


def v1(folder, quota, period=100_000):
    return {f"{folder}/cpu.cfs_quota_us": str(quota), f"{folder}/cpu.cfs_period_us": str(period)}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/"}, 8),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, 8),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "200000 100000"}, 2),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "20000 100000"}, 1),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "3200000 100000"}, 8),
        ({"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/b/cpu.max": "300000 100000"}, 3),
        ({"proc/self/cgroup": "0::/a/b", "sys/fs/cgroup/a/cpu.max": "300000 100000"}, 3),
        (
            {
                "proc/self/cgroup": "0::/a/b",
                "sys/fs/cgroup/a/cpu.max": "300000 100000",
                "sys/fs/cgroup/a/b/cpu.max": "500000 100000",
            },
            3,
        ),
        ({"proc/self/cgroup": "0::/a:b", "sys/fs/cgroup/a:b/cpu.max": "300000 100000"}, 3),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "rubbish"}, 8),
        (V1 | v1(f"{V1_CPU}/docker/a", -1), 8),
        (V1 | v1(f"{V1_CPU}/docker/a", 250_000), 3),
        (V1 | v1(f"{V1_CPU}/docker", 250_000), 3),
        (V1 | v1(V1_CPU, 50_000, 50_000), 1),
        (V1 | v1("sys/fs/cgroup/cpu", 400_000), 4),
        (V1 | v1("sys/fs/cgroup/memory/docker/a", 100_000), 8),
        (V1 | {f"{V1_CPU}/docker/a/cpu.cfs_quota_us": "100000"}, 8),
    ],
)
def test_the_quota_of_every_group_around_the_process_counts(machine, files, expected):
    machine(files)
    assert processors() == expected


def test_the_affinity_counts(machine):
    machine({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "500000 100000"}, bound=3)
    assert processors() == 3


def test_without_affinities_the_processors_are_counted(machine, monkeypatch):
    machine({})
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert processors() == 1
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert processors() == 5
