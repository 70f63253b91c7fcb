"""Options that several commands take."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from embedlens.backbones import Backbone


class PoolingOption(StrEnum):
    """What becomes of a feature map."""

    avg = "avg"
    max = "max"
    none = "none"


class ResizeOption(StrEnum):
    """How pictures are brought to size."""

    squash = "squash"
    crop = "crop"
    pad = "pad"


class PrecisionOption(StrEnum):
    """What numbers the engine computes in."""

    float32 = "float32"
    bf16 = "bf16"


class EngineOption(StrEnum):
    """What runs the networks."""

    auto = "auto"
    openvino = "openvino"
    keras = "keras"


Photos = Annotated[
    str,
    typer.Argument(
        help="Folder of class folders (with or without train/validation/test above them), a zip "
        "of one, or a CSV or Parquet table with the columns path and label.",
        metavar="PHOTOS",
        show_default=False,
    ),
]
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weights", "-w", metavar="NAME=FILE", show_default=False,
        help="A weights file for a backbone, or NAME=random. May be repeated.",
    ),
]  # fmt: skip
Size = Annotated[
    int | None,
    typer.Option(help="Height and width in pixels. \\[default: each backbone's own]", min=16,
                 show_default=False),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Precision = Annotated[
    PrecisionOption,
    typer.Option(help="bf16 is about twice as fast on CPUs that have it, and 1% less exact."),
]


def weights_by_name(given: list[str] | None) -> dict[str, str]:
    """Read NAME=FILE options."""
    pairs = [each.partition("=") for each in given or []]
    for name, equals, file in pairs:
        if not (name and equals and file):
            raise typer.BadParameter(
                f"{name}{equals}{file} is not NAME=FILE; write, say, --weights "
                "Xception=xception.weights.h5 or --weights ResNet50V2=random."
            )
    return {name: file for name, _, file in pairs}


def named_backbone(name: str, weights: list[str] | None) -> Backbone:
    """Look up a backbone with the weights that NAME=FILE options give it."""
    from embedlens.backbones import get_backbone

    return get_backbone(name, weights=weights_by_name(weights).get(name.partition("@")[0]))
