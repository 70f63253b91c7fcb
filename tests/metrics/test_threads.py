"""Work in order: results, errors, and the BLAS setting."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from embedlens.metrics.threads import in_order


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
