"""The command that proposes what to label next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedlens.cli.options import Transforms, Weights, filled, folder_option, named_backbone

if TYPE_CHECKING:
    from embedlens.curation import Labelling

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
            again = _as_before(what)
        else:
            again = ""
            chosen = named_backbone(backbone or _DEFAULT, weights, transform)
            found = label_pictures(
                what, chosen, budget, unlabelled=unlabelled, seed=seed, progress=progress
            )
        sheet = write_labelling(found, out)
    print(_told(found, sheet, out.resolve() / "labels.csv", again))


def _as_before(study: str) -> str:
    """Return the options by which the next study is split as this one was."""
    from embedlens.given_path import given_path
    from embedlens.results import Settings, StudyFolder

    settings = Settings.read(StudyFolder(given_path(study)).settings)
    given = {"--group": settings.group, "--split-by-time": settings.split_by_time}
    return "".join(f" {name} {shlex.quote(text)}" for name, text in given.items() if text)


def _told(found: Labelling, sheet: Path, table: Path, again: str) -> str:
    """Say what is proposed, and how its labels come back."""
    quoted = shlex.quote(str(table))
    several = found.unanswered != ""
    count = f"{len(found.proposed):,}"
    head = (
        f"{count} of {found.unlabelled:,} pictures without {'an answer' if several else 'a label'} "
        f"are proposed; {found.labelled:,} have one.\nLook at: {sheet.resolve()}\n"
    )
    if several:
        return head + (
            f"Write over each {found.unanswered} in the column {found.column} of the first {count} "
            f"rows of {table}: all labels that the picture has, parted as in the other rows, or "
            f"nothing where it has none. A row that keeps its {found.unanswered} waits. Then\n"
            f"  embedlens study {quoted}{again} --out NEXT-STUDY\n"
            "  embedlens label NEXT-STUDY --out NEXT-FOLDER"
        )
    return head + (
        f"Fill in the column label of the first {count} rows of {table}; then\n"
        f"  embedlens study {quoted}{again}\n  embedlens label {quoted} --out NEXT-FOLDER"
    )
