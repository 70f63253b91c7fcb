"""The material that is shared between checkouts and is no part of the project; threads."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from numpy.typing import NDArray

# A deadline would be of a machine that does nothing else.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    """Let JAX compile quickly, and what it compiled serve the others for the length of this run.

    Of few small pictures nearly all of the time is compiling; so JAX tests itself as well. Threads
    of matrix products spin while they wait: where each core has its process, for nothing, and for a
    fifth of all time.
    """
    if hasattr(config, "workerinput"):  # it has the environment of the first process
        return
    folder = tempfile.mkdtemp(prefix="compiled-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared material: $EMBEDLENS_SHARED, or `shared` beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("EMBEDLENS_SHARED", beside))
    if not folder.is_dir():
        pytest.skip(f"no shared material at {folder}; set EMBEDLENS_SHARED to its folder")
    return folder


@pytest.fixture(scope="session")
def animals8(shared: Path) -> Path:
    """1,420 photographs in 8 class folders."""
    folder = shared / "data" / "animals8"
    if not folder.is_dir():
        pytest.skip(f"no photographs at {folder}")
    return folder


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets how many threads share work until the end of the test, whatever their pace."""
    from embedlens.arrays import threads as module

    class Shared:
        def shared(self) -> bool:
            return True

        def took(self, seconds: float, *, shared: bool) -> None: ...

    def set_number(number: int) -> None:
        monkeypatch.setattr(module, "processors", lambda: number)
        monkeypatch.setattr(module, "_Pace", Shared)

    return set_number


@pytest.fixture(scope="session")
def digits() -> NDArray[np.float32]:
    """500 pictures of handwritten digits, 64 pixels each."""
    from sklearn.datasets import load_digits

    return load_digits().data[:500].astype(np.float32)


@pytest.fixture(scope="session")
def wide(digits: NDArray[np.float32]) -> NDArray[np.float32]:
    """120 pictures in 2,000 random rectified features: n << d, as feature maps are."""
    weights = np.random.default_rng(0).normal(size=(64, 2000)).astype(np.float32)
    return np.maximum(digits[:120] @ weights, 0)


@pytest.fixture(scope="session")
def save_onnx() -> Callable[..., Path]:
    """Saves a small ONNX file; see ``onnx_models.py``."""
    pytest.importorskip("onnx", reason="onnx is not installed")
    import onnx_models

    return onnx_models.save_onnx
