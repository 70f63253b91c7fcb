"""Work on all cores, its results in order.

Results come back in the order of the tasks, however many threads there are, so that what is summed
from them is the same to the bit. No thread waits for another, which matters on a busy machine.
"""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numba

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Task = TypeVar("Task")
Result = TypeVar("Result")


def in_order(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Yield ``work(task)`` for each task, in order, a few of them ahead at a time.

    There are ``numba.get_num_threads()`` threads. Matrix products inside ``work`` run on one
    thread each, and so do those elsewhere in the process meanwhile.
    """
    workers = numba.get_num_threads()
    pool = ThreadPoolExecutor(workers)
    ahead: deque[Future[Result]] = deque()
    try:
        with _products_on_one_thread():
            for task in tasks:
                ahead.append(pool.submit(work, task))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


_lock = threading.Lock()
_users: list[Any] = []  # the limit, once for each that relies on it


@contextmanager
def _products_on_one_thread() -> Iterator[None]:
    """Hold the BLAS to one thread; the last of several users at once puts its setting back."""
    with _lock:
        _users.append(_users[0] if _users else _blas().limit(limits=1, user_api="blas"))
    try:
        yield
    finally:
        with _lock:
            limit = _users.pop()
            if not _users:
                limit.restore_original_limits()
