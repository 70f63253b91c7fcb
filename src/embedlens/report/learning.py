"""Whether the study's top has learned out, or learned too long."""

from __future__ import annotations

from embedlens.results import Results
from embedlens.results.vocabulary import PRETRAINED

_RISE = 1.1  # times the least loss: less is the chance of one epoch


def risen(results: Results) -> set[tuple[str, int]]:
    """Return backbone and repeat of each top whose loss on validation pictures rose again.

    At the last epoch it lies more than a tenth above its least: the top has learned the training
    pictures by heart since.
    """
    histories = results.histories
    found = set()
    for (name, repeat), rows in histories[histories["stage"] == PRETRAINED.key].groupby(
        ["backbone", "repeat"]
    ):
        losses = rows.sort_values("epoch")["validation_loss"].dropna().to_numpy(float)
        if len(losses) and losses[-1] > _RISE * losses.min():
            found.add((str(name), int(str(repeat))))
    return found


def settled_repeats(results: Results) -> dict[str, int]:
    """Count by backbone the repeats whose top neither still learned nor had learned too long."""
    rows = results.measured(metric="top.converged", split="validation", stage="pretrained")
    rose = risen(results)
    counts = dict.fromkeys(map(str, results.backbones["backbone"]), 0)
    for row in rows.itertuples():
        counts[str(row.backbone)] += bool(row.value) and (row.backbone, row.repeat) not in rose
    return counts
