"""Backbones: the registry of pretrained networks, their weights, and where each network is cut.

Nothing here reads pictures or runs a network over them; that is ``embedlens.features``.
"""

from embedlens.backbones.applications import STUDY
from embedlens.backbones.backbone import POOLINGS, Backbone, Pooling
from embedlens.backbones.cut import cut
from embedlens.backbones.registry import get_backbone, list_backbones
from embedlens.backbones.weights import Weights

__all__ = [
    "POOLINGS",
    "STUDY",
    "Backbone",
    "Pooling",
    "Weights",
    "cut",
    "get_backbone",
    "list_backbones",
]
