"""The registry: a backbone by its name. What there is to know of one, its family knows."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.families.family import Family
from embedlens.backbones.families.registered import list_families, parse_name
from embedlens.backbones.licence import is_permissive
from embedlens.backbones.naming import weights_for
from embedlens.backbones.shortlists import shortlist
from embedlens.backbones.transform import Transform
from embedlens.backbones.transform_text import USUAL, parse_transform
from embedlens.errors import BackboneError


def get_backbone(
    name: str,
    *,
    weights: str | Path | None = None,
    preprocessing: str | None = None,
    transform: str | Path | Transform | None = None,
) -> Backbone:
    """Look a backbone up by name.

    Parameters
    ----------
    name : str
        A network of ``keras.applications`` or EfficientNet-Lite (case does not matter), or a path
        to a ``.keras``, ``.h5`` or ``.onnx`` model; optionally ``@`` and the name of a layer, or
        of an ONNX file's output, to cut there. A layer of the ImageNet top
        (``"EfficientNetLite0@predictions"``) brings the top along. Without a layer the cut is
        at the last feature map.
    weights : {"imagenet", "random"} or path, optional
        By default the network's ImageNet weights: those that came with the install, those in
        Keras's cache, or Keras's download. A model file has its own weights.
    preprocessing : {"none", "tf", "torch", "caffe"}, optional
        By default the network's own, and "none" for a model file: most such files scale the
        pixels themselves. "tf": -1 to 1; "torch": ImageNet mean 0 and deviation 1; "caffe": BGR,
        ImageNet mean 0.
    transform : str, path or Transform, optional
        What pictures are made into for it, as `parse_transform` reads it; by default the network's
        own. An ONNX file says nothing of it: where no file beside it does either, it must be given.

    Returns
    -------
    Backbone
        Nothing is loaded yet.

    Raises
    ------
    BackboneError
        If there is no such network, preprocessing or transform, with the nearest named; if nothing
        says its transform; or if what its family needs is not installed.
    WeightsError
        If a weights file does not exist.

    Examples
    --------
    >>> get_backbone("xception", weights="random").feature_map
    (10, 10, 2048)
    """
    network, layer, family = parse_name(name)
    if family is None:
        raise _unknown(network)
    if missing := family.missing():
        wanted = f"'embedlens[{family.extra}]'" if family.extra else " ".join(missing)
        raise BackboneError(
            f"{name} needs {', '.join(missing)}, which is not installed: pip install {wanted}."
        )
    found = family.backbone(network, layer, weights)
    if transform is not None:
        found = replace(found, transform=parse_transform(transform), transform_from="the user")
    if found.transform_from is None:
        raise BackboneError(found.unread or _untold(name))
    return replace(found, transform=found.transform.scaled_by(preprocessing))


def list_backbones(
    weights: Mapping[str, str | Path] | None = None,
    *,
    search: str = "",
    family: str | None = None,
    max_parameters: float | None = None,
    licence: str | None = None,
    here: bool = False,
) -> list[Backbone]:
    """List the backbones of the registry: EfficientNet-Lite, the study's five, then the rest.

    Parameters
    ----------
    weights : mapping of str to str or Path, optional
        Files, or "random", by the network's name, as for `get_backbone`.
    search : str, optional
        Only those whose names hold this, in any case; or those of a shortlist, "@small".
    family : str, optional
        Only those of the family of this name, in any case.
    max_parameters : float, optional
        Only those with at most so many; one whose number is not known is none of them.
    licence : str, optional
        Only those whose licence holds this, in any case; "permissive": that allow any use (see
        `is_permissive`).
    here : bool, default False
        Only those whose weights are on this machine.

    Raises
    ------
    BackboneError
        If the family or the shortlist is unknown.
    WeightsError
        If weights are given for no backbone listed, or a weights file does not exist.

    Examples
    --------
    >>> [each.name for each in list_backbones(search="lite", family="EfficientNet-Lite")]
    ['EfficientNetLite0', 'EfficientNetLite1', 'EfficientNetLite2']
    """
    given = weights_for([n for each in list_families() for n in each.networks()], weights or {})
    found = [
        each.backbone(network, weights=given.get(network))
        for each, network in _searched(search)
        if family is None or each.name == _family_name(family)
    ]
    return [
        each
        for each in found
        if (max_parameters is None or (each.parameters or math.inf) <= max_parameters)
        and (licence is None or _is_under(each.weights.licence, licence))
        and (not here or each.weights.here)
    ]


def _searched(text: str) -> list[tuple[Family, str]]:
    if text.startswith("@"):
        named = [parse_name(name) for name in shortlist(text)]
        return [(each.family, each.network) for each in named if each.family is not None]
    return [(family, network) for family in list_families() for network in family.search(text)]


def _family_name(text: str) -> str:
    names = [each.name for each in list_families()]
    found = next((name for name in names if name.lower() == text.lower()), None)
    if found is None:
        raise BackboneError(f"There is no family {text!r}; choose from {', '.join(names)}.")
    return found


def _is_under(licence: str | None, wanted: str) -> bool:
    if wanted.lower() == "permissive":
        return is_permissive(licence)
    return wanted.lower() in (licence or "").lower()


def _untold(name: str) -> str:
    return (
        f"Nothing says what pictures {name} was fed, and a wrong guess costs accuracy. Say it with "
        f"--transform (transform=): {USUAL}. Or put its preprocessor_config.json, or timm's "
        "config.json, beside it."
    )


def _unknown(network: str) -> BackboneError:
    by_lower = {name.lower(): name for family in list_families() for name in family.networks()}
    near = difflib.get_close_matches(network.lower(), by_lower, 3, cutoff=0.4)
    hint = f"Did you mean {', '.join(by_lower[n] for n in near)}? " if near else ""
    return BackboneError(
        f"There is no backbone {network!r}. {hint}"
        "`embedlens backbones` lists them; a model file ends in .keras, .h5 or .onnx."
    )
