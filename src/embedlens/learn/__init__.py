"""What is trained: linear probe, k-NN probe, the study's top, the tail of a backbone.

All but fine-tuning takes features as arrays; fine-tuning takes the pictures.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedlens.learn.fine_tuning import FineTuned, finetune
    from embedlens.learn.linear_probe import LinearProbe
    from embedlens.learn.neighbors_probe import NeighborsProbe
    from embedlens.learn.rows import Rows
    from embedlens.learn.top_classifier import TopClassifier

__all__ = [
    "FineTuned",
    "LinearProbe",
    "NeighborsProbe",
    "Rows",
    "TopClassifier",
    "finetune",
]

_MODULES = {
    "FineTuned": "fine_tuning",
    "LinearProbe": "linear_probe",
    "NeighborsProbe": "neighbors_probe",
    "Rows": "rows",
    "TopClassifier": "top_classifier",
    "finetune": "fine_tuning",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"embedlens.learn.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'embedlens.learn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
