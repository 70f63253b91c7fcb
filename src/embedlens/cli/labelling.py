"""The command that proposes what to label next."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedlens.cli.options import Transforms, Weights, filled, folder_option, named_backbone

_DEFAULT = "EfficientNetLite0"


def label(
    what: Annotated[
        str,
        typer.Argument(
            parser=filled, metavar="STUDY|PHOTOS", show_default=False,
            help="A study folder; or a folder of pictures, in class folders or in none; or a table "
            "with the column path, and perhaps label, empty where there is none.",
        ),
    ],
    out: Annotated[Path, folder_option("Folder for labels.csv and the contact sheet.")],
    budget: Annotated[int, typer.Option(help="How many pictures to propose.", min=1)] = 50,
    unlabelled: Annotated[
        str | None,
        typer.Option(parser=filled, metavar="FOLDER", show_default=False,
                     help="Pictures besides, of which none has a label. \\[default: the study's]"),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", "-b", parser=filled, metavar="NAME", show_default=False,
                     help="By whose features pictures are alike. \\[default: the one that the "
                          f"study recommends; {_DEFAULT} without a study]"),
    ] = None,
    weights: Weights = None,
    transform: Transforms = None,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
) -> None:  # fmt: skip
    """Propose the pictures to label next: typical ones at first, then doubtful ones that differ."""
    from embedlens.cli.progress import TerminalProgress
    from embedlens.curation.labelling import expect_no_labels
    from embedlens.report import write_labelling
    from embedlens.study import is_study, label_pictures, label_study

    expect_no_labels(out)
    with TerminalProgress() as progress:
        if is_study(what):
            if weights or transform:
                raise typer.BadParameter(
                    "--weights and --transform are the study's; leave them out."
                )
            found = label_study(
                what, budget, backbone=backbone, unlabelled=unlabelled, seed=seed,
                progress=progress,
            )  # fmt: skip
        else:
            chosen = named_backbone(backbone or _DEFAULT, weights, transform)
            found = label_pictures(
                what, chosen, budget, unlabelled=unlabelled, seed=seed, progress=progress
            )
        sheet = write_labelling(found, out)
    table = out.resolve() / "labels.csv"
    print(
        f"{len(found.proposed):,} of {found.unlabelled:,} pictures without a label are proposed; "
        f"{found.labelled:,} have one.\nLook at: {sheet.resolve()}\n"
        f"Fill in the column label of the first {len(found.proposed):,} rows of {table}; then\n"
        f"  embedlens study {table}\n  embedlens label {table} --out NEXT-FOLDER"
    )
