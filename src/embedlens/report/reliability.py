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


def draw_reliability(found: Sequence[Calibration]) -> Figure | None:
    """Return accuracy against confidence of the first backbone, before and after; None for none."""
    if not found:
        return None
    first = found[0]
    figure = new_figure(3.6, 3.6)
    axes = figure.add_axes((0.14, 0.13, 0.82, 0.82))
    low = 100 * min(*first.before.confidence, *first.after.confidence, *first.after.accuracy)
    axes.plot([low, 100], [low, 100], color=FAINT, linewidth=1.2, zorder=0)
    for told, colour, face, label in (
        (first.before, MUTED, "none", "as it comes"),
        (first.after, ACCENT, ACCENT, f"at temperature {first.temperature:.2f}"),
    ):
        axes.plot(100 * told.confidence, 100 * told.accuracy, "o-", color=colour,
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
