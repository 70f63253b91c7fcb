"""Shortlists: a dozen networks each that cover the kinds, to be named as one.

``docs/networks.md`` states their vectors, transforms, licences and sizes. Those of timm are under
its names for them, with the weights said in full.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from embedlens.backbones.families.keras_applications import STUDY
from embedlens.backbones.families.registered import parse_name
from embedlens.errors import BackboneError

SHORTLISTS: dict[str, tuple[str, ...]] = {
    # At most 30 million parameters and a side of 260 pixels: supervised and self-supervised,
    # convolutions and attention, for a machine without a GPU.
    "@small": (
        "EfficientNetLite0",
        "EfficientNetLite2",
        "MobileNetV2",
        "EfficientNetV2B0",
        "timm:resnet18.a1_in1k",
        "timm:mobilenetv4_conv_small.e2400_r224_in1k",
        "timm:mobilenetv4_conv_medium.e500_r256_in1k",
        "timm:repvit_m1_1.dist_450e_in1k",
        "timm:tiny_vit_5m_224.dist_in22k_ft_in1k",
        "timm:vit_small_patch16_224.dino",
        "timm:vit_small_patch16_dinov3.lvd1689m",
        "timm:convnext_tiny.dinov3_lvd1689m",
    ),
    # What people choose among in 2026: self-supervised, text-aligned, and trained on ImageNet-21k,
    # up to the size of a ViT-B.
    "@modern": (
        "timm:vit_small_patch14_dinov2.lvd142m",
        "timm:vit_base_patch14_reg4_dinov2.lvd142m",
        "timm:vit_small_patch16_dinov3.lvd1689m",
        "timm:vit_base_patch16_dinov3.lvd1689m",
        "timm:convnext_small.dinov3_lvd1689m",
        "timm:vit_base_patch16_siglip_224.v2_webli",
        "timm:vit_base_patch16_clip_224.openai",
        "timm:vit_pe_core_base_patch16_224.fb",
        "timm:fastvit_mci0.apple_mclip2_dfndr2b",
        "timm:eva02_base_patch14_448.mim_in22k_ft_in22k_in1k",
        "timm:convnext_base.fb_in22k_ft_in1k",
        "timm:mobilenetv4_conv_small.e2400_r224_in1k",
    ),
    # The study's five.
    "@paper": STUDY,
}


@dataclass(frozen=True)
class Expanded:
    """Names of backbones with each shortlist in place of its name.

    Attributes
    ----------
    names : tuple of str
        Each once, in their order.
    note : str
        A sentence on networks of shortlists that are left out, as what they need is not installed;
        empty if none is.
    """

    names: tuple[str, ...]
    note: str


def expand(names: Iterable[str]) -> Expanded:
    """Put the networks of a shortlist in place of its name.

    Parameters
    ----------
    names : iterable of str
        As for ``get_backbone``, or of `SHORTLISTS`.

    Raises
    ------
    BackboneError
        If there is no such shortlist, or none of its networks can be built here.

    Examples
    --------
    >>> expand(["EfficientNetLite0", "@paper"]).names[:2]
    ('EfficientNetLite0', 'Xception')
    """
    found: list[str] = []
    notes: list[str] = []
    for name in names:
        if not name.startswith("@"):
            found.append(name)
            continue
        here, note = _installed(name)
        found += here
        notes += [note] if note else []
    return Expanded(tuple(dict.fromkeys(found)), " ".join(notes))


def shortlist(name: str) -> tuple[str, ...]:
    """Return the networks of a shortlist, whether they can be built here or not.

    Raises
    ------
    BackboneError
        If there is no such shortlist; it names those there are.
    """
    if name.lower() not in SHORTLISTS:
        raise BackboneError(f"There is no shortlist {name!r}; choose from {', '.join(SHORTLISTS)}.")
    return SHORTLISTS[name.lower()]


def _installed(name: str) -> tuple[list[str], str]:
    """Return the networks of a shortlist that can be built here, and a sentence on the others."""
    networks = shortlist(name)
    needs = {network: _needs(network) for network in networks}
    here = [network for network in networks if not needs[network]]
    absent = len(networks) - len(here)
    if not absent:
        return here, ""
    extras = " ".join(dict.fromkeys(filter(None, needs.values())))
    verb = "needs" if absent == 1 else "need"
    rest = (
        f"{absent} of the {len(networks)} networks of {name} {verb} what is not installed (pip "
        f"install {extras})"
    )
    if not here:
        raise BackboneError(f"{rest}: there is nothing to run.")
    others = [network for network in networks if needs[network]]
    return here, f"{rest} and {'is' if absent == 1 else 'are'} left out: {', '.join(others)}."


def _needs(network: str) -> str:
    """Return what pip must install to build a network; empty if nothing."""
    family = parse_name(network).family
    if family is None:
        return "'embedlens[torch]'"
    missing = family.missing()
    if not missing:
        return ""
    return f"'embedlens[{family.extra}]'" if family.extra else " ".join(missing)
