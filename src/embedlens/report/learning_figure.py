"""Learning curves of the study's top, before and in fine-tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pandas as pd

from embedlens.report.figure import ACCENT, FAINT, INK, MUTED, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LINES: dict[str, tuple[str, Literal["-", "--"]]] = {
    "validation": (ACCENT, "-"),
    "train": (MUTED, "--"),
}


def draw_learning(title: str, history: pd.DataFrame) -> Figure:
    """Return loss and accuracy by epoch, each repeat a line; fine-tuning goes on to the right.

    Parameters
    ----------
    title : str
        Of the figure.
    history : DataFrame
        The rows of ``Results.histories`` of one backbone.
    """
    figure = new_figure(7.2, 2.6)
    figure.text(0.5, 0.95, title, ha="center", va="center", size=11, color=INK, weight="bold",
                parse_math=False)  # fmt: skip
    top = history[history["stage"] == "pretrained"]
    tuned = history[history["stage"] == "tuned"]
    # Epoch 0 of fine-tuning is the end of the top's training.
    last = int(top["epoch"].max()) if len(top) else 0
    for place, quantity in enumerate(("loss", "accuracy")):
        axes = figure.add_axes((0.07 + 0.5 * place, 0.18, 0.41, 0.66))
        for stage, begin in ((top, 0), (tuned, last)):
            for _, rows in stage.groupby("repeat"):
                _draw_repeat(axes, rows, quantity, begin)
        if len(tuned):
            axes.axvline(last, color=FAINT, linewidth=1.2, zorder=0)
        _finish(axes, quantity)
    return figure


def _draw_repeat(axes: Axes, rows: pd.DataFrame, quantity: str, begin: int) -> None:
    for split, (colour, style) in _LINES.items():
        column = quantity if split == "train" else f"validation_{quantity}"
        values = rows[column].to_numpy(float) * (100 if quantity == "accuracy" else 1)
        axes.plot(begin + rows["epoch"], values, style, color=colour, linewidth=1.1,
                  marker="." if len(rows) < 3 else "")  # fmt: skip


def _finish(axes: Axes, quantity: str) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch", size=8, color=MUTED)
    axes.set_ylabel("loss" if quantity == "loss" else "pictures right, %", size=8, color=MUTED)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if quantity == "loss":
        axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, labelsize=8, labelcolor=MUTED)
    axes.set_axisbelow(True)
    handles = [Line2D([], [], color=c, linestyle=s, label=n) for n, (c, s) in _LINES.items()]
    axes.legend(handles=handles, frameon=False, fontsize=8, labelcolor=INK)
