"""What stands for an object of which a test's subject asks a few things alone."""

from __future__ import annotations

from types import SimpleNamespace


class Stand(SimpleNamespace):
    """One that may be remembered, as results are, which are never changed."""

    __hash__ = object.__hash__  # type: ignore[assignment]
