"""A map in three dimensions, seen from the direction that sets its classes apart best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlens.report.figure import FAINT, INK, MUTED, new_figure
from embedlens.report.palette import DISTINCT, look
from embedlens.report.viewpoint import Viewpoint
from embedlens.results.vocabulary import MAPS, space_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

_AXIS_NAMES = {"pca": "PC", "tsne": "t-SNE ", "silhouette_projection": "axis "}

# More names than this hide the points; the legend has them all.
_NAMED_CLASSES = 12
_SIZE = 4.2  # inches


def draw_one(
    name: str,
    points: NDArray[np.floating],
    labels: NDArray[np.str_],
    classes: Sequence[str],
    viewpoint: Viewpoint,
    learned: NDArray[np.bool_] | None = None,
) -> Figure:
    """Return the figure of one map, without a legend.

    Parameters
    ----------
    name : str
        "pca", "tsne", ...
    points : ndarray of shape (n, 3)
        The map.
    labels : ndarray of shape (n,)
        The class of each point.
    classes : sequence of str
        All classes; the place in it decides a class's look.
    viewpoint : Viewpoint
        From where it is seen.
    learned : ndarray of shape (n,), bool, optional
        Of a map that learned from labels: whose. The others are outlined, these are paler.
    """
    figure = new_figure(_SIZE, 0.9 * _SIZE)
    _draw(figure.add_axes((0, 0, 1, 1)), name, points, labels, classes, viewpoint, learned)
    return figure


def draw_side_by_side(
    title: str,
    maps: Mapping[str, NDArray[np.floating]],
    labels: NDArray[np.str_],
    classes: Sequence[str],
    viewpoints: Mapping[str, Viewpoint],
    learned: NDArray[np.bool_] | None = None,
) -> Figure:
    """Return one figure with all maps of a backbone, to stand on its own.

    It has a legend where every class has a look of its own. ``learned`` is as in `draw_one`, for
    the maps that learned.
    """
    from matplotlib.patheffects import withStroke

    columns = -(-len(classes) // -(-len(classes) // 6))  # rows of at most six, evenly filled
    distinct = len(classes) <= DISTINCT
    legend = 0.25 * -(-len(classes) // columns) + 0.2 if distinct else 0.0
    head = 0.6
    width, height = _SIZE * len(maps), 0.9 * _SIZE + legend + head
    figure = new_figure(width, height)
    figure.text(0.5, 1 - 0.2 / height, title, ha="center", va="center", size=12, color=INK,
                weight="bold", parse_math=False)  # fmt: skip
    for i, (name, points) in enumerate(maps.items()):
        left, part = i / len(maps), 1 / len(maps)
        axes = figure.add_axes((left, legend / height, part, 0.9 * _SIZE / height))
        told = learned if space_of(name).learned else None
        texts = _draw(axes, name, points, labels, classes, viewpoints[name], told)
        for text in texts:
            text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
        subtitle = MAPS.title(name)
        if told is not None:
            subtitle += " (learned; outlined: held out)"
        figure.text(left + part / 2, 1 - 0.48 / height, subtitle, ha="center",
                    va="center", size=10, color=MUTED, parse_math=False)  # fmt: skip
    if distinct:
        _legend(figure, classes, columns)
    return figure


def printable(name: str, limit: int = 28) -> str:
    """Return a class name as a figure can show it: one line, not long, every letter visible."""
    line = "".join(letter if letter.isprintable() else " " for letter in name)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _draw(
    axes: Axes,
    name: str,
    points: NDArray[np.floating],
    labels: NDArray[np.str_],
    classes: Sequence[str],
    viewpoint: Viewpoint,
    learned: NDArray[np.bool_] | None,
) -> list[Text]:
    """Draw a map; return the names of classes within it."""
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    seen = viewpoint.project(points - centre)
    corners = np.stack([points.min(axis=0), points.max(axis=0)]) - centre
    _draw_box(axes, corners, viewpoint, _AXIS_NAMES.get(name, f"{name} "))
    codes = np.searchsorted(np.array(classes), labels)
    _draw_points(axes, seen, codes, learned)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.margins(x=0.18, y=0.05)
    axes.autoscale_view()
    if len(classes) > _NAMED_CLASSES:
        return []
    # A learned class may be hardly larger than a point: its name stands above it.
    return _draw_names(axes, seen, codes, classes, lines_above=0 if learned is None else 1)


def _draw_points(
    axes: Axes,
    seen: NDArray[np.float64],
    codes: NDArray[np.int64],
    learned: NDArray[np.bool_] | None,
) -> None:
    """Draw the points from the farthest to the nearest, as one picture however many there are."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_rgb
    from matplotlib.markers import MarkerStyle
    from matplotlib.transforms import IdentityTransform

    order = np.argsort(seen[:, 2], kind="stable")
    seen, codes = seen[order], codes[order]
    held_out = np.zeros(len(order), bool) if learned is None else ~learned[order]
    deep = np.ptp(seen[:, 2]) or 1.0
    near = (seen[:, 2] - seen[:, 2].min()) / deep
    styles = [look(code) for code in range(codes.max() + 1)]
    colours = np.array([to_rgb(style.colour) for style in styles])
    markers = [MarkerStyle(style.marker) for style in styles]
    shapes = [marker.get_path().transformed(marker.get_transform()) for marker in markers]
    area = float(np.clip(13_000 / len(seen), 0.6, 26.0))
    opaque = 0.5 + 0.45 * near
    if learned is not None:
        opaque = np.where(held_out, 0.95, 0.45 * opaque)
    points = PathCollection(
        [shapes[code] for code in codes],
        sizes=area * (0.7 + 0.5 * near),
        facecolors=np.column_stack([colours[codes], opaque]),
        edgecolors=INK,
        linewidths=np.where(held_out, 0.6, 0.0),
        offsets=seen[:, :2],
        offset_transform=axes.transData,
        transform=IdentityTransform(),
        rasterized=True,
        zorder=1,
    )
    axes.add_collection(points, autolim=False)


def _draw_box(
    axes: Axes, corners: NDArray[np.float64], viewpoint: Viewpoint, axis_name: str
) -> None:
    """Draw the three far walls of the box around the points, and name its axes."""
    towards = viewpoint.project(np.eye(3))[:, 2]
    far = np.where(towards > 0, 0, 1)  # for each axis, which end is the farther one
    for axis in range(3):
        one, two = (other for other in range(3) if other != axis)
        wall = np.empty((4, 3))
        wall[:, axis] = corners[far[axis], axis]
        wall[:, one] = corners[[0, 1, 1, 0], one]
        wall[:, two] = corners[[0, 0, 1, 1], two]
        x, y, _ = viewpoint.project(wall).T
        axes.fill(x, y, color=MUTED, alpha=0.04, linewidth=0, zorder=0.4)
        axes.plot(
            [*x, x[0]], [*y, y[0]], color=FAINT, linewidth=0.8, solid_joinstyle="round", zorder=0.5
        )
        _name_axis(axes, axis, corners, far, viewpoint, f"{axis_name}{axis + 1}")


def _name_axis(
    axes: Axes,
    axis: int,
    corners: NDArray[np.float64],
    far: NDArray[np.int64],
    viewpoint: Viewpoint,
    name: str,
) -> None:
    """Write an axis's name beside the middle of one of its two edges on the outline."""
    one, two = (other for other in range(3) if other != axis)
    middles = np.zeros((2, 3))
    middles[:, one] = corners[[far[one], 1 - far[one]], one]
    middles[:, two] = corners[[1 - far[two], far[two]], two]
    # The lower edge; of the upright axis, the one to the left.
    spots = viewpoint.project(middles)[:, :2]
    x, y = min(spots, key=lambda spot: spot[0 if axis == 2 else 1])
    out = np.array([x, y]) / (np.hypot(x, y) or 1.0)
    axes.annotate(
        name, (x, y), (5 * out[0], 5 * out[1]), textcoords="offset points", size=8,
        color=MUTED, parse_math=False,
        ha=("right", "center", "left")[round(float(out[0])) + 1],
        va=("top", "center", "bottom")[round(float(out[1])) + 1],
    )  # fmt: skip


def _draw_names(
    axes: Axes,
    seen: NDArray[np.float64],
    codes: NDArray[np.int64],
    classes: Sequence[str],
    lines_above: int,
) -> list[Text]:
    """Write each class's name over or above the middle of its points, apart from the others."""
    present = np.unique(codes)
    names = [printable(classes[code]) for code in present]
    spots = np.array([np.median(seen[codes == code, :2], axis=0) for code in present])
    low, high = axes.get_ylim()
    line = 0.05 * (high - low)
    spots[:, 1] += lines_above * line
    _push_apart(spots, names, line)
    return [
        axes.text(x, y, name, ha="center", va="center", size=9, color=INK, weight="bold",
                  parse_math=False, zorder=5)
        for name, (x, y) in zip(names, spots, strict=True)
    ]  # fmt: skip


def _push_apart(spots: NDArray[np.float64], names: Sequence[str], line: float) -> None:
    """Move names up and down, in place, until none covers another or twenty rounds are over."""
    for _ in range(20):
        for i, j in combinations(range(len(spots)), 2):
            reach = 0.28 * line * (len(names[i]) + len(names[j]))
            gap = spots[i] - spots[j]
            if abs(gap[0]) < reach and abs(gap[1]) < line:
                push = (line - abs(gap[1])) / 2 * (1 if gap[1] >= 0 else -1)
                spots[i, 1] += push
                spots[j, 1] -= push


def _legend(figure: Figure, classes: Sequence[str], columns: int) -> None:
    from matplotlib.lines import Line2D

    looks = [look(i) for i in range(len(classes))]
    handles = [
        Line2D([], [], linestyle="", marker=each.marker, color=each.colour, markersize=6,
               markeredgewidth=0)
        for each in looks
    ]  # fmt: skip
    # Names are set afterwards: a legend leaves out those that begin with an underscore.
    legend = figure.legend(
        handles, [str(i) for i in range(len(classes))], loc="lower center", ncols=columns,
        frameon=False, fontsize=9, handletextpad=0.2, columnspacing=1.2, labelcolor=INK,
    )  # fmt: skip
    for text, name in zip(legend.get_texts(), classes, strict=True):
        text.set_parse_math(False)
        text.set_text(printable(name))
