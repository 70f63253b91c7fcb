"""What tables and figures call backbones."""

from __future__ import annotations

from embedlens.results import Results

Means = dict[tuple[str, str, str], float]
"""By backbone, metric, split: the mean over the repeats that measured it."""


def backbone_labels(results: Results) -> dict[str, str]:
    """Return what tables call each backbone: its name, and a warning with random weights."""
    pairs = zip(results.backbones["backbone"], results.backbones["pretrained"], strict=True)
    return {name: name if pretrained else f"{name} (random weights)" for name, pretrained in pairs}
