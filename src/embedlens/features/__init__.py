"""Features: a picture set through a backbone, by the fastest engine there is, into a store.

What the features are good for is not decided here, but in ``learn``, ``metrics`` and ``reduce``.
"""

from embedlens.features.embed import Features, RowProgress, Trunk, embed
from embedlens.features.engines import (
    Engine,
    Precision,
    Runner,
    choose_engine,
    list_engines,
    register_engine,
)
from embedlens.features.features_file import FeaturesFile, read_features, write_features
from embedlens.features.recipe import Recipe

__all__ = [
    "Engine",
    "Features",
    "FeaturesFile",
    "Precision",
    "Recipe",
    "RowProgress",
    "Runner",
    "Trunk",
    "choose_engine",
    "embed",
    "list_engines",
    "read_features",
    "register_engine",
    "write_features",
]
