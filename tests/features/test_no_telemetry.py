"""Nothing is reported to anybody."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import os, socket, sys
os.register_at_fork(before=lambda: print("forked"))
def refuse(*args, **kwargs):
    print("connected", args)
    raise OSError("no network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from embedlens.features.engines import make_engine
from embedlens.features.recipe import Recipe
make_engine(Recipe.of("EfficientNetLite0", size=32, engine="openvino"))
print("openvino" in sys.modules, sys.modules["openvino_telemetry"])
"""


@pytest.fixture
def environment(tmp_path):
    """That of a user at home: where CI is named, some libraries are quiet by themselves."""
    hidden = {"CI", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED"}
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return {**kept, "HOME": str(tmp_path), "EMBEDLENS_CACHE": str(tmp_path)}


def told(code, environment):
    """What a process of that environment prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_openvino_neither_forks_nor_connects_when_it_is_imported(environment, tmp_path):
    assert told(CODE, environment) == "True None\n"
    assert not (tmp_path / "intel").exists()


def test_onnxruntime_keeps_no_identifier(environment, tmp_path):
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    assert told("import embedlens, onnxruntime; print(1)", environment) == "1\n"
    assert not list(tmp_path.iterdir())


def test_a_cluster_that_is_started_here_reports_nothing(environment):
    code = "import embedlens, os; print(os.environ['RAY_USAGE_STATS_ENABLED'])"
    assert told(code, environment) == "0\n"
    assert told(code, {**environment, "RAY_USAGE_STATS_ENABLED": "1"}) == "1\n"
