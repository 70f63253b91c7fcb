"""The command line: ``embedlens embed --cluster``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "embedlens", "embed", *map(str, arguments)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_folder_is_embedded_and_what_was_set_aside_is_told(
    cluster, photos, backbone, whole, tmp_path
):
    out = tmp_path / "out"
    done = command(
        photos, "-b", backbone.path, "-t", "32 squash bilinear none",
        "--cluster", cluster.address, "--out", out,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}: 199 pictures x 5 features\n"
    assert f"1 of the pictures have no features; images.parquet in {out} says why." in done.stderr
    for name, data in whole.items():
        assert (Path(out) / name).read_bytes() == data


def test_what_draws_splits_is_refused(photos, tmp_path):
    done = command(
        photos, "-b", "EfficientNetLite0", "--cluster", "local", "--out", tmp_path, "--group", "x"
    )
    assert done.returncode == 2
    assert "of no use with --cluster" in " ".join(done.stderr.split())
