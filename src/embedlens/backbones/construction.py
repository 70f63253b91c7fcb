"""Building a network whose weights are set right afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from embedlens.backbones.keras_backend import import_keras
from embedlens.backbones.keras_internals import numbered_from_the_start


@contextmanager
def construction() -> Iterator[None]:
    """Number unnamed layers from the start, and let kernels be zeros.

    A cut at ``conv2d_3`` must not depend on what the process built before. And JAX compiles a
    program for each shape of random kernel, which is most of the time of building a network, for
    numbers that are thrown away.
    """
    initializer = import_keras().initializers.VarianceScaling
    draw = initializer.__call__
    initializer.__call__ = _zeros
    try:
        with numbered_from_the_start():
            yield
    finally:
        initializer.__call__ = draw


def _zeros(_: Any, shape: Any, dtype: Any = None, **__: Any) -> Any:
    return import_keras().ops.zeros(shape, dtype)
