"""How the steps of a study are told as they go."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from embedlens.study.time_left import TimeLeft

_AGAIN = 10.0  # seconds

StepProgress = Callable[[str, int, int], None]
"""Takes the name of the step, what is done of it, and what there is (0 where that is unknown)."""


def told(left: TimeLeft) -> StepProgress:
    """Return what tells each step on standard error as it begins, and about how long is left.

    A run takes minutes, and one that says nothing seems to hang: a step that counts what is done
    is told again every ten seconds.
    """
    last, when = "", 0.0

    def tell(step: str, done: int, total: int) -> None:
        nonlocal last, when
        now = time.monotonic()
        if step == last and (done == total or now - when < _AGAIN):
            return
        counts = f", {done:,} of {total:,}" if step == last else ""
        rest = f" ({sentence})" if (sentence := left.sentence()) else ""
        print(f"{step}{counts}{rest}", file=sys.stderr, flush=True)
        last, when = step, now

    return tell


def counted(name: str, total: int, progress: StepProgress) -> Callable[[str], None]:
    """Return a callback that tells each of so many steps as it begins."""
    begun = -1

    def step(label: str) -> None:
        nonlocal begun
        begun += 1
        progress(f"{name}: {label}", begun, total)

    return step
