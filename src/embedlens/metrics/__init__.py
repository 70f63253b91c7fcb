"""Numbers about an embedding: silhouette, neighbours, distortion of a map, intervals.

Arrays in, numbers out. Nothing here knows of pictures or networks, and nothing here is trained (see
``learn``).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_NAMES = {
    "AveragePrecision": "precision",
    "ClassSilhouette": "silhouette",
    "ClassSums": "class_sums",
    "Comparison": "comparison",
    "DistanceCorrelation": "distortion",
    "DistortionReport": "distortion",
    "Interval": "proportion",
    "SilhouetteReport": "silhouette",
    "average_precision": "precision",
    "compare": "comparison",
    "compare_figures": "comparison",
    "continuity": "distortion",
    "difference_interval": "proportion",
    "distance_correlation": "distortion",
    "distortion_report": "distortion",
    "is_flat": "flatness",
    "nearest_neighbors": "neighbors",
    "neighbor_purity": "purity",
    "neighborhood_preservation": "distortion",
    "proportion_interval": "proportion",
    "silhouette_report": "silhouette",
    "silhouette_samples": "silhouette",
    "silhouette_score": "silhouette",
    "trustworthiness": "distortion",
}

__all__ = [
    "AveragePrecision",
    "ClassSilhouette",
    "ClassSums",
    "Comparison",
    "DistanceCorrelation",
    "DistortionReport",
    "Interval",
    "SilhouetteReport",
    "average_precision",
    "compare",
    "compare_figures",
    "continuity",
    "difference_interval",
    "distance_correlation",
    "distortion_report",
    "is_flat",
    "nearest_neighbors",
    "neighbor_purity",
    "neighborhood_preservation",
    "proportion_interval",
    "silhouette_report",
    "silhouette_samples",
    "silhouette_score",
    "trustworthiness",
]

if TYPE_CHECKING:
    from embedlens.metrics.class_sums import ClassSums
    from embedlens.metrics.comparison import Comparison, compare, compare_figures
    from embedlens.metrics.distortion import (
        DistanceCorrelation,
        DistortionReport,
        continuity,
        distance_correlation,
        distortion_report,
        neighborhood_preservation,
        trustworthiness,
    )
    from embedlens.metrics.flatness import is_flat
    from embedlens.metrics.neighbors import nearest_neighbors
    from embedlens.metrics.precision import AveragePrecision, average_precision
    from embedlens.metrics.proportion import (
        Interval,
        difference_interval,
        proportion_interval,
    )
    from embedlens.metrics.purity import neighbor_purity
    from embedlens.metrics.silhouette import (
        ClassSilhouette,
        SilhouetteReport,
        silhouette_report,
        silhouette_samples,
        silhouette_score,
    )


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"embedlens.metrics.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'embedlens.metrics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
