from __future__ import annotations

import io
import pickle
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from embedlens.backbones.keras_backend import import_keras


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Keras on its default backend."""
    return import_keras()


@pytest.fixture(autouse=True)
def _session(keras: ModuleType) -> Iterator[None]:
    """Forget each test's networks."""
    yield
    keras.utils.clear_session(free_memory=False)


@pytest.fixture(scope="session")
def pixels() -> np.ndarray:
    """Two pictures of random pixels, float32 (2, 64, 64, 3), 0 to 255."""
    return np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def difference() -> Callable[..., float]:
    """The relative difference of two arrays, in norm."""

    def difference(given: Any, expected: Any) -> float:
        given, expected = np.asarray(given, np.float64), np.asarray(expected, np.float64)
        assert given.shape == expected.shape
        return float(np.linalg.norm(given - expected) / np.linalg.norm(expected))

    return difference


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A file that only exists if code ran that must not run."""
    return tmp_path / "code-has-run"


class Storage:
    """What `torch.FloatStorage` and its like are to a pickle: a type, a key and numbers."""

    def __init__(self, key: str, array: np.ndarray) -> None:
        self.key = key
        self.array = array


def _rebuild_tensor_v2(*_: Any) -> None:
    """Stand for PyTorch's function of this name; only its name goes into the file."""


class Tensor:
    def __init__(self, storage: Storage, offset: int, shape: tuple, strides: tuple) -> None:
        self.parts = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self) -> tuple:
        return _rebuild_tensor_v2, self.parts


@pytest.fixture
def checkpoint(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bytes]:
    """Writes the bytes of a state dict as `torch.save` did before its zip layout.

    Arrays become contiguous tensors of their own; values may also be a `tensor` of a `storage`.
    """
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setattr(_rebuild_tensor_v2, "__module__", "torch._utils")
    types = {
        "<f4": type("FloatStorage", (), {"__module__": "torch"}),
        "<f2": type("HalfStorage", (), {"__module__": "torch"}),
        "<i8": type("LongStorage", (), {"__module__": "torch"}),
    }
    for each in types.values():
        setattr(torch, each.__name__, each)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: Any) -> Any:
            if isinstance(value, Storage):
                kind = types[value.array.dtype.str]
                return ("storage", kind, value.key, "cpu", value.array.size, None)
            return None

    def write(tensors: dict[str, Any], *, magic: Any = 0x1950A86A20F9469CFC6C) -> bytes:
        state = OrderedDict()
        for number, (name, value) in enumerate(tensors.items()):
            if isinstance(value, np.ndarray):
                strides = tuple(s // value.itemsize for s in value.strides)
                value = Tensor(Storage(str(number), value.ravel()), 0, value.shape, strides)
            state[name] = value
        storages = {
            t.parts[0].key: t.parts[0].array for t in state.values() if isinstance(t, Tensor)
        }
        file = io.BytesIO()
        for part in (magic, 1001, {"little_endian": True}, state, sorted(storages)):
            Pickler(file, 2).dump(part)
        for _, array in sorted(storages.items()):
            file.write(struct.pack("<q", array.size) + array.tobytes())
        return file.getvalue()

    write.tensor = Tensor
    write.storage = Storage
    return write
