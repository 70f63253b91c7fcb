"""Work in order and together: results, errors, the pace, and the BLAS setting."""

from __future__ import annotations

import threading
from itertools import chain, repeat

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from embedlens.arrays import bounded_threads
from embedlens.arrays.threads import (
    _Pace,
    at_once,
    in_order,
    in_threads,
    limit_threads,
    together,
)
from embedlens.arrays.threads import threads as number_of_threads


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_results_come_in_the_order_of_the_tasks(threads):
    threads(2)
    first_waits = threading.Event()

    def work(task):
        if task == 0:
            first_waits.wait(10)
        if task == 1:
            first_waits.set()
        return task * task

    assert list(in_order(work, range(50))) == [task * task for task in range(50)]


def test_an_error_in_a_task_reaches_the_caller_and_stops_the_rest():
    done = []

    def work(task):
        if task == 3:
            raise ValueError("task 3")
        done.append(task)

    with pytest.raises(ValueError, match="task 3"):
        list(in_order(work, range(10_000)))
    assert len(done) < 1000


def test_products_inside_run_on_one_thread_and_the_setting_is_put_back():
    before = blas_threads()
    inside = list(in_order(lambda _: (np.ones((2, 2)) @ np.ones((2, 2)), blas_threads())[1], [0]))
    assert set(inside[0]) == {1}
    assert blas_threads() == before


def test_of_several_users_at_once_the_last_puts_the_setting_back():
    before = blas_threads()
    first, second = (in_order(lambda task: task, range(3)) for _ in range(2))
    next(first), next(second)
    list(first)
    assert set(blas_threads()) == {1}
    list(second)
    assert blas_threads() == before


def test_a_user_who_leaves_early_puts_the_setting_back():
    before = blas_threads()
    results = in_order(lambda task: task, range(100))
    next(results)
    results.close()
    assert blas_threads() == before


@pytest.mark.parametrize("n_jobs", [0, -2])
def test_a_number_of_jobs_that_means_nothing_is_refused(n_jobs):
    with pytest.raises(ValueError, match=f"not {n_jobs}"), bounded_threads(n_jobs):
        pass


def test_bounds_lie_within_each_other(threads):
    threads(4)
    assert number_of_threads() == 4
    with bounded_threads(3):
        assert number_of_threads() == 3
        with bounded_threads(None):
            limit_threads(100)
            assert number_of_threads() == 3
            limit_threads(0)
            assert number_of_threads() == 1
        with bounded_threads(2):
            assert number_of_threads() == 2
        assert number_of_threads() == 3
    with bounded_threads(100):
        assert number_of_threads() == 4


@pytest.mark.parametrize("shares", [1, 2, 3, 10])
@pytest.mark.parametrize("number", [1, 2, 4])
def test_together_each_share_is_done_once(threads, shares, number):
    threads(number)
    done, workers = np.zeros(shares, int), set()

    def kernel(step, first, last):
        workers.add(threading.get_ident())
        done[first:last] += step

    with bounded_threads(None):
        for _ in range(5):
            together(kernel, shares, 2)
    assert done.tolist() == [10] * shares
    assert len(workers) <= min(number, shares)
    together(kernel, shares, 1)
    assert done.tolist() == [11] * shares


@pytest.mark.parametrize("most", [1, 2, 3])
def test_at_once_several_threads_make_the_same_call(threads, most):
    threads(2)
    calls = []

    def kernel(name):
        calls.append((name, threading.get_ident()))

    at_once(kernel, most, "outside")
    assert calls == [("outside", threading.get_ident())]
    calls.clear()
    with bounded_threads(None):
        at_once(kernel, most, "shared")
    assert len(calls) == len(set(calls)) == min(most, 2)


def test_together_an_error_of_any_thread_reaches_the_caller(threads):
    threads(2)

    def kernel(first, last):
        if last == 2:
            raise ValueError("second share")

    with bounded_threads(None):
        for _ in range(2):
            with pytest.raises(ValueError, match="second share"):
                together(kernel, 2)
    assert not [one for one in threading.enumerate() if one.name == "embedlens"]


def time_of(calls, alone, together):
    """Seconds that calls take when each is made as the pace says."""
    pace, spent = _Pace(), 0.0
    for _ in range(calls):
        shared = pace.shared()
        seconds = next(together) if shared else alone
        pace.took(seconds, shared=shared)
        spent += seconds
    return spent


def test_calls_are_shared_where_that_is_quicker():
    assert time_of(2000, 1.0, repeat(0.5)) < 1.05 * 1000


@pytest.mark.parametrize("stall", [1.5, 8.0, 30.0])
def test_calls_are_made_alone_where_threads_wait_for_each_other(stall):
    assert time_of(2000, 1.0, repeat(stall)) < 1.25 * 2000


@pytest.mark.parametrize("share_of_stalls", [0.1, 0.3])
def test_calls_are_made_alone_where_threads_often_wait(share_of_stalls):
    waits = np.random.default_rng(0).random(2000) < share_of_stalls
    assert time_of(2000, 1.0, iter(np.where(waits, 12.0, 0.5))) < 1.25 * 2000


def test_calls_are_shared_again_once_the_machine_is_idle():
    machine = chain(repeat(20.0, 3), repeat(0.5))
    assert time_of(2000, 1.0, machine) < 1.2 * 1000


class Clock:
    """A clock that goes on when it is told to, and two processors."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr("embedlens.arrays.threads.time.perf_counter", lambda: self.now)
        monkeypatch.setattr("embedlens.arrays.threads.processors", lambda: 2)


SHORT, LONG = 1e-4, 1e-2


def threads_of(tasks, seconds, clock):
    """Return which threads took tasks, of which each lasts as long as is said of it."""
    seen = set()

    def work(task):
        clock.now += seconds(task)
        seen.add(threading.get_ident())

    for _ in in_threads(work, tasks):
        pass
    return seen


@pytest.mark.parametrize("seconds", [SHORT, LONG])
def test_tasks_of_any_length_come_back_in_order(monkeypatch, seconds):
    clock = Clock(monkeypatch)

    def work(task):
        clock.now += seconds
        return -task

    assert list(in_threads(work, range(700))) == [-task for task in range(700)]


def test_short_tasks_are_the_callers(monkeypatch):
    """Threads that pass the interpreter's lock to and fro take longer than one."""
    clock = Clock(monkeypatch)
    assert threads_of(range(700), lambda task: SHORT, clock) == {threading.get_ident()}
    assert len(threads_of(range(700), lambda task: LONG, clock)) > 1


def test_short_tasks_before_long_ones_do_not_keep_these_from_threads(monkeypatch):
    """As files that are known do, which are not read again, before new ones."""
    clock = Clock(monkeypatch)
    assert len(threads_of(range(700), lambda task: LONG if task >= 512 else SHORT, clock)) > 1


@pytest.mark.parametrize("seconds", [SHORT, LONG])
def test_the_error_of_a_task_is_the_callers(monkeypatch, seconds):
    clock = Clock(monkeypatch)

    def work(task):
        clock.now += seconds
        if task == 90:
            raise ValueError("no 90")
        return task

    done = in_threads(work, range(200))
    assert [next(done) for _ in range(90)] == list(range(90))
    with pytest.raises(ValueError, match="no 90"):
        next(done)


def test_no_task_gives_nothing():
    assert list(in_threads(abs, [])) == []
