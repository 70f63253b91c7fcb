"""What goes wrong around a study: nothing computed is lost, and nothing wrong is reused."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time

import numba
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens.arrays.kernel import kernel
from embedlens.cli import _sentence
from embedlens.features.engines import openvino_export
from embedlens.study import Study

COMMAND = [sys.executable, "-c", "from embedlens.cli import main; main()"]
MAPS = ("pca", "tsne")  # the learned one takes longer than all else
OPTIONS = ["-b", "EfficientNetLite0", "--size", "64", "--repeats", "1", "--maps", ",".join(MAPS)]


def run(pictures, out, progress=lambda step, done, total: None):
    study = Study(pictures, ["EfficientNetLite0"], out=out, size=64, repeats=1, maps=MAPS)
    return study.run(progress)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)


def stored(folder):
    """Everything that a rerun must give again, to the bit; of tables all but times."""
    found = {}
    for path in sorted(folder.rglob("*.np[yz]")):
        if path.name != "neighbors.npz":  # it holds the time of the features it was found in
            found[str(path.relative_to(folder))] = path.read_bytes()
    for path in sorted((folder / "results").rglob("*.parquet")):
        frame = pd.read_parquet(path)
        times = ("seconds", "pictures_per_second", "milliseconds")
        drop = [c for c in frame if c in ("study", *times)]
        found[str(path.relative_to(folder))] = frame.drop(columns=drop).to_json()
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Pictures and a finished study of them, which no test may change."""
    root, rng = tmp_path_factory.mktemp("finished"), np.random.default_rng(0)
    for name, shade in {"dark": 60, "light": 190, "grey": 128}.items():
        (root / "pictures" / name).mkdir(parents=True)
        for i in range(15):
            noise = np.clip(rng.normal(shade, 40, (48, 48)), 0, 255).astype(np.uint8)
            Image.fromarray(noise).save(root / "pictures" / name / f"{i}.png")
    run(root / "pictures", root / "out")
    return root


@pytest.fixture
def done(finished, tmp_path):
    """A copy of the finished study's folder, and what is stored there."""
    shutil.copytree(finished / "out", tmp_path / "out")
    return tmp_path / "out", stored(tmp_path / "out")


@pytest.fixture
def its_pictures(finished):
    return finished / "pictures"


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("features/EfficientNetLite0/features.npy", "features computed anew: those stored were"),
        ("maps/EfficientNetLite0/pca.npy", "features reused"),
        ("results/EfficientNetLite0/measures.parquet", "results computed anew"),
        ("results/findings.parquet", "features reused"),
        ("images.parquet", "features reused"),
    ],
)
def test_a_damaged_file_is_noticed_and_made_again(done, its_pictures, file, told):
    folder, before = done
    flip_a_bit(folder / file)
    lines = []
    run(its_pictures, folder, lambda step, *_: lines.append(step))
    assert any(told in line for line in lines), lines
    assert stored(folder) == before


def test_the_same_pictures_and_settings_give_the_same_tables_bit_for_bit(done, tmp_path):
    folder, before = done
    again = tmp_path / "again"
    again.mkdir()
    (again / "study.toml").write_bytes((folder / "study.toml").read_bytes())
    Study.open(again).run()
    assert stored(again) == before


def test_a_rerun_says_what_it_reuses_and_why(done, its_pictures):
    folder, _ = done
    lines = []
    run(its_pictures, folder, lambda step, *_: lines.append(step))
    reused = "same pictures, weights, settings and versions; results too"
    assert f"EfficientNetLite0: features reused: {reused}" in lines


def test_a_damaged_graph_in_the_cache_is_exported_again(tmp_path):
    graph = tmp_path / "net.xml"
    graph.write_text("<net/>")
    graph.with_suffix(".bin").write_bytes(bytes(100))
    sums = openvino_export._checksum(graph)
    graph.with_suffix(".json").write_text(f'{{"checksum": "{sums}"}}')
    assert openvino_export._intact(graph)
    flip_a_bit(graph.with_suffix(".bin"))
    assert not openvino_export._intact(graph)
    graph.with_suffix(".json").write_text("{")
    assert not openvino_export._intact(graph)


def test_sigterm_ends_a_run_as_ctrl_c_does(pictures, tmp_path):
    child = subprocess.Popen(
        [*COMMAND, "study", str(pictures), *OPTIONS, "--out", "out"],
        cwd=tmp_path, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "out" / "images.parquet").exists():
        time.sleep(0.05)
        assert child.poll() is None
    child.send_signal(signal.SIGTERM)
    _, errors = child.communicate()
    assert child.returncode == 143
    assert "the same command goes on" in errors
    assert "Traceback" not in errors


def test_a_disk_that_is_full_gets_a_sentence_and_room_lets_the_run_go_on(pictures, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()

    def mount(*options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", *options, "tmpfs", disk], capture_output=True, check=False
        )

    try:
        if mount("-o", "size=200k").returncode:
            pytest.skip("this user may not mount a disk")
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    try:
        command = [*COMMAND, "study", str(pictures), *OPTIONS, "--out", str(disk / "out")]
        full = subprocess.run(command, capture_output=True, text=True, check=False)
        assert full.returncode == 2, full.stderr
        assert "No space left on device" in full.stderr
        assert "Traceback" not in full.stderr
        mount("-o", "remount,size=50m")
        room = subprocess.run(command, capture_output=True, text=True, check=False)
        assert room.returncode == 0, room.stderr
        assert (disk / "out" / "report.html").is_file()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_home_that_cannot_be_written_to_is_no_obstacle(tmp_path):
    rng = np.random.default_rng(0)
    labels = np.repeat(["a", "b"], 20)
    np.savez(tmp_path / "f.npz", features=rng.normal(size=(40, 8)), labels=labels)
    environment = {**os.environ, "HOME": "/proc/nobody", "XDG_CACHE_HOME": "/proc/nobody"}
    done = subprocess.run(
        [*COMMAND, "score", str(tmp_path / "f.npz")],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_kernels_compile_where_no_cache_can_be_kept(monkeypatch):
    njit = numba.njit

    def refuse(*args, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*args, **options)

    monkeypatch.setattr(numba, "njit", refuse)

    @kernel()
    def double(x: int) -> int:
        return 2 * x

    assert double(21) == 42


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Make room, or choose another folder"),
        (errno.EACCES, "Allow writing there"),
        (errno.EROFS, "Allow writing there"),
        (errno.EIO, "See to it"),
    ],
)
def test_what_the_system_refuses_is_said_in_a_sentence(number, remedy):
    said = _sentence(OSError(number, os.strerror(number), "out/maps"))
    assert said.startswith(f"out/maps: {os.strerror(number)}. {remedy}")
    assert said.endswith("what is written is kept.")
