"""Which backend Keras runs on, decided before Keras is first imported."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

# `import openvino` tells its maker of every import, by the network and a forked process, unless
# this package of it is absent. Nobody who runs embedlens agreed to that.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

_PACKAGES = {"jax": "jax", "tensorflow": "tensorflow", "torch": "torch", "openvino": "openvino"}


def import_keras() -> ModuleType:
    """Import Keras on the backend the user chose, or on JAX.

    The choice is the user's ``KERAS_BACKEND`` or ``~/.keras/keras.json``, as in Keras itself,
    where that backend is installed. JAX comes with the install; TensorFlow, Keras's own default,
    does not.
    """
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        chosen = _configured_backend()
        installed = chosen is not None and importlib.util.find_spec(_PACKAGES.get(chosen, chosen))
        os.environ["KERAS_BACKEND"] = chosen if chosen and installed else "jax"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    return keras  # type: ignore[no-any-return]


def keras_sees_a_gpu() -> bool:
    """Whether Keras's backend computes on a GPU.

    A GPU is looked for by NVIDIA's driver tools first, as asking the backend takes seconds.
    """
    driver = shutil.which("nvidia-smi") is not None or Path("/dev/nvidia0").exists()
    return driver and _backend_lists_a_gpu()


def keras_home() -> Path:
    """Return the folder where Keras keeps its settings and its downloads (``KERAS_HOME``)."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser()


def _configured_backend() -> str | None:
    try:
        backend = json.loads((keras_home() / "keras.json").read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(backend)


def _backend_lists_a_gpu() -> bool:
    try:
        return bool(import_keras().distribution.list_devices("gpu"))
    except (RuntimeError, ValueError, NotImplementedError, AttributeError):
        return False
