"""Ctrl-C and SIGTERM: they end a command at once, or else at its next step.

Python ignores an exception that a signal raises inside a callback of its own, as in the middle of
an import, and would go on as if nothing had been said. So it is remembered.
"""

from __future__ import annotations

import signal
from types import FrameType


class Terminated(BaseException):
    """SIGTERM, which ends a run as Ctrl-C does: what is open is closed, what is written stays."""


_EXCEPTIONS: dict[int, type[BaseException]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
}
_received: list[int] = []


def listen() -> None:
    """Take both signals from now on."""
    for number in _EXCEPTIONS:
        signal.signal(number, _receive)


def check() -> None:
    """Raise what a signal has raised before and was ignored."""
    if _received:
        raise _EXCEPTIONS[_received[-1]]


def _receive(number: int, frame: FrameType | None) -> None:
    _received.append(number)
    raise _EXCEPTIONS[number]
