"""All that features depend on, but the pictures."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from embedlens.backbones import (
    Backbone,
    Pooling,
    Resize,
    Transform,
    get_backbone,
    parse_pooling,
)
from embedlens.errors import BackboneError, EmbedlensError
from embedlens.features.engines.engine import PRECISIONS, Precision
from embedlens.features.engines.registry import choose_engine
from embedlens.files import text_key

_FORMAT = 4  # raise it when the same recipe begins to give other numbers


@dataclass(frozen=True)
class Recipe:
    """All that features depend on, but the pictures. Make one with `Recipe.of`.

    Attributes
    ----------
    backbone : Backbone
        The network, its weights and where it is cut.
    transform : Transform
        What pictures are made into for it: the backbone's own, or what the user made of it.
    pooling : {"own", "cls", "mean", "cls+mean", "max", "none"}
        What becomes of the network's output.
    precision : {"float32", "bf16"}
        What numbers the engine computes in.
    engine : str
        What runs it; never "auto".
    versions : tuple of (str, str)
        Packages that the numbers depend on, and their versions.

    Examples
    --------
    >>> recipe = Recipe.of("EfficientNetLite0", size=96)
    >>> recipe.transform.size, recipe.pooling
    ((96, 96), 'own')
    """

    backbone: Backbone
    transform: Transform
    pooling: Pooling
    precision: Precision
    engine: str
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def of(
        cls,
        backbone: str | Backbone | Recipe,
        *,
        pooling: str | None = None,
        size: int | tuple[int, int] | None = None,
        resize: Resize | None = None,
        precision: Precision | None = None,
        engine: str | None = None,
    ) -> Recipe:
        """Make a recipe of what the user asks for.

        Parameters
        ----------
        backbone : str, Backbone or Recipe
            A name as for `get_backbone`, or what it returned; or a recipe to change.
        pooling, size, resize, precision, engine
            As for `embed`. What is left out is as the recipe has it, else by default.

        Raises
        ------
        BackboneError
            If there is no such backbone, pooling or way to resize, or the backbone's family knows
            that the pooling does not suit it.
        EmbedlensError
            If there is no such precision or engine, or the engine cannot run the backbone.
        """
        if isinstance(backbone, Recipe):
            base = backbone
        else:
            found = get_backbone(backbone) if isinstance(backbone, str) else backbone
            base = cls(found, found.transform, "own", "float32", engine or "auto", ())
        chosen_pooling = parse_pooling(pooling or base.pooling)
        _expect_suits(base.backbone, chosen_pooling)
        precision = precision or base.precision
        if precision not in PRECISIONS:
            raise EmbedlensError(
                f"There is no precision {precision!r}; choose {' or '.join(PRECISIONS)}."
            )
        chosen = choose_engine(engine or base.engine, base.backbone)
        packages = dict.fromkeys([*base.backbone.family.packages, "pillow", *chosen.packages])
        return cls(
            base.backbone,
            base.transform.of_size(size).resized_by(resize),
            chosen_pooling,
            precision,
            chosen.name,
            tuple((package, version(package)) for package in packages),
        )

    def trunk(self, layer: str) -> Recipe:
        """Return the recipe of what the network gives before a layer, all of it."""
        return replace(self, backbone=self.backbone.before(layer))

    def titled(self, name: str) -> Recipe:
        """Return it with another name of the backbone, for people to read."""
        return replace(self, backbone=replace(self.backbone, name=name))

    def record(self) -> dict[str, Any]:
        """Return it as plain JSON, to keep beside the features.

        Raises
        ------
        OSError
            If the weights are not here: their content is part of it.
        """
        return {
            "backbone": self.backbone.describe(),
            "pooling": self.pooling,
            "size": self.transform.size,
            "resize": self.transform.resize,
            "transform": self.transform.record(),
            "precision": self.precision,
            "engine": self.engine,
            "versions": dict(self.versions),
        }

    def key(self) -> str:
        """Return a name for it that no other recipe has: features are kept under it."""
        return text_key(json.dumps([_FORMAT, self.record()], sort_keys=True, default=str))


def _expect_suits(backbone: Backbone, pooling: Pooling) -> None:
    can = backbone.family.poolings(backbone)
    if pooling not in can:
        raise BackboneError(
            f"The pooling {pooling!r} does not suit {backbone.name}; leave it out, or choose from "
            f"{', '.join(each for each in can if each != 'own')}."
        )
