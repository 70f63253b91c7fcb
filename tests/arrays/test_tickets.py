"""Threads that share a kernel's rounds by tickets: each share once, none before its turn."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from embedlens.arrays.kernel import kernel
from embedlens.arrays.tickets import finish_ticket, new_tickets, take_ticket, wait_for_tickets


@kernel()
def add_up(values, done, shares, rounds, tickets):
    """Make each row of ``values`` the running sum, by shares, of all of the row before."""
    while True:
        ticket = take_ticket(tickets)
        turn, share = ticket // shares, ticket % shares
        if turn >= rounds:
            return
        wait_for_tickets(tickets, turn * shares)
        total = 0
        for other in range(shares):
            total += values[turn, other]
        values[turn + 1, share] = total % 1009 + share
        done[turn, share] += 1
        finish_ticket(tickets)


def added_up(shares, rounds, threads):
    values, done = np.ones((rounds + 1, shares), np.int64), np.zeros((rounds, shares), np.int64)
    tickets = new_tickets()
    with ThreadPoolExecutor(threads) as pool:
        for call in [
            pool.submit(add_up, values, done, shares, rounds, tickets) for _ in range(threads)
        ]:
            call.result()
    return values, done


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(("shares", "rounds"), [(1, 1), (1, 40), (3, 7), (8, 3000)])
def test_each_share_is_done_once_after_all_of_the_round_before(shares, rounds, threads):
    values, done = added_up(shares, rounds, threads)
    assert (done == 1).all()
    expected = np.ones(shares, np.int64)
    for row in values[1:]:
        expected = expected.sum() % 1009 + np.arange(shares)
        assert row.tolist() == expected.tolist()


def test_without_rounds_nothing_is_done():
    values, done = added_up(4, 0, 2)
    assert values.tolist() == [[1, 1, 1, 1]]
    assert done.size == 0
