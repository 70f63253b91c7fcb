"""Options that several commands take."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedlens.errors import EmbedlensError
from embedlens.given_path import given_path

if TYPE_CHECKING:
    from embedlens.backbones import Backbone


class PoolingOption(StrEnum):
    """What becomes of a network's output."""

    own = "own"
    cls = "cls"
    mean = "mean"
    cls_mean = "cls+mean"
    max = "max"
    none = "none"
    avg = "avg"  # as version 0.1.0 spelt "mean"


class ResizeOption(StrEnum):
    """How pictures are brought to size."""

    squash = "squash"
    crop = "crop"
    pad = "pad"


class PrecisionOption(StrEnum):
    """What numbers the engine computes in."""

    float32 = "float32"
    bf16 = "bf16"


def filled(text: str) -> str:
    """Refuse an empty argument, as a variable of a shell that was never set makes it.

    Raises
    ------
    EmbedlensError
        If it is empty.
    """
    if not text.strip():
        raise EmbedlensError(f"An argument is empty ({text!r}); give it a value, or leave it out.")
    return text


def count(text: str) -> float:
    """Read a number with a suffix: 50M, 1.5B, 900k.

    Raises
    ------
    EmbedlensError
        If it is none.
    """
    units = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}
    number, unit = (text[:-1], units[text[-1].lower()]) if text[-1:].lower() in units else (text, 1)
    try:
        value = float(number) * unit
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise EmbedlensError(f"{text!r} is no number of parameters; write, say, 50M or 1.5B.")
    return value


Photos = Annotated[
    str,
    typer.Argument(
        parser=filled,
        help="Folder of class folders (with or without train/validation/test above them), a zip "
        "of one, or a CSV or Parquet table with the columns path and label.",
        metavar="PHOTOS",
        show_default=False,
    ),
]
Folder = Annotated[Path, typer.Argument(parser=given_path, metavar="STUDY", help="A study folder.")]
BackboneOption = Annotated[
    str,
    typer.Option("--backbone", "-b", parser=filled, metavar="NAME",
                 help="Name, NAME@LAYER, or a model file."),
]  # fmt: skip
Weights = Annotated[
    list[str] | None,
    typer.Option(
        "--weights", "-w", metavar="NAME=FILE", show_default=False,
        help="A weights file for a backbone, or NAME=random. May be repeated.",
    ),
]  # fmt: skip
Transforms = Annotated[
    list[str] | None,
    typer.Option(
        "--transform", "-t", metavar="[NAME=]TRANSFORM", show_default=False,
        help="What pictures are made into, where the backbone does not say it: '224 crop .875 "
        "bicubic imagenet', '224 clip', '224 siglip', or a JSON file. May be repeated.",
    ),
]  # fmt: skip
Size = Annotated[
    int | None,
    typer.Option(help="Height and width in pixels. \\[default: each backbone's own]", min=16,
                 show_default=False),
]  # fmt: skip
Pooling = Annotated[
    PoolingOption | None,
    typer.Option(help="What becomes of a network's output. \\[default: own, the vector that its "
                      "authors use; avg is mean]", show_default=False),
]  # fmt: skip
Resize = Annotated[
    ResizeOption | None,
    typer.Option(help="How pictures are brought to size, the same for all backbones. \\[default: "
                      "as each backbone was evaluated]", show_default=False),
]  # fmt: skip
Group = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|PATTERN", parser=filled, show_default=False,
        help="What no split may part, such as one patient's pictures: a column of the table, or, "
             "where it has none of that name, a pattern on the path with one capture group: "
             "'patient_(\\d+)'.",
    ),
]  # fmt: skip
Unlabelled = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER", parser=filled, show_default=False,
        help="Pictures that have no label: shown on the maps, predicted, part of no figure. All of "
             "a folder count as such, whatever its folders are called; PHOTOS once more stands for "
             "those in it without a label.",
    ),
]  # fmt: skip
Labels = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN[,COLUMN,...]", parser=filled, show_default=False,
        help="Of a table of several labels a picture: the column whose cells hold them, or a "
             "column "
             "a label with 0 or 1 in each row. \\[default: the column labels, where there is no "
             "column label]",
    ),
]  # fmt: skip
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", show_default=False,
        help="What stands between the labels of a cell: ';' '|' ','. "
             "\\[default: as the cells have it]",
    ),
]  # fmt: skip
SplitByTime = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", parser=filled, show_default=False,
        help="Train on the earlier pictures and test on the later, by a column of numbers or ISO "
             "dates.",
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Precision = Annotated[
    PrecisionOption,
    typer.Option(help="bf16 is about twice as fast on CPUs that have it, and 1% less exact."),
]
# No list of choices: engines can be registered, and asking for those there are takes a second.
Engine = Annotated[
    str,
    typer.Option(metavar="auto|openvino|keras", help="auto: Keras on a GPU, OpenVINO on a CPU."),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="auto|local|ray://HOST:PORT", parser=filled, show_default=False,
        help="Run on a Ray cluster: the one that this machine is a part of, one of this machine "
             "alone, or one elsewhere. Pictures and --out must be where every node reaches them.",
    ),
]  # fmt: skip
ActorCpus = Annotated[
    int,
    typer.Option(
        min=1, help="With --cluster: processors of a worker; each worker holds the network."
    ),
]


def folder_option(help: str) -> Any:
    """Return the option ``--out`` of a command that writes a folder."""
    return typer.Option("--out", parser=given_path, metavar="FOLDER", help=help, show_default=False)


def weights_by_name(given: list[str] | None) -> dict[str, str]:
    """Read NAME=FILE options.

    Raises
    ------
    BadParameter
        If one is something else, or two are of one name.
    """
    found: dict[str, str] = {}
    for each in given or []:
        name, _, file = (part.strip() for part in each.partition("="))
        if not (name and file):
            raise typer.BadParameter(
                f"--weights {each} is not NAME=FILE; write, say, --weights "
                "Xception=xception.weights.h5 or --weights ResNet50V2=random."
            )
        if name in found:
            raise typer.BadParameter(
                f"--weights gives {name} twice, {found[name]} and {file}; give one."
            )
        found[name] = file
    return found


def transforms_by_name(given: list[str] | None) -> dict[str, str]:
    """Read [NAME=]TRANSFORM options; one without a name is under "*".

    Raises
    ------
    BadParameter
        If one is empty, or two are of one name.
    """
    found: dict[str, str] = {}
    for each in given or []:
        before, equals, after = (part.strip() for part in each.rpartition("="))
        name, text = (before, after) if equals else ("*", after)
        if not (name and text):
            raise typer.BadParameter(
                f"--transform {each!r} is not NAME=TRANSFORM; write, say, --transform "
                "model.onnx='224 crop .875 bicubic imagenet'."
            )
        if name in found:
            of = "" if name == "*" else f" for {name}"
            raise typer.BadParameter(
                f"--transform is given twice{of}, {found[name]!r} and {text!r}; give one."
            )
        found[name] = text
    return found


def names_in(*texts: str) -> list[str]:
    """Read names with commas between them, of an option that may be repeated.

    Raises
    ------
    BadParameter
        If one is empty.
    """
    names = [each.strip() for text in texts for each in text.split(",")]
    if not all(names):
        told = ",".join(texts)
        raise typer.BadParameter(f"{told!r} holds an empty name; write A,B,... without gaps.")
    return names


def named_backbone(
    name: str, weights: list[str] | None, transforms: list[str] | None = None
) -> Backbone:
    """Look up a backbone with the weights and the transform that options give it.

    A transform without a name is this backbone's, whether it has one of its own or not.
    """
    from embedlens.backbones import get_backbone, transforms_for, weights_for

    said = transforms_by_name(transforms)
    alone = said.pop("*", None)
    return get_backbone(
        name,
        weights=weights_for([name], weights_by_name(weights)).get(name),
        transform=transforms_for([name], said).get(name, alone),
    )
