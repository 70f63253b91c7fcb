"""Progress on the terminal: pictures a second and time left."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Self

from embedlens.cli.interruption import check


class TerminalProgress:
    """A line a step: drawn and redrawn on a terminal, printed once in a file or a pipe.

    Call it with (step, done, total); it goes to standard error, so that a command's output can
    be piped.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._step = ""
        self._group = ""
        self._first = 0
        self._start = 0.0
        self._total = 0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )  # fmt: skip

            self._bar = Progress(
                TextColumn("{task.description:<34}"),
                BarColumn(24),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]:>10}"),
                TimeRemainingColumn(compact=True),
                console=Console(stderr=True),
            )
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            if kind is None:
                self._finish_bar()
            self._bar.stop()
        elif self._step and kind is None:
            self._print_end()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` of a step are done; end here if that was asked for."""
        check()
        if step != self._step:
            self._begin(step, done, total)
        if self._bar is not None:
            seconds = time.monotonic() - self._start
            rate = (done - self._first) / seconds if seconds > 0.5 and total > 50 else 0.0
            self._bar.update(
                self._task,
                completed=done,
                total=total or None,
                rate=f"{rate:.0f}/s" if rate else "",
                description=step,
            )

    def _begin(self, step: str, done: int, total: int) -> None:
        group = step.partition(":")[0]
        if self._bar is None:
            if self._step:
                self._print_end()
        elif self._task is None or group != self._group or total != self._total:
            self._finish_bar()
            self._task = self._bar.add_task(step, total=total or None, rate="")
        self._step, self._group, self._total = step, group, total
        # Rows that an earlier run left say nothing about the speed of this one.
        self._first, self._start = max(0, done - 1), time.monotonic()

    def _finish_bar(self) -> None:
        """Fill the bar of the step that ends: its last part began, and nothing tells its end."""
        if self._task is not None and self._total:
            self._bar.update(self._task, completed=self._total)

    def _print_end(self) -> None:
        seconds = time.monotonic() - self._start
        print(f"{self._step} ({seconds:.1f} s)", file=sys.stderr, flush=True)
