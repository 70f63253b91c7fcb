"""A Ray cluster to run on: one that is there, or one of this machine for the length of a run."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from embedlens.arrays import processors
from embedlens.errors import EmbedlensError

Result = TypeVar("Result")


def import_ray() -> Any:
    """Return Ray with its part for data, reporting nothing.

    Raises
    ------
    EmbedlensError
        If it is not installed.
    """
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
            f"No Ray cluster answers at {address!r} ({_last_line(error)}). Start one with `ray "
            "start --head`, give its address, or take 'local'. If it began with a token, set "
            "RAY_AUTH_MODE=token here too."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _last_line(error: Exception) -> str:
    """Return what an error says, without the traceback of a server that it may hold."""
    return ([line for line in str(error).splitlines() if line.strip()] or [""])[-1].strip()


def call(address: str, function: Callable[[], Result]) -> Result:
    """Connect to a cluster and call a function that drives it.

    Ray Data has no driver beyond a ``ray://`` address: there the function is pickled and called by
    a task of the cluster, which is begun again if its node is lost.

    Raises
    ------
    EmbedlensError
        As `connected`, and as the function.
    """
    with connected(address) as ray:
        if not ray.util.client.ray.is_connected():
            return function()
        task = ray.remote(num_cpus=0, max_retries=-1)(_called)
        try:
            result: Result = ray.get(task.remote(function))
        except ray.exceptions.RayTaskError as error:
            raise (error.cause if isinstance(error.cause, EmbedlensError) else error) from None
        return result


def _called(function: Callable[[], Result]) -> Result:
    import_ray()
    return function()
