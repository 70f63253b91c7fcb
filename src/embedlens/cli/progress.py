"""Progress on the terminal: pictures a second, and the time left of a step and of a whole run."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Protocol, Self

from embedlens.cli.interruption import check


class WholeRun(Protocol):
    """What knows of all the steps of a run; see ``embedlens.study.TimeLeft``."""

    def share(self) -> float:
        """Return the share of the time that is over."""

    def sentence(self) -> str:
        """Return what is left in words; "" where nothing is known."""


class TerminalProgress:
    """A line a step: drawn and redrawn on a terminal, printed once in a file or a pipe.

    Call it with (step, done, total); it goes to standard error, so that a command's output can
    be piped.

    Parameters
    ----------
    whole : WholeRun, optional
        Told of the steps before this is: then a first bar, or the end of each line, says what is
        left of the whole run.
    """

    def __init__(self, whole: WholeRun | None = None) -> None:
        self._whole = whole
        self._bar: Any = None
        self._task: Any = None
        self._all: Any = None
        self._step = ""
        self._group = ""
        self._first = 0
        self._start = 0.0
        self._total = 0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _bars()
            if self._whole is not None:
                self._all = self._bar.add_task("all steps", total=1.0, rate="", whole=self._whole)
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
            if self._whole is not None:
                self._bar.update(self._all, completed=self._whole.share())

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
        left = self._whole.sentence() if self._whole is not None else ""
        took = f"{seconds:.1f} s; {left}" if left else f"{seconds:.1f} s"
        print(f"{self._step} ({took})", file=sys.stderr, flush=True)


def _bars() -> Any:
    """Return rich's bars, of a step each; one with a field "whole" is of a whole run."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Name(ProgressColumn):
        max_refresh = 0.5  # seconds: what is left of the whole run goes on counting

        def render(self, task: Task) -> Text:
            left = task.fields["whole"].sentence() if "whole" in task.fields else ""
            return Text(f"{task.description}, {left}" if left else f"{task.description:<34}")

    class Count(MofNCompleteColumn):
        def render(self, task: Task) -> Text:
            return Text("") if "whole" in task.fields else super().render(task)

    class Left(TimeRemainingColumn):
        def render(self, task: Task) -> Text:
            return Text("") if "whole" in task.fields else super().render(task)

    return Progress(
        Name(),
        BarColumn(24),
        Count(),
        TextColumn("{task.fields[rate]:>10}"),
        Left(compact=True),
        console=Console(stderr=True),
    )
