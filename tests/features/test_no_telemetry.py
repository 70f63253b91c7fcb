"""Nothing is reported to anybody."""

from __future__ import annotations

import os
import subprocess
import sys

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


def test_openvino_neither_forks_nor_connects_when_it_is_imported(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "TF_BUILD")}
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**environment, "HOME": str(tmp_path), "EMBEDLENS_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True None\n"
    assert not (tmp_path / "intel").exists()
