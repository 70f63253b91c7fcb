"""Several image sets read as one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from embedlens.images.problem import Problem
from embedlens.images.source import Source


class RootsSource:
    """Pictures of several sources; a name is the root's, "/", and the name there.

    Parameters
    ----------
    sources : mapping of str to Source
        By the name of the root.
    """

    def __init__(self, sources: Mapping[str, Source]) -> None:
        self.sources = dict(sources)
        self.problems: tuple[Problem, ...] = ()

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(
            f"{root}/{name}" for root, own in self.sources.items() for name in own.names()
        )

    def read(self, name: str) -> bytes:
        """Bytes of the file; as the root's own source."""
        root, _, own = name.partition("/")
        return self.sources[root].read(own)

    def stamp(self, name: str) -> tuple[int, int]:
        """As the root's own source."""
        root, _, own = name.partition("/")
        return self.sources[root].stamp(own)

    def file(self, name: str) -> Path | None:
        """As the root's own source."""
        root, _, own = name.partition("/")
        return self.sources[root].file(own)
