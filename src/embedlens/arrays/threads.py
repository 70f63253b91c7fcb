"""Threads that share work, with results that do not depend on how many they are.

Two ways: ``in_order`` for tasks of milliseconds, where no thread waits for another, and
``together`` for a kernel that is called a thousand times for a fraction of a millisecond, as in a
descent. In the latter threads meet after each call. On a machine that is busy with other work such
a meeting may take longer than the call itself, for a thread waits until the other is given a
processor; so the time of calls decides, again and again, whether they are shared or not.

``at_once`` is ``together`` for a kernel whose threads share the work out themselves.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from itertools import chain, islice, pairwise
from queue import SimpleQueue
from statistics import median
from typing import TYPE_CHECKING, Any, TypeVar

from embedlens.arrays.processors import processors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Task = TypeVar("Task")
Result = TypeVar("Result")


# Of how many tasks each, how many tell whether threads pay, and from how many seconds on they do:
# on two cores pictures of .5 ms are read faster by one, of .6 ms by two.
_WINDOW, _PROBES, _SHORT = 512, 16, 5e-4


@contextmanager
def bounded_threads(n_jobs: int | None) -> Iterator[None]:
    """Hold the work inside to ``n_jobs`` threads; None and -1 are all processors.

    Matrix products get one thread each, for their rounding may depend on how many share them.

    Parameters
    ----------
    n_jobs : int or None
        Threads at most; never more than :func:`embedlens.arrays.processors`, nor than a
        ``bounded_threads`` around this one allows.

    Raises
    ------
    ValueError
        If ``n_jobs`` is zero or less than -1.

    Examples
    --------
    >>> from embedlens.arrays import bounded_threads
    >>> from embedlens.metrics import silhouette_score
    >>> with bounded_threads(1):
    ...     score = silhouette_score([[0.0], [1.0], [4.0], [5.0]], ["a", "a", "b", "b"])
    """
    if n_jobs is not None and n_jobs != -1 and n_jobs < 1:
        raise ValueError(f"n_jobs must be None, -1 or positive, not {n_jobs}.")
    most = threads()
    team = _Team(most if n_jobs in (None, -1) else min(n_jobs, most))
    before = _team.set(team)
    try:
        with products_on_one_thread():
            yield
    finally:
        _team.reset(before)
        team.dismiss()


def limit_threads(most: int) -> None:
    """Use at most ``most`` of the threads that ``bounded_threads`` granted, at least one."""
    team = _team.get()
    if team is not None:
        team.size = max(1, min(most, team.size))


def threads() -> int:
    """Return how many threads may share work here."""
    team = _team.get()
    return processors() if team is None else team.size


def in_order(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Yield ``work(task)`` for each task, in order, a few of them ahead at a time.

    There are ``threads()`` threads; where that is one, or there is one task, it is the caller's:
    to start another takes longer than many a task. Matrix products inside ``work`` run on one
    thread each, and so do those elsewhere in the process meanwhile.
    """
    workers, tasks = threads(), iter(tasks)
    begin = list(islice(tasks, 2))
    tasks = chain(begin, tasks)
    if workers == 1 or len(begin) < 2:
        with products_on_one_thread():
            yield from map(work, tasks)
        return
    pool = ThreadPoolExecutor(workers)
    ahead: deque[Future[Result]] = deque()
    try:
        with products_on_one_thread():
            for task in tasks:
                ahead.append(pool.submit(work, task))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def in_threads(work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Yield ``work(task)`` for each task, in order, in as many threads as pay.

    For tasks that hold the interpreter's lock by turns, as decoding a picture does: a small one
    passes it on a dozen times in a quarter of a millisecond, and two threads that do so take longer
    than one. So of every few hundred tasks the first are the caller's, and where most of them are
    as short, the others are too.

    Parameters
    ----------
    work : callable
        Takes a task; its errors are raised here.
    tasks : iterable
        As many as there are; some hundreds are taken ahead.
    """
    tasks, workers = iter(tasks), processors()
    with ThreadPoolExecutor(workers) as pool:
        while window := list(islice(tasks, _WINDOW)):
            took = []
            for task in window[:_PROBES]:
                begun = time.perf_counter()
                done = work(task)
                took.append(time.perf_counter() - begun)
                yield done
            spread = workers > 1 and median(took) > _SHORT
            yield from (pool.map if spread else map)(work, window[_PROBES:])


def together(kernel: Callable[..., object], shares: int, *arguments: object) -> None:
    """Call ``kernel(*arguments, first, last)`` such that each of the shares is done once.

    Shares must not depend on each other, and cost the same. Threads share them inside
    ``bounded_threads`` while that is quicker than one thread alone.
    """
    team = _team.get()
    if team is None:
        kernel(*arguments, 0, shares)
        return

    def split(size: int) -> list[tuple[object, ...]]:
        edges = [shares * i // size for i in range(size + 1)]
        return [(*arguments, first, last) for first, last in pairwise(edges)]

    team.call(kernel, shares, split)


def at_once(kernel: Callable[..., object], most: int, *arguments: object) -> None:
    """Call ``kernel(*arguments)`` in up to ``most`` threads, which share its work out.

    They do so by tickets, see :mod:`embedlens.arrays.tickets`, so that any number of threads does
    all of it. There is more than one inside ``bounded_threads`` while that is quicker.
    """
    team = _team.get()
    if team is None:
        kernel(*arguments)
    else:
        team.call(kernel, most, lambda size: [arguments] * size)


class _Team:
    """The caller and helpers, who wait for calls."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._helpers: list[threading.Thread] = []
        self._calls: list[SimpleQueue[Callable[[], object] | None]] = []
        self._ends: SimpleQueue[BaseException | None] = SimpleQueue()
        self._paces: dict[Callable[..., object], _Pace] = {}

    def call(
        self,
        kernel: Callable[..., object],
        most: int,
        split: Callable[[int], list[tuple[object, ...]]],
    ) -> None:
        """Call a kernel in up to ``most`` threads, each with its arguments of a split."""
        pace = self._paces.setdefault(kernel, _Pace())
        size = min(self.size, most) if pace.shared() else 1
        start = time.perf_counter()
        self._share(kernel, split(size))
        pace.took(time.perf_counter() - start, shared=size > 1)

    def dismiss(self) -> None:
        """Let the helpers go."""
        for calls in self._calls:
            calls.put(None)
        for helper in self._helpers:
            helper.join()

    def _share(self, kernel: Callable[..., object], each: list[tuple[object, ...]]) -> None:
        own, *others = each
        while len(self._helpers) < len(others):
            self._calls.append(SimpleQueue())
            waiting = (self._calls[-1], self._ends)
            helper = threading.Thread(target=_help, args=waiting, daemon=True, name="embedlens")
            self._helpers.append(helper)
            helper.start()
        for calls, arguments in zip(self._calls, others, strict=False):
            calls.put(partial(kernel, *arguments))
        try:
            kernel(*own)
        finally:
            errors = [self._ends.get() for _ in others]
        for error in errors:
            if error is not None:
                raise error


def _help(
    calls: SimpleQueue[Callable[[], object] | None], ends: SimpleQueue[BaseException | None]
) -> None:
    while (call := calls.get()) is not None:
        try:
            call()
        except BaseException as error:  # it is the caller's
            ends.put(error)
        else:
            ends.put(None)
        del call  # and with it the arrays


class _Pace:
    """Whether a kernel is quicker shared or alone, judged by the time of its calls.

    Calls are shared until they have lost the time of a few calls alone, which one long wait may
    do. Then calls are made alone for a while, twice as long each time that sharing fails again.
    """

    _SAMPLES = 3  # calls alone before any is shared: the first may compile
    _PATIENCE = 4.0  # calls alone whose time sharing may lose
    _FRESH = 64  # shared calls after which one is made alone, to measure it again
    _PAUSES = 32, 1024  # calls alone after sharing failed, at first and at most

    def __init__(self) -> None:
        self._alone: deque[float] = deque(maxlen=5)
        self._lost = 0.0
        self._since = 0
        self._left = self._SAMPLES
        self._pause = self._PAUSES[0]

    def shared(self) -> bool:
        """Return whether the next call is to be shared."""
        return self._left == 0

    def took(self, seconds: float, *, shared: bool) -> None:
        """Learn how long a call took."""
        if not shared:
            self._alone.append(seconds)
            self._left = max(0, self._left - 1)
            return
        alone = median(self._alone)
        self._lost = max(0.0, self._lost + seconds - alone)
        self._since += 1
        if self._lost > self._PATIENCE * alone:
            self._left, self._lost, self._since = self._pause, 0.0, 0
            self._pause = min(2 * self._pause, self._PAUSES[1])
        elif self._since == self._FRESH:
            self._left, self._since, self._pause = 1, 0, self._PAUSES[0]


_team: ContextVar[_Team | None] = ContextVar("team", default=None)


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


_lock = threading.Lock()
_users: list[Any] = []  # the limit, once for each that relies on it


@contextmanager
def products_on_one_thread() -> Iterator[None]:
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
