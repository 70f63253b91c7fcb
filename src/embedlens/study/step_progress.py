"""How the steps of a study are told as they go."""

from __future__ import annotations

import sys
from collections.abc import Callable

StepProgress = Callable[[str, int, int], None]
"""Takes the name of the step, what is done of it, and what there is (0 where that is unknown)."""


def told() -> StepProgress:
    """Return what tells each step on standard error as it begins: a line a step.

    A run takes minutes, and one that says nothing seems to hang.
    """
    last = ""

    def tell(step: str, done: int, total: int) -> None:
        nonlocal last
        if step != last:
            print(step, file=sys.stderr, flush=True)
        last = step

    return tell


def counted(name: str, total: int, progress: StepProgress) -> Callable[[str], None]:
    """Return a callback that tells each of so many steps as it begins."""
    begun = -1

    def step(label: str) -> None:
        nonlocal begun
        begun += 1
        progress(f"{name}: {label}", begun, total)

    return step
