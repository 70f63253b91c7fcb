"""Some rows of an array that need not fit in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class LazyRows:
    """Rows of an array, read when they are asked for.

    ``values[indices]`` of a memory-mapped array copies all of them at once; this copies a batch.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Usually memory-mapped.
    indices : ndarray of shape (m,), int
        Which rows, in this order.

    Examples
    --------
    >>> rows = LazyRows(np.arange(12).reshape(6, 2), np.array([4, 0, 2]))
    >>> rows[:2]
    array([[8, 9],
           [0, 1]])
    """

    values: NDArray[Any]
    indices: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """(m, d), as of an array."""
        return len(self.indices), *self.values.shape[1:]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, selection: Any) -> NDArray[Any]:
        return np.asarray(self.values[self.indices[selection]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype)
