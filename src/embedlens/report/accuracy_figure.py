"""Accuracy of each backbone with its interval, and against the speed of embedding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedlens.report.figure import ACCENT, FAINT, INK, MUTED, new_figure
from embedlens.report.map_figure import printable
from embedlens.results import LabelStanding, Standing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[float, float, float, float]
"""Left, lower, right, upper, in points."""

_WIDTH = 4.0  # inches
_LETTER = 5.5  # points: a letter of a name, a little more than most are wide


def draw_accuracy(standings: Sequence[Standing]) -> Figure:
    """Return a row a backbone, best first: share of held-out pictures right, and its interval.

    Parameters
    ----------
    standings : sequence of Standing
        Of a verdict, best first. Those that cannot be told apart from the best have its colour;
        random weights have a hollow point and say so.
    """
    rows = [
        Row(
            *_looks(each), 100 * each.accuracy, 100 * each.low, 100 * each.high,
            f"{each.accuracy:.1%}  [{100 * each.low:.1f}, {100 * each.high:.1f}]",
        )
        for each in standings
    ]  # fmt: skip
    return draw_rows(rows, "held-out pictures classified rightly, %")


def draw_precision(standings: Sequence[LabelStanding]) -> Figure:
    """Return a row a backbone, best first: mean average precision and its interval."""
    rows = [
        Row(
            *_looks(each), each.mean_average_precision, each.low, each.high,
            f"{each.mean_average_precision:.3f}  [{each.low:.3f}, {each.high:.3f}]",
        )
        for each in standings
    ]  # fmt: skip
    return draw_rows(rows, "mean average precision on held-out pictures")


@dataclass(frozen=True)
class Row:
    """A figure and its interval.

    Attributes
    ----------
    name, colour : str
        On the left, and of all of it.
    hollow : bool
        Whether its point is.
    value, low, high : float
        In the units of the axis.
    told : str
        On the right.
    """

    name: str
    colour: str
    hollow: bool
    value: float
    low: float
    high: float
    told: str


def draw_rows(rows: Sequence[Row], axis: str) -> Figure:
    """Return figures with their intervals, one below the other."""
    figure = new_figure(_WIDTH, 0.6 + 0.42 * len(rows))
    axes = figure.add_axes(_frame(figure, left=0.15))
    for row, each in enumerate(rows):
        axes.plot([each.low, each.high], [row, row], color=each.colour, linewidth=1.8)
        axes.plot(
            each.value, row, "o", color=each.colour, markersize=6, zorder=3,
            markerfacecolor="none" if each.hollow else each.colour,
        )  # fmt: skip
        for place, side, text in ((0, "left", each.name), (1, "right", each.told)):
            axes.annotate(
                text, (place, row), (0, 7), xycoords=("axes fraction", "data"), ha=side,
                textcoords="offset points", size=9, color=INK, parse_math=False,
            )  # fmt: skip
    axes.set_yticks([])
    axes.set_ylim(len(rows) - 0.6, -0.8)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_xlabel(axis, size=8, color=MUTED)
    _tidy(axes)
    return figure


def draw_speed(standings: Sequence[Standing]) -> Figure | None:
    """Return accuracy against pictures embedded a second; None where fewer than two were timed."""
    timed = [each for each in standings if each.pictures_per_second > 0]
    if len(timed) < 2:
        return None
    figure = new_figure(_WIDTH, 2.4)
    axes = figure.add_axes(_frame(figure, left=0.5))
    for each in timed:
        axes.errorbar(
            each.pictures_per_second, 100 * each.accuracy,
            yerr=[[100 * (each.accuracy - each.low)], [100 * (each.high - each.accuracy)]],
            color=_colour(each), elinewidth=1.2, fmt="none",
        )  # fmt: skip
        _point(axes, each.pictures_per_second, 100 * each.accuracy, each)
    speeds = [each.pictures_per_second for each in timed]
    axes.set_xscale("log")
    axes.set_xlim(min(speeds) / 2.5, max(speeds) * 3.5)
    axes.margins(y=0.2)
    ticks = _round_speeds(*axes.get_xlim())
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(color=FAINT, linewidth=0.6)
    axes.set_xlabel("pictures embedded a second", size=8, color=MUTED)
    axes.set_ylabel("held-out pictures classified rightly, %", size=8, color=MUTED)
    _tidy(axes)
    _name_points(axes, timed)
    return figure


def _name_points(axes: Axes, timed: Sequence[Standing]) -> None:
    """Write each name where it covers no other point, interval or name; leave out what cannot."""
    spots = [
        [
            _in_points(axes, each.pictures_per_second, 100 * value)
            for value in (each.low, each.accuracy, each.high)
        ]
        for each in timed
    ]
    bars = [(low[0] - 4, low[1], low[0] + 4, high[1]) for low, _, high in spots]
    names: list[Box] = []
    for i, (each, (low, middle, high)) in enumerate(zip(timed, spots, strict=True)):
        width, height = _LETTER * len(_name(each)), 9.0
        taken = [*bars[:i], *bars[i + 1 :], *names]
        for x, y in (
            (middle[0] + 7 + width / 2, middle[1]),
            (middle[0] - 7 - width / 2, middle[1]),
            (high[0], high[1] + 3 + height / 2),
            (low[0], low[1] - 3 - height / 2),
        ):
            box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
            if _inside(box, axes) and not any(_overlap(box, other) for other in taken):
                axes.annotate(
                    _name(each), (x, y), xycoords="figure points", ha="center", va="center",
                    size=9, color=INK, parse_math=False,
                )  # fmt: skip
                names.append(box)
                break


def _in_points(axes: Axes, x: float, y: float) -> tuple[float, float]:
    figure = axes.get_figure(root=True)
    assert figure is not None
    across, up = axes.transData.transform((x, y)) * 72 / figure.dpi
    return float(across), float(up)


def _inside(box: Box, axes: Axes) -> bool:
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    corners = (*_in_points(axes, left, low), *_in_points(axes, right, high))
    return all(a >= b for a, b in zip(box[:2], corners[:2], strict=True)) and all(
        a <= b for a, b in zip(box[2:], corners[2:], strict=True)
    )


def _overlap(one: Box, two: Box) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]


def _round_speeds(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, ... between two speeds; only powers of ten where those are many."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [step * 10.0**power for power in powers for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def _point(axes: Axes, x: float, y: float, each: Standing) -> None:
    colour = _colour(each)
    face = colour if each.pretrained else "none"
    axes.plot(x, y, "o", color=colour, markerfacecolor=face, markersize=6, zorder=3)


def _looks(each: Standing | LabelStanding) -> tuple[str, str, bool]:
    """Return name and colour of a backbone, and whether its point is hollow."""
    return _name(each), _colour(each), not each.pretrained


def _colour(each: Standing | LabelStanding) -> str:
    return ACCENT if each.pretrained and each.ties_with_best else MUTED


def _name(each: Standing | LabelStanding) -> str:
    return printable(each.backbone) + ("" if each.pretrained else " (random weights)")


def _frame(figure: Figure, left: float) -> tuple[float, float, float, float]:
    """Return the place of the axes; inches are kept for what stands below and to the left."""
    width, height = figure.get_size_inches()
    return left / width, 0.45 / height, 1 - (left + 0.15) / width, 1 - 0.55 / height


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.set_axisbelow(True)
