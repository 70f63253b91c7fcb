"""Accuracy by the number of labels, or mean average precision: its table and its figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from embedlens.metrics.learning_curve import LearningCurve
from embedlens.report.figure import ACCENT, FAINT, INK, MUTED, new_figure
from embedlens.report.map_figure import printable
from embedlens.report.names import backbone_labels
from embedlens.report.table import Table
from embedlens.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_LINES = 8  # more cannot be told apart
_TWICE = "twice as many"


@dataclass(frozen=True)
class _Growing:
    """What grows with labels, and how it is told.

    Attributes
    ----------
    name, format : str
        Of the table's column.
    unit : float
        What the figure's axis counts.
    axis, below : str
        What stands beside the axes.
    caption : str
        Of the table.
    """

    name: str
    format: str
    unit: float
    axis: str
    below: str
    caption: str


_ACCURACY = _Growing(
    "accuracy", ".1%", 0.01, "held-out pictures classified rightly, %", "labels to learn from",
    "Share of test pictures that a linear probe gets right when it learns from so many labels, "
    "the classes in their shares, and the 95% interval of it, of pictures and of draws. With "
    "all labels it is the probe of the study. Twice as many: expected by the power law "
    "accuracy = ceiling - scale x labels^-exponent, fitted to the measured points.",
)  # fmt: skip
_PRECISION = _Growing(
    "mean average precision", ".3f", 1.0, "mean average precision of held-out pictures",
    "pictures to learn from",
    "Mean average precision on test pictures of linear probes, one a label, that learn from so "
    "many pictures, and the 95% interval of it, of pictures and of draws. With all pictures they "
    "are the probes of the study. Twice as many: expected by the power law precision = ceiling - "
    "scale x pictures^-exponent, fitted to the measured points.",
)  # fmt: skip


def _growing(results: Results) -> _Growing:
    return _ACCURACY if results.label_sets is None else _PRECISION


def label_curves_table(results: Results, curves: Mapping[str, LearningCurve]) -> Table:
    """Accuracy of each backbone with each number of labels, and what is expected of twice all.

    Of several labels a picture mean average precision, with each number of pictures.
    """
    names, rows, of = backbone_labels(results), [], _growing(results)
    counted = of.below.split()[0]
    for name, curve in curves.items():
        for labels, each in zip(curve.labels.tolist(), curve.intervals, strict=True):
            rows.append((names[name], labels, "measured", each.estimate, each.low, each.high))
        if curve.law is not None:
            labels = 2 * int(curve.labels[-1])
            each = curve.expect(labels)
            rows.append((names[name], labels, _TWICE, each.estimate, each.low, each.high))
    columns = ["backbone", counted, "what", of.name, "95% low", "95% high"]
    return Table(
        "Learning curves", of.caption, pd.DataFrame(rows, columns=columns),
        {counted: ",d", **dict.fromkeys(columns[3:], of.format)},
    )  # fmt: skip


def draw_label_curves(
    results: Results, curves: Mapping[str, LearningCurve], backbone: str
) -> Figure | None:
    """Return what grows against labels, a line a backbone; None where the given one has no curve.

    The given one has its interval, its law and what is expected of twice the labels.
    """
    if backbone not in curves:
        return None
    names, of = backbone_labels(results), _growing(results)
    figure = new_figure(5.2, 3.2)
    axes = figure.add_axes((0.1, 0.15, 0.87, 0.81))
    others = [pair for pair in curves.items() if pair[0] != backbone]
    shown = [(backbone, curves[backbone]), *others][:_MOST_LINES]
    for number, (name, curve) in reversed(list(enumerate(shown))):
        colour = ACCENT if number == 0 else MUTED
        shade = 1.0 if number == 0 else 0.9 - 0.08 * number
        axes.plot(
            curve.labels, curve.accuracy / of.unit, color=colour, alpha=shade,
            label=printable(names[name]),
            marker="osD^vP"[number % 6], markersize=4, linewidth=1.6 if number == 0 else 1.0,
        )  # fmt: skip
    first = shown[0][1]
    for labels, each in zip(first.labels, first.intervals, strict=True):
        ends = [each.low / of.unit, each.high / of.unit]
        axes.plot([labels, labels], ends, color=ACCENT, linewidth=1)
    if first.law is not None:
        last = int(first.labels[-1])
        reach = np.linspace(last, 2 * last, 20)
        gain = first.law.at(reach) - first.law.at(last) + first.accuracy[-1]
        axes.plot(reach, gain / of.unit, ":", color=ACCENT, linewidth=1.4)
        then = first.expect(2 * last)
        ends = [then.low / of.unit, then.high / of.unit]
        axes.plot([2 * last] * 2, ends, color=ACCENT, linewidth=5,
                  alpha=0.35, solid_capstyle="butt")  # fmt: skip
    twice = [2 * int(first.labels[-1])] if first.law else []
    _finish(axes, [*first.labels.tolist(), *twice], of)
    handles, texts = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], texts[::-1], frameon=False, fontsize=8, labelcolor=INK,
                loc="lower right")  # fmt: skip
    return figure


def _finish(axes, ticks: list[int], of: _Growing) -> None:  # type: ignore[no-untyped-def]
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(of.below, size=8, color=MUTED)
    axes.set_ylabel(of.axis, size=8, color=MUTED)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.set_axisbelow(True)
