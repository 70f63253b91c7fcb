"""What tables and figures call heads, spaces and backbones."""

from __future__ import annotations

from embedlens.report.map_figure import MAP_NAMES
from embedlens.study import Results

HEAD_NAMES = {"linear_probe": "linear probe", "knn": "k-NN", "top": "the study's top"}
SPACE_NAMES = {"features": "features", **MAP_NAMES}

Means = dict[tuple[str, str, str], float]
"""The mean over repeats by backbone, metric, split."""


def backbone_labels(results: Results) -> dict[str, str]:
    """Return what tables call each backbone: its name, and a warning with random weights."""
    pairs = zip(results.backbones["backbone"], results.backbones["pretrained"], strict=True)
    return {name: name if pretrained else f"{name} (random weights)" for name, pretrained in pairs}
