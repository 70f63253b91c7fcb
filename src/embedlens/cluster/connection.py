"""A Ray cluster to run on: one that is there, or one of this machine for the length of a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from embedlens.arrays import processors
from embedlens.errors import EmbedlensError

# Before Ray is imported: nothing is reported to anybody, and its own lines are errors alone.
_SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}


def import_ray() -> Any:
    """Return Ray with its part for data, reporting nothing.

    Raises
    ------
    EmbedlensError
        If it is not installed.
    """
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise EmbedlensError(
            f"A cluster needs Ray ({error}): pip install 'embedlens[cluster]'."
        ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a Ray cluster for the length of a block, and give Ray.

    Parameters
    ----------
    address : str
        "auto", the cluster that this machine is a part of; "HOST:PORT" or "ray://HOST:PORT", one
        elsewhere; "local", one of this machine's processors alone, which ends with the block. A
        connection that the process has already is used whatever is said, and stays.

    Raises
    ------
    EmbedlensError
        If Ray is not installed, or no cluster answers.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address == "local":
            ray.init("local", num_cpus=processors(), include_dashboard=False, **quiet)
        else:
            ray.init(address, **({} if address.startswith("ray://") else quiet))
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise EmbedlensError(
            f"No Ray cluster answers at {address!r} ({' '.join(str(error).split())}). Start one "
            "with `ray start --head`, give its address, or take 'local'."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
