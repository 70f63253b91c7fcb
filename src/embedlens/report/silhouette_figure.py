"""Silhouettes of every picture, by class: the knife plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlens.report.figure import FAINT, INK, MUTED, new_figure
from embedlens.report.map_figure import printable
from embedlens.report.palette import look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_CLASSES = 40

_WIDTH = 4.0  # inches
_BAND = 0.26  # inches, of a class
_FOOT = 0.45
_STEPS = 60  # a knife is drawn by so many points, however many pictures it has


def draw_silhouettes(
    spaces: Mapping[str, NDArray[np.floating]],
    labels: NDArray[np.str_],
    classes: Sequence[str],
    shown: Sequence[str],
    low: float,
) -> Figure:
    """Return a panel a space, with a band a class: its pictures' silhouettes, sorted and filled.

    Parameters
    ----------
    spaces : mapping of str to ndarray of shape (n,)
        Silhouettes by the name of the space. A single panel has no name above it.
    labels : ndarray of shape (n,)
        The class of each picture.
    classes : sequence of str
        All classes, sorted; the place in it decides a class's colour.
    shown : sequence of str
        The classes to draw, from the top down.
    low : float
        The left end of the scale, one for all figures that are compared.
    """
    head = 0.4 if len(spaces) > 1 else 0.1
    height = head + _FOOT + _BAND * len(shown)
    width = _WIDTH * len(spaces)
    figure = new_figure(width, height)
    left = 0.15 + 0.075 * max(len(printable(name, 16)) for name in shown)
    for i, (name, values) in enumerate(spaces.items()):
        place = ((i * _WIDTH + left) / width, _FOOT / height)
        size = ((_WIDTH - left - 0.15) / width, 1 - (head + _FOOT) / height)
        axes = figure.add_axes((*place, *size))
        _draw_panel(axes, values, labels, classes, shown)
        axes.set_xlim(low, 1.02)
        if len(spaces) > 1:
            axes.set_title(name, size=10, color=MUTED, parse_math=False)
    return figure


def _draw_panel(
    axes: Axes,
    values: NDArray[np.floating],
    labels: NDArray[np.str_],
    classes: Sequence[str],
    shown: Sequence[str],
) -> None:
    for band, name in enumerate(reversed(shown)):
        own = np.sort(values[labels == name])
        _draw_knife(axes, own, band, look(classes.index(name)).colour)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.axvline(float(values.mean()), color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    names = [printable(name, 16) for name in reversed(shown)]
    axes.set_yticks(range(len(names)), names, size=9, color=INK, parse_math=False)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.tick_params(axis="x", labelsize=8, labelcolor=MUTED)
    axes.set_xlabel("silhouette", size=8, color=MUTED)


def worst_classes(values: NDArray[np.floating], labels: NDArray[np.str_]) -> list[str]:
    """Return the classes from the highest mean silhouette to the lowest; the lowest 40 of more."""
    names, codes = np.unique(labels, return_inverse=True)
    means = np.bincount(codes, values) / np.bincount(codes)
    return [str(name) for name in names[np.argsort(-means, kind="stable")][-MAX_CLASSES:]]


def _draw_knife(axes: Axes, own: NDArray[np.floating], band: int, colour: str) -> None:
    """Draw a class's silhouettes from the lowest, below, to the highest in a band of height 0.8."""
    places = np.linspace(0, len(own) - 1, min(_STEPS, max(2, len(own))))
    lengths = np.interp(places, np.arange(len(own)), own)
    heights = band - 0.4 + 0.8 * np.linspace(0, 1, len(lengths))
    axes.fill_betweenx(heights, 0, lengths, color=colour, alpha=0.85, linewidth=0)
