"""Backbones: the registry of pretrained networks, their weights, and where each network is cut.

Nothing here reads pictures or runs a network over them; that is ``embedlens.features``.
"""

from embedlens.backbones.applications import STUDY
from embedlens.backbones.backbone import POOLINGS, Backbone, Pooling
from embedlens.backbones.cut import cut
from embedlens.backbones.imagenet import IMAGENET_TOP1, imagenet_top
from embedlens.backbones.naming import weights_for
from embedlens.backbones.registry import get_backbone, list_backbones
from embedlens.backbones.weights import Weights

__all__ = [
    "IMAGENET_TOP1",
    "POOLINGS",
    "STUDY",
    "Backbone",
    "Pooling",
    "Weights",
    "cut",
    "get_backbone",
    "imagenet_top",
    "list_backbones",
    "weights_for",
]
