"""What is trained on features: linear probe, k-nearest-neighbour probe, the study's top.

Nothing here embeds pictures; features come in as arrays.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedlens.learn.linear_probe import LinearProbe
    from embedlens.learn.neighbors_probe import NeighborsProbe
    from embedlens.learn.rows import Rows
    from embedlens.learn.top_classifier import TopClassifier

__all__ = ["LinearProbe", "NeighborsProbe", "Rows", "TopClassifier"]

_MODULES = {
    "LinearProbe": "linear_probe",
    "NeighborsProbe": "neighbors_probe",
    "Rows": "rows",
    "TopClassifier": "top_classifier",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"embedlens.learn.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'embedlens.learn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
