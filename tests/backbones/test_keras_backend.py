"""Which backend Keras runs on is decided at its first import: each test is a process."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from embedlens.backbones.keras_backend import learns, require_learning
from embedlens.errors import EmbedlensError


@pytest.fixture
def run(tmp_path) -> Callable[..., str]:
    """Runs code in a process with a Keras home of its own, and gives what it prints."""

    def run(code: str, **environment: str) -> str:
        inherited = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**inherited, "KERAS_HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


@pytest.fixture
def chosen(run, tmp_path) -> Callable[..., str]:
    """Names the backend that Keras would be imported on, without importing all of Keras."""
    (tmp_path / "stub").mkdir()
    (tmp_path / "stub" / "keras.py").touch()
    code = (
        "import os; from embedlens.backbones.keras_backend import import_keras; import_keras();"
        "print(os.environ['KERAS_BACKEND'])"
    )

    def chosen(config: str | None, **environment: str) -> str:
        if config is not None:
            (tmp_path / "keras.json").write_text(config)
        return run(code, PYTHONPATH=str(tmp_path / "stub"), **environment)

    return chosen


@pytest.mark.parametrize(
    "config", [None, '{"backend": "no_such_backend"}', "{}", "{broken", "[]", '{"backend": null}']
)
def test_keras_runs_on_jax_where_the_user_chose_nothing_that_is_installed(chosen, config):
    assert chosen(config) == "jax"


def test_without_a_backend_that_learns_keras_computes_on_openvino(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert not learns()
    with pytest.raises(EmbedlensError, match=r"Fine-tuning trains a network.*embedlens\[train\]"):
        require_learning("Fine-tuning")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name == "tensorflow" or None)
    assert learns()


def test_the_user_s_file_chooses_where_its_backend_is_installed(chosen):
    assert chosen('{"backend": "openvino"}') == "openvino"


def test_the_user_s_variable_beats_the_file(chosen):
    assert chosen('{"backend": "openvino"}', KERAS_BACKEND="torch") == "torch"


def test_a_network_can_be_the_first_thing_a_process_asks_for(run):
    code = (
        "from embedlens.backbones import get_backbone;"
        "print(get_backbone('EfficientNetLite0').load(64).output_shape)"
    )
    assert run(code) == "(None, 2, 2, 1280)"


def test_the_registry_is_listed_without_importing_keras(run):
    code = (
        "import sys; from embedlens.backbones import list_backbones;"
        "print(len(list_backbones()) > 43, {'keras', 'torch', 'timm'} & set(sys.modules))"
    )
    assert run(code) == "True set()"


def test_the_home_of_keras_is_found_with_a_tilde(run):
    code = "from embedlens.backbones.keras_backend import keras_home; print(keras_home())"
    assert run(code, KERAS_HOME="~/elsewhere") == str(Path("~/elsewhere").expanduser())


@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("tensorflow", "torch", "triton"))),
    reason="needs TensorFlow, PyTorch and its compiler",
)
def test_pytorch_s_compiler_can_be_loaded_after_tensorflow(run):
    """Their two copies of LLVM end the process where TensorFlow's is loaded first."""
    code = (
        "from embedlens.backbones.keras_backend import import_keras; import_keras();"
        "import torch._dynamo, triton; print('alive')"
    )
    assert run(code, KERAS_BACKEND="tensorflow") == "alive"
