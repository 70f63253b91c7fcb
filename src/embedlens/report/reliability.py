"""How far confidences can be believed: the table and the figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from embedlens.report.figure import ACCENT, FAINT, INK, MUTED, new_figure
from embedlens.report.names import backbone_labels
from embedlens.report.table import Table
from embedlens.results import Calibration, Results
from embedlens.results.vocabulary import CALIBRATED_COVERAGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def calibration_table(results: Results, found: Sequence[Calibration]) -> Table:
    """Temperature, calibration error and conformal sets of each backbone."""
    names = backbone_labels(results)
    rows = [
        (
            names[each.backbone], each.temperature, each.before.error, each.after.error,
            each.by_chance, each.held.estimate, each.held.low, each.held.high, each.size,
            each.empty,
        )
        for each in found
    ]  # fmt: skip
    columns = [
        "backbone", "temperature", "error before", "error after", "by chance", "sets hold",
        "95% low", "95% high", "classes in a set", "empty sets",
    ]  # fmt: skip
    return Table(
        "Calibration",
        "Of a linear probe on test pictures, all splits together. Error: how far the share of "
        "right answers is from the confidence, mean over pictures, in up to 15 bins of "
        "equally many; before and after the temperature. By chance: what true confidences would "
        "show with as many pictures. Sets are to hold the class of "
        f"{CALIBRATED_COVERAGE:.0%} of new pictures; "
        "held: of test pictures, with the 95% interval. Where a probe is right more often than "
        "that, some sets are empty: the least sure pictures are told to be of no class.",
        pd.DataFrame(rows, columns=columns),
        {
            "temperature": ".2f", "classes in a set": ".2f",
            **dict.fromkeys([*columns[2:8], columns[9]], ".1%"),
        },
    )  # fmt: skip


def draw_reliability(found: Sequence[Calibration], backbone: str) -> Figure | None:
    """Return a backbone's accuracy against confidence, before and after; None for none."""
    told = next((each for each in found if each.backbone == backbone), None)
    return None if told is None else _draw(told)


def _draw(told: Calibration) -> Figure:
    figure = new_figure(3.6, 3.6)
    axes = figure.add_axes((0.14, 0.13, 0.82, 0.82))
    low = 100 * min(*told.before.confidence, *told.after.confidence, *told.after.accuracy)
    axes.plot([low, 100], [low, 100], color=FAINT, linewidth=1.2, zorder=0)
    for curve, colour, face, label in (
        (told.before, MUTED, "none", "as it comes"),
        (told.after, ACCENT, ACCENT, f"at temperature {told.temperature:.2f}"),
    ):
        axes.plot(100 * curve.confidence, 100 * curve.accuracy, "o-", color=colour,
                  markerfacecolor=face, markersize=4, linewidth=1, label=label)  # fmt: skip
    axes.set_xlabel("confidence, %", size=8, color=MUTED)
    axes.set_ylabel("of these pictures right, %", size=8, color=MUTED)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper left")
    return figure
