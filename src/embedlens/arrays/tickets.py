"""Tickets: how threads inside a kernel share its work out among themselves.

Threads that meet in Python lose more time there than a step of a few hundred points takes. Here
they stay in the kernel. Work comes in rounds of as many shares each; a ticket is for the next share
of all rounds, and who holds one waits until the rounds before are finished. A thread that is not
given a processor holds at most one share up, and the others do the rest.

Counters are changed by atomic instructions, so that what was written before a share was finished is
seen by whoever found it finished.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedlens.arrays.kernel import inlined

_TAKEN, _FINISHED = 0, 8  # 64 bytes apart: they share no cache line
_ALIGNMENT = 8


def new_tickets() -> NDArray[np.int64]:
    """Return counters of which nothing is taken."""
    return np.zeros(16, np.int64)


@inlined()
def take_ticket(tickets: Any) -> Any:
    """Return the number of the next share of all rounds, from 0 on."""
    return _fetch_and_increment(tickets, _TAKEN)


@inlined()
def wait_for_tickets(tickets: Any, before: int) -> None:
    """Return once as many shares are finished."""
    while _acquire(tickets, _FINISHED) < before:
        pass


@inlined()
def finish_ticket(tickets: Any) -> None:
    """Count a share as finished."""
    _fetch_and_increment(tickets, _FINISHED)


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    counters = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(counters.data, [arguments[1]])


@intrinsic  # type: ignore[untyped-decorator]
def _fetch_and_increment(typing: Any, counters: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _place(context, builder, signature, arguments)
        one = context.get_constant(types.int64, 1)
        return builder.atomic_rmw("add", at, one, "acq_rel")

    return types.int64(counters, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _acquire(typing: Any, counters: Any, place: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _place(context, builder, signature, arguments)
        return builder.load_atomic(at, "acquire", _ALIGNMENT)

    return types.int64(counters, types.int64), generate
