"""What is trained: linear probe, k-NN probe, the study's top, the tail of a backbone, learned maps.

All but fine-tuning takes features as arrays; fine-tuning takes the pictures. `SilhouetteLoss` is an
ordinary Keras loss, for any model.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from embedlens.learn.batches import balanced_batches
    from embedlens.learn.centroid_projection import CentroidProjection
    from embedlens.learn.fine_tuning import FineTuned, finetune, trunk_of
    from embedlens.learn.label_probes import LabelNeighbors, LabelProbes
    from embedlens.learn.lazy_rows import LazyRows
    from embedlens.learn.linear_probe import LinearProbe
    from embedlens.learn.neighbors_probe import NeighborsProbe
    from embedlens.learn.silhouette_loss import SilhouetteLoss
    from embedlens.learn.silhouette_projection import SilhouetteProjection
    from embedlens.learn.top_classifier import TopClassifier

__all__ = [
    "CentroidProjection",
    "FineTuned",
    "LabelNeighbors",
    "LabelProbes",
    "LazyRows",
    "LinearProbe",
    "NeighborsProbe",
    "SilhouetteLoss",
    "SilhouetteProjection",
    "TopClassifier",
    "balanced_batches",
    "finetune",
    "trunk_of",
]

_MODULES = {
    "CentroidProjection": "centroid_projection",
    "FineTuned": "fine_tuning",
    "LabelNeighbors": "label_probes",
    "LabelProbes": "label_probes",
    "LinearProbe": "linear_probe",
    "NeighborsProbe": "neighbors_probe",
    "LazyRows": "lazy_rows",
    "SilhouetteLoss": "silhouette_loss",
    "SilhouetteProjection": "silhouette_projection",
    "TopClassifier": "top_classifier",
    "balanced_batches": "batches",
    "finetune": "fine_tuning",
    "trunk_of": "fine_tuning",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"embedlens.learn.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'embedlens.learn' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
