"""What tables and figures call heads, spaces and backbones."""

from __future__ import annotations

from embedlens.report.map_figure import MAP_NAMES
from embedlens.study import Results
from embedlens.study.heads import HEAD_NAMES

SPACE_NAMES = {"features": "features", **MAP_NAMES}

__all__ = ["HEAD_NAMES", "SPACE_NAMES", "Means", "backbone_labels"]

Means = dict[tuple[str, str, str], float]
"""By backbone, metric, split: the mean over the repeats that measured it."""


def backbone_labels(results: Results) -> dict[str, str]:
    """Return what tables call each backbone: its name, and a warning with random weights."""
    pairs = zip(results.backbones["backbone"], results.backbones["pretrained"], strict=True)
    return {name: name if pretrained else f"{name} (random weights)" for name, pretrained in pairs}
