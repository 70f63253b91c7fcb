"""How each number is computed."""

from __future__ import annotations

from typing import Any

import pandas as pd

from embedlens.metrics.stratified import COMPARED, SAMPLE
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results.measurements import DISTORTION_SAMPLE, GRAM_LIMIT


class MethodSection(Section):
    """What was done, a paragraph a kind of number."""

    key = "method"
    title = "How each number is computed"
    link = "Method"
    template = TEMPLATES / "method.html"

    def context(self, material: Material) -> dict[str, Any]:
        """Return what features are, of pictures made how, and where sampling begins."""
        return {
            **feature_words(material.results.backbones),
            "gram_limit": GRAM_LIMIT,
            "distortion_sample": DISTORTION_SAMPLE,
            "sample": SAMPLE,
            "compared": COMPARED,
        }


def feature_words(backbones: pd.DataFrame) -> dict[str, list[tuple[list[str], str]]]:
    """Return what features are and how pictures were made fit, with the backbones it is so of."""
    return {"transforms": _transforms(backbones), "vectors": _grouped(backbones, "pooling")}


def _transforms(backbones: pd.DataFrame) -> list[tuple[list[str], str]]:
    """Return how pictures were fitted and scaled, and for which backbones so."""
    if "transform" not in backbones:  # of a study that 0.1.0 ran: it had one way for all
        backbones = backbones.assign(transform=backbones["resize"] + " to the input size")
    return _grouped(backbones, "transform")


def _grouped(backbones: pd.DataFrame, column: str) -> list[tuple[list[str], str]]:
    groups = backbones.groupby(column, sort=False)["backbone"]
    return [(names.to_list(), str(value)) for value, names in groups]
