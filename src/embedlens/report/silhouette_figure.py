"""Silhouettes of every picture, by class: the knife plot."""

from __future__ import annotations

from collections.abc import Sequence
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
_HEAD, _FOOT = 0.1, 0.45
_STEPS = 60  # a knife is drawn by so many points, however many pictures it has


def draw_silhouettes(
    values: NDArray[np.floating],
    labels: NDArray[np.str_],
    classes: Sequence[str],
    shown: Sequence[str],
    low: float,
) -> Figure:
    """Return a band a class: its pictures' silhouettes, sorted, as a filled shape.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Silhouettes in one space.
    labels : ndarray of shape (n,)
        The class of each picture.
    classes : sequence of str
        All classes, sorted; the place in it decides a class's colour.
    shown : sequence of str
        The classes to draw, from the top down.
    low : float
        The left end of the scale, one for all figures that are compared.
    """
    height = _HEAD + _FOOT + _BAND * len(shown)
    figure = new_figure(_WIDTH, height)
    names = [printable(name, 16) for name in shown]
    left = 0.15 + 0.075 * max(map(len, names))
    axes = figure.add_axes(
        (left / _WIDTH, _FOOT / height, 1 - (left + 0.15) / _WIDTH, 1 - (_HEAD + _FOOT) / height)
    )
    for band, name in enumerate(shown):
        own = np.sort(values[labels == name])
        _draw_knife(axes, own, len(shown) - 1 - band, look(classes.index(name)).colour)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.axvline(float(values.mean()), color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(shown)), names[::-1], size=9, color=INK, parse_math=False)
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlim(low, 1.02)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.tick_params(axis="x", labelsize=8, labelcolor=MUTED)
    axes.set_xlabel("silhouette", size=8, color=MUTED)
    return figure


def worst_classes(
    values: NDArray[np.floating], labels: NDArray[np.str_], classes: Sequence[str]
) -> list[str]:
    """Return the classes from the highest mean silhouette to the lowest; the lowest 40 of more."""
    means = {name: float(values[labels == name].mean()) for name in classes}
    return sorted(means, key=lambda name: -means[name])[-MAX_CLASSES:]


def _draw_knife(axes: Axes, own: NDArray[np.floating], band: int, colour: str) -> None:
    """Draw a class's silhouettes from the lowest, below, to the highest in a band of height 0.8."""
    places = np.linspace(0, len(own) - 1, min(_STEPS, max(2, len(own))))
    lengths = np.interp(places, np.arange(len(own)), own)
    heights = band - 0.4 + 0.8 * np.linspace(0, 1, len(lengths))
    axes.fill_betweenx(heights, 0, lengths, color=colour, alpha=0.85, linewidth=0)
