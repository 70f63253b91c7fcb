"""Reading a PyTorch state dict without PyTorch, and without running anything from the file."""

from __future__ import annotations

import collections
import os
import pickle
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from embedlens.errors import WeightsError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4"}


class _Tensor(NamedTuple):
    """A tensor before its storage has been read: strides and offset count elements."""

    storage: tuple[str, str]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _rebuild_tensor(
    storage: tuple[str, str], offset: int, shape: Any, strides: Any, *_: Any
) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _TensorsOnly(pickle.Unpickler):
    """An unpickler that knows tensors and their storages, and refuses every other name."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch" and name in _DTYPES:
            return name
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is no tensor")

    def persistent_load(self, pid: Any) -> tuple[str, str]:
        """Return (storage type, storage key); the numbers follow the last pickle."""
        kind, storage_type, key = pid[0], pid[1], pid[2]
        if kind != "storage" or storage_type not in _DTYPES:
            raise pickle.UnpicklingError(f"it refers to {pid!r}, which is no storage")
        return storage_type, key


def read_torch_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Read a state dict that ``torch.save`` wrote in its old (not zip) layout.

    The file is a row of pickles (magic number, protocol, system, tensors, storage keys) and then
    the raw storages. Only tensors are allowed: a file that names anything else is refused before
    anything of it is called.

    Parameters
    ----------
    path : str or Path
        The checkpoint, usually ``*.pth``.

    Returns
    -------
    dict of str to ndarray
        The tensors by name, in the file's order and dtypes.

    Raises
    ------
    WeightsError
        If the file is no such checkpoint, is truncated, or holds more than tensors.

    Examples
    --------
    >>> from embedlens.backbones.families.efficientnet_lite import weights_file
    >>> read_torch_checkpoint(weights_file("EfficientNetLite0"))["_conv_stem.weight"].shape
    (32, 3, 3, 3)
    """
    try:
        with Path(path).open("rb") as file:
            magic, protocol, _system = (_TensorsOnly(file).load() for _ in range(3))
            if (magic, protocol) != (_MAGIC, _PROTOCOL):
                raise pickle.UnpicklingError("its magic number is another")
            tensors: dict[str, _Tensor] = _TensorsOnly(file).load()
            dtypes = {t.storage[1]: _DTYPES[t.storage[0]] for t in tensors.values()}
            storages = {}
            for key in _TensorsOnly(file).load():
                (count,) = struct.unpack("<q", file.read(8))
                storages[key] = _storage(file, count, np.dtype(dtypes[key]))
            return {name: _view(t, storages[t.storage[1]]) for name, t in tensors.items()}
    except (pickle.UnpicklingError, struct.error, EOFError, KeyError, ValueError, TypeError,
            AttributeError, IndexError) as error:  # fmt: skip
        raise WeightsError(
            f"{path} cannot be read as a PyTorch state dict: {error}. "
            "Give a file that torch.save wrote with _use_new_zipfile_serialization=False."
        ) from error


def _storage(file: BinaryIO, count: int, dtype: np.dtype[Any]) -> np.ndarray:
    left = os.fstat(file.fileno()).st_size - file.tell()
    if not 0 <= count * dtype.itemsize <= left:
        raise ValueError(f"a storage should have {count} numbers, and {left} bytes are left")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype)


def _view(tensor: _Tensor, storage: np.ndarray) -> np.ndarray:
    end = tensor.offset + sum(
        (n - 1) * s for n, s in zip(tensor.shape, tensor.strides, strict=True)
    )
    if tensor.offset < 0 or min(tensor.strides, default=0) < 0 or end >= storage.size:
        raise ValueError("a tensor reaches outside its storage")
    return np.lib.stride_tricks.as_strided(
        storage[tensor.offset :],
        tensor.shape,
        [s * storage.itemsize for s in tensor.strides],
        writeable=False,
    ).copy()
