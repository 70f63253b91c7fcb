"""Maps of features in few dimensions: the Gram matrix, PCA and t-SNE. Arrays in, arrays out.

Nothing here knows of pictures or networks, and nothing here judges a map (see ``metrics``).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from embedlens.arrays.gram import center_gram, gram, squared_distances

if TYPE_CHECKING:
    from embedlens.reduce.moments import Moments
    from embedlens.reduce.pca import PCA
    from embedlens.reduce.tsne import TSNE

__all__ = ["PCA", "TSNE", "Moments", "center_gram", "gram", "squared_distances"]

# scikit-learn and numba are imported with the class that needs them.
_LAZY = {
    "Moments": "embedlens.reduce.moments",
    "PCA": "embedlens.reduce.pca",
    "TSNE": "embedlens.reduce.tsne",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'embedlens.reduce' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
