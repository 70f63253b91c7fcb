"""Ctrl-C is not lost where Python ignores the exception that it raises."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

SWALLOWED = """
import os, signal, weakref
from embedlens.cli.interruption import Terminated, check, listen
from embedlens.cli.progress import TerminalProgress

class Thing: pass

listen()
thing = Thing()
reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), {number}))
del thing  # the exception is raised in the callback, and ignored
print("went on", flush=True)
try:
    with TerminalProgress() as progress:
        progress("next step", 0, 1)
except {expected}:
    print("ended at the next step")
"""


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "Terminated")]
)
def test_a_signal_that_was_ignored_ends_the_next_step(number, expected):
    code = SWALLOWED.format(number=int(number), expected=expected)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "went on\nended at the next step\n"


def test_without_a_signal_nothing_is_raised():
    from embedlens.cli.interruption import check

    check()
