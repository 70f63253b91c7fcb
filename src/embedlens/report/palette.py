"""Colours and marker shapes of classes, told apart without colour vision where there are few."""

from __future__ import annotations

from dataclasses import dataclass

# Okabe & Ito, "Color Universal Design" (2008), without black, which is lost on a dark page. The
# last five are those between L* 40 and 76 that keep the largest least distance in CIELAB to all
# before them, for normal sight, protanopia and deuteranopia (Machado et al. 2009).
COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442",
    "#5531ff", "#b62431", "#79ce79", "#5579ff", "#f39eaa",
)  # fmt: skip

# matplotlib's names, each with the same shape as an SVG path in a box from -1 to 1.
MARKERS = {
    "o": "M-.8 0a.8.8 0 1 0 1.6 0a.8.8 0 1 0-1.6 0z",
    "s": "M-.75-.75h1.5v1.5h-1.5z",
    "^": "M0-.9L.9.8H-.9z",
    "D": "M0-1L1 0L0 1L-1 0z",
    "v": "M0 .9L.9-.8H-.9z",
    "P": "M-.3-.9h.6v.6h.6v.6h-.6v.6h-.6v-.6h-.6v-.6h.6z",
    "X": "M-.9-.5L-.5-.9L0-.4L.5-.9L.9-.5L.4 0L.9 .5L.5 .9L0 .4L-.5 .9L-.9 .5L-.4 0z",
    "*": "M0-1L.25-.33L.95-.31L.4 .13L.59 .81L0 .42L-.59 .81L-.4 .13L-.95-.31L-.25-.33z",
}

_PER_SHAPE = 8
DISTINCT = _PER_SHAPE * len(MARKERS)
"""So many classes look different from each other; after that, looks repeat."""


@dataclass(frozen=True)
class Look:
    """How the points of a class are drawn: a colour, and matplotlib's name of a marker."""

    colour: str
    marker: str

    @property
    def path(self) -> str:
        """The marker as an SVG path in a box from -1 to 1."""
        return MARKERS[self.marker]


def look(i: int) -> Look:
    """Return the look of the i-th class.

    Eight classes share a shape and differ in colour; the next eight have the next shape. The
    colours run on in a cycle of twelve, so that neighbouring classes rarely share one.

    Examples
    --------
    >>> look(0), look(8)
    (Look(colour='#0072b2', marker='o'), Look(colour='#b62431', marker='s'))
    >>> len({look(i) for i in range(DISTINCT)}) == DISTINCT
    True
    """
    shapes = tuple(MARKERS)
    return Look(COLOURS[i % len(COLOURS)], shapes[i // _PER_SHAPE % len(shapes)])
