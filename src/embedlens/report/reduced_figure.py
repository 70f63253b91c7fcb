"""Accuracy of heads on maps against the silhouette of the map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from embedlens.report.figure import ACCENT, FAINT, INK, MUTED, new_figure
from embedlens.results.vocabulary import HEADS, space_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MARKERS = "os^Dv"


def draw_reduced(found: pd.DataFrame, random: set[str]) -> Figure | None:
    """Return a panel a head, a point a map; None under 3 points.

    Parameters
    ----------
    found : DataFrame
        Of ``reduced_features``.
    random : set of str
        Backbones with random weights: their points are hollow.
    """
    heads = [head for head in HEADS if head in set(found["head"])]
    if not heads or found.groupby("head").size().max() < 3:
        return None
    from matplotlib.lines import Line2D

    spaces = list(dict.fromkeys(found["space"]))
    figure = new_figure(2.6 * len(heads) + 0.4, 2.9)
    for i, head in enumerate(heads):
        axes = figure.add_axes(((0.5 + 2.6 * i) / (2.6 * len(heads) + 0.4), 0.2, 2.15 / (
            2.6 * len(heads) + 0.4), 0.6))  # fmt: skip
        for row in found[found["head"] == head].to_dict("records"):
            colour = ACCENT if row["stage"] == "pretrained" else INK
            axes.plot(
                row["silhouette"], 100 * row["accuracy"], _MARKERS[spaces.index(row["space"]) % 5],
                color=colour, markerfacecolor="none" if row["backbone"] in random else colour,
                markersize=5,
            )  # fmt: skip
        axes.set_title(HEADS.title(head), size=9, color=INK)
        axes.set_xlabel("silhouette of the map", size=8, color=MUTED)
        if i == 0:
            axes.set_ylabel("held-out pictures right, %", size=8, color=MUTED)
        axes.grid(color=FAINT, linewidth=0.6)
        axes.margins(0.1)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(FAINT)
        axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
        axes.set_axisbelow(True)
    handles = [
        Line2D([], [], linestyle="", color=MUTED, marker=_MARKERS[j % 5],
               label=space_of(space).title)
        for j, space in enumerate(spaces)
    ]  # fmt: skip
    stages = {"pretrained": ACCENT, "fine-tuned": INK} if "tuned" in set(found["stage"]) else {}
    handles += [
        Line2D([], [], linestyle="", color=colour, marker="o", label=name)
        for name, colour in stages.items()
    ]
    figure.legend(handles=handles, loc="upper center", ncols=len(handles), frameon=False,
                  fontsize=8, labelcolor=INK)  # fmt: skip
    return figure
