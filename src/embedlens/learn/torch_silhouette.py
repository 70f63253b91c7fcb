"""The silhouette of a batch as a loss in PyTorch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from embedlens.learn.batch_silhouette import silhouette_losses


def torch_silhouette_losses(
    codes: Tensor, features: Tensor, metric: str = "euclidean", temperature: float = 0.0
) -> Tensor:
    """Return what `SilhouetteLoss` returns without reduction, in PyTorch.

    Parameters
    ----------
    codes : Tensor of shape (n,), whole numbers
        The class of each.
    features : Tensor of shape (n, d), float32 or float64
        Embeddings, on the device of ``codes``.
    metric, temperature
        As for `SilhouetteLoss`.

    Returns
    -------
    Tensor of shape (n,)
    """
    first = (codes[:, None] == codes[None, :]).to(torch.uint8).argmax(1)
    with features.device:
        return silhouette_losses(
            _OPERATIONS, features, first.to(features.dtype), metric, temperature
        )


def _cast(x: Tensor, dtype: str | torch.dtype) -> Tensor:
    return x.to(getattr(torch, dtype) if isinstance(dtype, str) else dtype)


def _take(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    return x.index_select(axis, indices)


def _take_along_axis(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    return x.take_along_dim(indices.long(), axis)


def _segment_sum(data: Tensor, segment_ids: Tensor, num_segments: int) -> Tensor:
    return data.new_zeros((num_segments, *data.shape[1:])).index_add(0, segment_ids, data)


def _eye(n: int, dtype: str) -> Tensor:
    return torch.eye(n, dtype=getattr(torch, dtype))


# Those of `keras.ops` that the formula names, where PyTorch calls or does them otherwise.
_DIFFERENT: dict[str, Any] = {
    "cast": _cast,
    "eye": _eye,
    "segment_sum": _segment_sum,
    "shape": lambda x: x.shape,
    "stop_gradient": Tensor.detach,
    "take": _take,
    "take_along_axis": _take_along_axis,
    "transpose": Tensor.t,
}
_ALIKE = (
    "abs", "all", "any", "arange", "argmin", "isfinite", "matmul", "max", "maximum", "ones_like",
    "softmax", "sqrt", "square", "sum", "where",
)  # fmt: skip
_OPERATIONS = SimpleNamespace(**{name: getattr(torch, name) for name in _ALIKE}, **_DIFFERENT)
