"""How this room compiles its kernels: cached on disk between processes, with bounded threads.

Numba is imported here, and this module only by modules that hold kernels.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numba
import threadpoolctl

Function = TypeVar("Function", bound=Callable[..., Any])

# Not every threading layer of Numba bears calls from two Python threads at once.
_ONE_AT_A_TIME = threading.RLock()


def kernel(*, parallel: bool = False) -> Callable[[Function], Function]:
    """Compile a function with Numba, for values that are finite (checked at the door).

    Sums may be split over SIMD lanes, and so depend on the processor. They do not depend on the
    number of threads: a thread takes whole iterations of ``prange``, and a kernel adds the results
    of iterations in their order.
    """

    def compiled(function: Function) -> Function:
        options = {
            "parallel": parallel, "nogil": True, "fastmath": True, "error_model": "numpy",
        }  # fmt: skip
        result: Function
        try:
            result = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder can be written to, neither here nor in the home
            result = numba.njit(**options)(function)
        return result

    return compiled


@contextmanager
def bounded_threads(n_jobs: int | None) -> Iterator[None]:
    """Hold kernels to ``n_jobs`` threads; None and -1 are all that there are.

    BLAS gets one, for the rounding of its products may depend on how many share them.

    Raises
    ------
    ValueError
        If ``n_jobs`` is zero or less than -1.
    """
    if n_jobs is not None and n_jobs != -1 and n_jobs < 1:
        raise ValueError(f"n_jobs must be None, -1 or positive, not {n_jobs}.")
    most = min(numba.config.NUMBA_NUM_THREADS, len(os.sched_getaffinity(0)))
    threads = most if n_jobs in (None, -1) else min(n_jobs, most)
    with _ONE_AT_A_TIME, threadpoolctl.threadpool_limits(1, user_api="blas"):
        before = numba.get_num_threads()
        numba.set_num_threads(threads)
        try:
            yield
        finally:
            numba.set_num_threads(before)


def limit_threads(most: int) -> None:
    """Use at most ``most`` of the threads that ``bounded_threads`` granted, at least one."""
    numba.set_num_threads(max(1, min(most, numba.get_num_threads())))
