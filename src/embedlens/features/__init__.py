"""Features: a picture set through a backbone, by the fastest engine there is, into a store.

What the features are good for is not decided here, but in ``learn``, ``metrics`` and ``reduce``.
"""

from embedlens.features.embed import Features, Trunk, embed
from embedlens.features.engine import Precision, choose_engine
from embedlens.features.features_file import FeaturesFile, read_features, write_features

__all__ = [
    "Features",
    "FeaturesFile",
    "Precision",
    "Trunk",
    "choose_engine",
    "embed",
    "read_features",
    "write_features",
]
