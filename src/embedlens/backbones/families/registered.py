"""The families there are, and which of them a name belongs to."""

from __future__ import annotations

from typing import NamedTuple

from embedlens.backbones.families.efficientnet_lite import EfficientNetLite
from embedlens.backbones.families.family import Family
from embedlens.backbones.families.hugging_face import HuggingFace
from embedlens.backbones.families.keras_applications import KerasApplications
from embedlens.backbones.families.keras_file import KerasFile
from embedlens.backbones.families.onnx_file import OnnxFile
from embedlens.backbones.families.open_clip_family import OpenCLIP
from embedlens.backbones.families.timm_family import Timm
from embedlens.backbones.families.torchvision_family import Torchvision
from embedlens.errors import BackboneError

# In the order in which they are listed, and asked whether a name is theirs.
_FAMILIES: list[Family] = [
    EfficientNetLite(),
    KerasApplications(),
    KerasFile(),
    OnnxFile(),
    Timm(),
    Torchvision(),
    OpenCLIP(),
    HuggingFace(),
]


class BackboneName(NamedTuple):
    """A backbone's name, NAME or NAME@LAYER, taken apart.

    Attributes
    ----------
    network : str
        Spelt as its family spells it; as it was given where no family knows it.
    layer : str or None
        Where it is cut.
    family : Family or None
        Whose network it is; None where no family knows it.
    """

    network: str
    layer: str | None
    family: Family | None


def list_families() -> tuple[Family, ...]:
    """Return the families of networks."""
    return tuple(_FAMILIES)


def register_family(family: Family) -> None:
    """Add a family of networks, for this process.

    Parameters
    ----------
    family : Family
        One object. To run in another process, as on OpenVINO, its class must lie in a module that
        can be imported there.

    Raises
    ------
    BackboneError
        If there is a family of its name.

    Examples
    --------
    >>> register_family(MyFamily())  # doctest: +SKIP
    >>> get_backbone("my-network")  # doctest: +SKIP
    """
    if family.name in {each.name for each in _FAMILIES}:
        raise BackboneError(f"There is a family {family.name!r} already; give yours another name.")
    _FAMILIES.append(family)


def parse_name(text: str) -> BackboneName:
    """Take a backbone's name apart: NAME or NAME@LAYER.

    A name that is a network's as a whole is one: the folders of a model file may hold an @ of their
    own. Otherwise the layer begins after the last @. Nothing is raised where no family knows the
    network.

    Examples
    --------
    >>> parse_name("xception@block13_sepconv2_act")[:2]
    ('Xception', 'block13_sepconv2_act')
    >>> parse_name("me@home/net.keras")[:2]
    ('me@home/net.keras', None)
    """
    before, at, after = text.rpartition("@")
    ways = [(text, None), (before, after or None)] if at else [(text, None)]
    for network, layer in ways:
        for family in _FAMILIES:
            found = family.find(network)
            if found is not None:
                return BackboneName(found, layer, family)
    return BackboneName(*ways[-1], None)
