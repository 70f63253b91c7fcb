"""Printing where the terminal's encoding lacks the letters."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest


@pytest.mark.parametrize(
    "locale", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=str
)
def test_a_name_is_no_reason_to_stop(tmp_path, locale):
    label = np.array(["\u732b"] * 3)
    np.savez(tmp_path / "f.npz", features=np.eye(3), labels=label)
    done = subprocess.run(
        [sys.executable, "-m", "embedlens", "score", "f.npz"],
        env={**os.environ, **locale},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"All 3 labels are '\\u732b'; scores need two classes" in done.stderr
