"""Backbones: families of pretrained networks, their weights, and where each network is cut.

Nothing here reads pictures or runs a network over them; that is ``embedlens.features``.
"""

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.cut import cut
from embedlens.backbones.families.family import Built, Family
from embedlens.backbones.families.keras_applications import STUDY
from embedlens.backbones.families.registered import (
    BackboneName,
    list_families,
    parse_name,
    register_family,
)
from embedlens.backbones.naming import transforms_for, weights_for
from embedlens.backbones.pooling import POOLINGS, Pooling, parse_pooling
from embedlens.backbones.registry import get_backbone, list_backbones
from embedlens.backbones.shortlists import SHORTLISTS, expand
from embedlens.backbones.transform import Resize, Transform
from embedlens.backbones.transform_text import parse_transform
from embedlens.backbones.weights import Weights

__all__ = [
    "POOLINGS",
    "SHORTLISTS",
    "STUDY",
    "Backbone",
    "BackboneName",
    "Built",
    "Family",
    "Pooling",
    "Resize",
    "Transform",
    "Weights",
    "cut",
    "expand",
    "get_backbone",
    "list_backbones",
    "list_families",
    "parse_name",
    "parse_pooling",
    "parse_transform",
    "register_family",
    "transforms_for",
    "weights_for",
]
