"""A backbone of a study whose features are there, and what a report says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from embedlens.backbones import Backbone
from embedlens.features import Features
from embedlens.files import text_key


@dataclass(frozen=True)
class Embedded:
    """A backbone of a study whose features are there.

    Attributes
    ----------
    name, title : str
        Of its folders, and for people.
    features : Features
        Of all pictures.
    key : str
        Names all that its heads depend on.
    whole_key : str
        Names all that its other results depend on.
    analysed : bool
        Whether these were here already.
    """

    name: str
    title: str
    features: Features
    key: str
    whole_key: str
    analysed: bool

    @property
    def heads(self) -> str:
        """The folder in ``results/`` of the heads that the verdict needs."""
        return f"{self.name}.heads"


def folder_name(backbone: Backbone) -> str:
    """Name a backbone's folders: its name, without what file systems refuse.

    Where that alone might name another's, as with model files of one name in two folders, a hash of
    the whole name follows.
    """
    name = backbone.short_name
    name = f"{name}@{backbone.layer}" if backbone.layer else name
    plain = re.sub(r"[^\w.@+-]", "_", name)
    if plain == name and backbone.path is None:
        return name
    return f"{plain}-{text_key(backbone.name, 4)}"


def facts_of(features: Features) -> dict[str, Any]:
    """Gather what a report says of a backbone."""
    record, backbone = features.record, features.backbone
    analysis = {name: version(name) for name in ("embedlens", "numpy", "scikit-learn")}
    versions = {**record["versions"], **analysis}
    return {
        "backbone": backbone.name,
        "network": backbone.network,
        "family": backbone.family.name,
        "weights": backbone.weights.origin,
        "pretrained": backbone.weights.kind != "random",
        "size": "x".join(map(str, record["size"])),
        "pooling": record["vector"],
        "resize": record["resize"],
        "transform": features.recipe.transform.of_size(tuple(record["size"])).describe(),
        "precision": record["precision"],
        "engine": record["engine"] + (f" on {record['gpu']}" if "gpu" in record else ""),
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "features": features.values.shape[1],
        "feature_map": "x".join(map(str, record["feature_map"])),
        "parameters": backbone.parameters or record["parameters_to_cut"],
        "parameters_to_cut": record["parameters_to_cut"],
        "pictures_per_second": features.pictures_per_second,
        "embedded": record["embedded"],
        "seconds": record["seconds"],
    }
