"""About how long a study still takes: guesses at first, what was measured as its steps end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class PlannedStep:
    """A step that a study will come to, unless it was done before.

    Attributes
    ----------
    name : str
        As it is told when it begins. What is told as this, a comma and more is a part of it.
    kind : str
        The seconds of steps of one kind are in proportion to their guesses.
    guess : float or None
        Seconds. None where nothing is known before a step of its kind has ended.
    """

    name: str
    kind: str
    guess: float | None


class TimeLeft:
    """What a study still has to do, and about how long that takes.

    It is told of the steps as they go. A step takes what its kind took, in proportion to the
    guesses, and the guess itself before one of the kind has ended; one that counts rows takes what
    the rows take that are done.

    Parameters
    ----------
    clock : callable, default time.monotonic
        Returns seconds.

    Examples
    --------
    >>> now = 0.0
    >>> left = TimeLeft(lambda: now)
    >>> left.plan([PlannedStep(name, "heads", 10.0) for name in ("one", "two", "three")])
    >>> left.tell("one", 0, 0)
    >>> left.sentence()
    'about 30 s left'
    >>> now = 40.0
    >>> left.tell("two", 0, 0)
    >>> left.sentence()
    'about 80 s left'
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._planned: list[PlannedStep] = []
        self._next = 0  # of the planned steps, the first that has not begun
        self._measured: dict[str, tuple[float, float]] = {}  # of a kind: seconds, guessed seconds
        self._running: _Running | None = None
        self._begun = 0.0

    def plan(self, steps: Iterable[PlannedStep]) -> None:
        """Say what steps there will be, in their order; some may turn out to be done."""
        self._planned, self._next, self._begun = list(steps), 0, self._clock()

    def tell(self, name: str, done: int, total: int) -> None:
        """Take note of where a study is, as ``StepProgress`` is told of it."""
        now, running = self._clock(), self._running
        if running is None or not _is_of(name, running.told):
            self._end(now)
            step = self._found(name)
            self._running = running = _Running(name if step is None else step.name, step, now, done)
        running.done, running.total, running.at = done, total, now

    def seconds(self) -> float | None:
        """Return what is left, in seconds, of what can be guessed; None before there is a plan."""
        if not self._planned:
            return None
        left = sum(self._expected(step) or 0.0 for step in self._planned[self._next :])
        return left + self._of_running()

    def share(self) -> float:
        """Return the share of the time that is over, from 0 to 1; 0 before there is a plan."""
        left, over = self.seconds(), self._clock() - self._begun
        return 0.0 if left is None or over + left <= 0 else over / (over + left)

    def sentence(self) -> str:
        """Return what is left in words; "" before there is a plan."""
        seconds = self.seconds()
        if seconds is None:
            return ""
        known = all(self._expected(step) is not None for step in self._ahead())
        return f"about {_in_words(seconds)} left" if known else f"{_in_words(seconds)} or more left"

    def _ahead(self) -> list[PlannedStep]:
        running = self._running.step if self._running else None
        return [*([running] if running else []), *self._planned[self._next :]]

    def _found(self, name: str) -> PlannedStep | None:
        """Return the planned step that begins; those before it turned out to be done."""
        for i in range(self._next, len(self._planned)):
            if _is_of(name, self._planned[i].name):
                self._next = i + 1
                return self._planned[i]
        return None

    def _end(self, now: float) -> None:
        running = self._running
        if running is None or running.step is None:
            return
        seconds, guessed = self._measured.get(running.step.kind, (0.0, 0.0))
        guess = 1.0 if running.step.guess is None else running.step.guess
        self._measured[running.step.kind] = (
            seconds + now - running.begun,
            guessed + guess * running.share_done(),
        )

    def _expected(self, step: PlannedStep) -> float | None:
        seconds, guessed = self._measured.get(step.kind, (0.0, 0.0))
        if not guessed:
            return step.guess
        return (1.0 if step.guess is None else step.guess) * seconds / guessed

    def _of_running(self) -> float:
        running = self._running
        if running is None or running.step is None:
            return 0.0
        if running.done > running.first:
            each = (running.at - running.begun) / (running.done - running.first)
            expected, since = (running.total - running.done) * each, running.at
        else:
            expected, since = self._expected(running.step) or 0.0, running.begun
        return max(0.0, expected - (self._clock() - since))


@dataclass
class _Running:
    """A step that goes on; of one that counts rows, how many are done."""

    told: str
    step: PlannedStep | None
    begun: float
    first: int
    done: int = 0
    total: int = 0
    at: float = 0.0

    def share_done(self) -> float:
        """Return what was done here, of all: rows that an earlier run left took no time."""
        return (self.done - self.first) / self.total if self.done > self.first else 1.0


def _is_of(told: str, name: str) -> bool:
    return told == name or told.startswith(f"{name}, ")


def _in_words(seconds: float) -> str:
    """Return seconds as people say them, no finer than a guess is.

    Examples
    --------
    >>> [_in_words(each) for each in (0.2, 87, 170, 4000, 90_000)]
    ['1 s', '87 s', '3 min', '1 h 7 min', '25 h']
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 10 and rest else f"{hours} h"
