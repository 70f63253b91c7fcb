"""Which backend Keras runs on, decided before Keras is first imported."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from embedlens.errors import EmbedlensError

LEARNING_HINT = "Keras needs JAX: pip install 'embedlens[train]'"

# In the order they are taken where nothing is chosen. OpenVINO comes with the install; it computes
# and does not learn.
_LEARNING = ("jax", "tensorflow")
_COMPUTING = "openvino"


def import_keras() -> ModuleType:
    """Import Keras on the backend the user chose, or on the first installed that learns.

    The choice is the user's ``KERAS_BACKEND`` or ``~/.keras/keras.json``, as in Keras itself,
    where that backend is installed. Without one it is JAX, TensorFlow, or OpenVINO, which comes
    with the install and cannot train.
    """
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = _backend()
    if "keras" not in sys.modules and os.environ["KERAS_BACKEND"] == "tensorflow":
        _load_triton()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # JAX takes three quarters of a GPU's memory when it is first asked, PyTorch is beside it.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import keras

    return keras  # type: ignore[no-any-return]


def learns() -> bool:
    """Whether the backend that Keras runs on, or will, can train networks."""
    if "keras" in sys.modules:
        return bool(import_keras().config.backend() != _COMPUTING)
    return os.environ.get("KERAS_BACKEND", _backend()) != _COMPUTING


def require_learning(what: str) -> None:
    """Refuse what trains a network where no backend can.

    Parameters
    ----------
    what : str
        What needs it, as the subject of a sentence.

    Raises
    ------
    EmbedlensError
        With what to install.
    """
    if not learns():
        raise EmbedlensError(f"{what} trains a network, and for that {LEARNING_HINT}.")


def keras_gpu() -> str | None:
    """Return the name of the GPU that Keras's backend computes on, if any.

    A GPU is looked for by NVIDIA's driver tools first, as asking the backend takes seconds.
    """
    if shutil.which("nvidia-smi") is None and not Path("/dev/nvidia0").exists():
        return None
    try:
        keras = import_keras()
        found = keras.distribution.list_devices("gpu")
        return f"{found[0]} of {keras.config.backend()}" if found else None
    except (RuntimeError, ValueError, NotImplementedError, AttributeError):
        return None


def _load_triton() -> None:
    """Load PyTorch's compiler: after TensorFlow, loading it ends the process without a word."""
    with suppress(ImportError):
        importlib.import_module("triton")


def keras_home() -> Path:
    """Return the folder where Keras keeps its settings and its downloads (``KERAS_HOME``)."""
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")).expanduser()


def _backend() -> str:
    chosen = _configured_backend()
    if chosen and importlib.util.find_spec(chosen):
        return chosen
    return next((name for name in _LEARNING if importlib.util.find_spec(name)), _COMPUTING)


def _configured_backend() -> str | None:
    try:
        backend = json.loads((keras_home() / "keras.json").read_text(encoding="utf-8"))["backend"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(backend)
