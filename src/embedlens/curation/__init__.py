"""What is wrong with an image set, giving its pictures other labels, and which to label next.

Nothing here changes a file: findings are tables to act on, new labels are a table that points at
the same files.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedlens.curation.active_learning import next_label_sets, next_labels
    from embedlens.curation.checks import Check, check
    from embedlens.curation.labelling import Labelling, propose_label_sets, propose_labels
    from embedlens.curation.relabelling import Relabelling, relabel

__all__ = [
    "Check",
    "Labelling",
    "Relabelling",
    "check",
    "next_label_sets",
    "next_labels",
    "propose_label_sets",
    "propose_labels",
    "relabel",
]

_MODULES = {
    "Check": "checks",
    "Labelling": "labelling",
    "Relabelling": "relabelling",
    "check": "checks",
    "next_label_sets": "active_learning",
    "next_labels": "active_learning",
    "propose_label_sets": "labelling",
    "propose_labels": "labelling",
    "relabel": "relabelling",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"embedlens.curation.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'embedlens.curation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
