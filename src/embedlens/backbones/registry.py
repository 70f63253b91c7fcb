"""The registry: a backbone by its name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path

from embedlens.backbones import applications, efficientnet_lite
from embedlens.backbones.backbone import PREPROCESSINGS, Backbone
from embedlens.backbones.naming import is_model_file, split_name, weights_for
from embedlens.backbones.weights import Weights, keras_download
from embedlens.errors import BackboneError, WeightsError
from embedlens.given_path import given_path


def get_backbone(
    name: str,
    *,
    weights: str | Path | None = None,
    preprocessing: str | None = None,
) -> Backbone:
    """Look a backbone up by name.

    Parameters
    ----------
    name : str
        A network of ``keras.applications`` or EfficientNet-Lite (case does not matter), or a path
        to a ``.keras`` or ``.h5`` model; optionally ``@`` and a layer's name, to cut there. A
        layer of the ImageNet top (``"EfficientNetLite0@predictions"``) brings the top along.
        Without a layer the cut is at the last feature map.
    weights : {"imagenet", "random"} or path, optional
        By default the network's ImageNet weights: those that came with the install, those in
        Keras's cache, or Keras's download. A model file has its own weights.
    preprocessing : {"none", "tf", "torch", "caffe"}, optional
        By default the network's own, and "none" for a model file: most such files scale the
        pixels themselves. "tf": -1 to 1; "torch": ImageNet mean 0 and deviation 1; "caffe": BGR,
        ImageNet mean 0.

    Returns
    -------
    Backbone
        Nothing is loaded yet.

    Raises
    ------
    BackboneError
        If there is no such network or preprocessing; the message names the nearest.
    WeightsError
        If a weights file does not exist.

    Examples
    --------
    >>> get_backbone("xception", weights="random").feature_map
    (10, 10, 2048)
    """
    if preprocessing is not None and preprocessing not in PREPROCESSINGS:
        raise BackboneError(
            f"There is no preprocessing {preprocessing!r}; choose from {', '.join(PREPROCESSINGS)}."
        )
    network, layer = split_name(name)
    if is_model_file(network):
        return _file_backbone(name, network, layer or None, weights, preprocessing)
    network = _registered(network)
    canonical = f"{network}@{layer}" if layer else network
    if network in efficientnet_lite.VARIANTS:
        variant = efficientnet_lite.VARIANTS[network]
        side = -(-variant.size // 32)
        chosen = _given(network, weights)
        return Backbone(
            canonical, network, "EfficientNet-Lite", layer or None,
            chosen or Weights("imagenet", efficientnet_lite.weights_file(network)),
            preprocessing, variant.size, variant.parameters, (side, side, 1280),
        )  # fmt: skip
    row = applications.applications().get(network) or applications.introspect(network)
    published = row.weights_with_top if layer in row.top_layers else row.weights
    return Backbone(
        canonical, network, "keras.applications", layer or None,
        _given(network, weights) or keras_download(published),
        preprocessing, row.size, row.parameters, row.feature_map,
    )  # fmt: skip


def list_backbones(weights: Mapping[str, str | Path] | None = None) -> list[Backbone]:
    """List every backbone of the registry: EfficientNet-Lite, the study's five, then the rest.

    Parameters
    ----------
    weights : mapping of str to str or Path, optional
        Files, or "random", by the network's name, as for `get_backbone`.

    Raises
    ------
    WeightsError
        If a name is of no backbone listed, or a weights file does not exist.
    """
    names = [*efficientnet_lite.VARIANTS, *applications.applications()]
    given = weights_for(names, weights or {})
    return [get_backbone(name, weights=given.get(name)) for name in names]


def _registered(network: str) -> str:
    names = [*efficientnet_lite.VARIANTS, *applications.applications()]
    by_lower = {each.lower(): each for each in names}
    found = by_lower.get(network.lower())
    if found is None:
        found = next((n for n in _keras_names() if n.lower() == network.lower()), None)
    if found is None:
        near = difflib.get_close_matches(network.lower(), by_lower, 3, cutoff=0.4)
        hint = f"Did you mean {', '.join(by_lower[n] for n in near)}? " if near else ""
        raise BackboneError(
            f"There is no backbone {network!r}. {hint}"
            "`embedlens backbones` lists them; a model file ends in .keras or .h5."
        )
    return found


def _keras_names() -> list[str]:
    """Name what a Keras newer than our table may have; it costs an import of Keras."""
    return list(applications.names_in_keras())


def _file_backbone(
    name: str,
    network: str,
    layer: str | None,
    weights: str | Path | None,
    preprocessing: str | None,
) -> Backbone:
    if weights is not None:
        raise WeightsError(f"{network} holds its own weights; leave out {str(weights)!r}.")
    path = given_path(network)
    if not path.is_file():
        raise BackboneError(f"The model file {network} does not exist.")
    return Backbone(name, str(path), "file", layer, Weights("file", path), preprocessing)


def _given(network: str, chosen: str | Path | None) -> Weights | None:
    """Return the weights the user chose, or None for the published ones."""
    if chosen is None or chosen == "imagenet":
        return None
    if chosen == "random":
        return Weights("random")
    path = given_path(chosen)
    if not path.is_file():
        raise WeightsError(
            f"The weights file {path} of {network} does not exist. "
            "Give a file, 'imagenet' or 'random'."
        )
    return Weights("file", path)
