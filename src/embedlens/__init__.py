"""Which pretrained image embedding separates your classes, how well, and what it looks like.

The packages are listed in ``docs/architecture.md``; this one only gathers the names most people
use. Everything is imported on first use, so that ``import embedlens`` stays instant.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedlens.telemetry import refuse_telemetry

__version__ = "0.2.0"  # the one place that says it

refuse_telemetry()

_PACKAGES = (
    "backbones", "classify", "curation", "features", "images", "learn", "metrics", "reduce",
    "report", "results", "study", "viewer",
)  # fmt: skip
_NAMES = {
    "Classifier": "classify",
    "Features": "features",
    "ImageSet": "images",
    "Study": "study",
    "embed": "features",
    "get_backbone": "backbones",
    "view": "viewer",
}

__all__ = [
    "Classifier",
    "Features",
    "ImageSet",
    "Study",
    "__version__",
    "backbones",
    "classify",
    "curation",
    "embed",
    "features",
    "get_backbone",
    "images",
    "learn",
    "metrics",
    "reduce",
    "report",
    "results",
    "study",
    "view",
    "viewer",
]

if TYPE_CHECKING:
    from embedlens import (
        backbones,
        classify,
        curation,
        features,
        images,
        learn,
        metrics,
        reduce,
        report,
        results,
        study,
        viewer,
    )
    from embedlens.backbones import get_backbone
    from embedlens.classify import Classifier
    from embedlens.features import Features, embed
    from embedlens.images import ImageSet
    from embedlens.study import Study
    from embedlens.viewer import view


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"embedlens.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(f"embedlens.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'embedlens' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
