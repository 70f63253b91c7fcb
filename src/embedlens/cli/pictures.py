"""Commands about pictures: check them, give them other labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedlens.cli.options import Json, Photos, Weights, named_backbone


def check(
    photos: Photos,
    backbone: Annotated[
        str, typer.Option("--backbone", "-b", help="Name, NAME@LAYER, or a model file.")
    ] = "EfficientNetLite0",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the page and tables. [default: check-PHOTOS]",
                                  show_default=False)
    ] = None,
    weights: Weights = None,
    json_: Json = False,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
) -> None:  # fmt: skip
    """Look for what is wrong with PHOTOS: files, copies, leaks, labels, outliers, classes."""
    import embedlens as el
    from embedlens.cli.progress import TerminalProgress
    from embedlens.cli.tables import print_counts
    from embedlens.report import write_check

    folder = out or Path(f"check-{Path(photos).resolve().stem}")
    chosen = named_backbone(backbone, weights)
    with TerminalProgress() as progress:
        images = el.ImageSet.read(
            photos, progress=lambda done, total: progress("reading pictures", done, total)
        )
        found = el.curation.check(
            images, backbone=chosen, store=folder / "features", seed=seed, progress=progress
        )
        page = write_check(found, folder)
    if json_:
        print(found.findings.to_json(orient="records", indent=1))
        return
    print_counts(found)
    print(f"\nPictures: {page.resolve()}\nTable: {folder.resolve() / 'findings.csv'}")


def relabel(
    photos: Photos,
    into: Annotated[
        str,
        typer.Option(metavar="A,B=X+Y,...",
                     help="New labels. Each stands for the ImageNet classes of that name, or for "
                          "those after the equals sign."),
    ],
    class_: Annotated[
        str | None, typer.Option("--class", "-c", help="Whose pictures. [default: all]",
                                 show_default=False)
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables. [default: relabelled-PHOTOS]",
                                  show_default=False)
    ] = None,
    backbone: Annotated[
        str, typer.Option("--backbone", "-b", help="A network with an ImageNet top.")
    ] = "EfficientNetLite2",
    sure: Annotated[
        float, typer.Option(help="Proposals below this share are left out.", min=0, max=1)
    ] = 0.8,
) -> None:  # fmt: skip
    """Give the pictures of a class new labels by a network's ImageNet classes."""
    import embedlens as el
    from embedlens.cli.progress import TerminalProgress
    from embedlens.cli.tables import print_relabelling
    from embedlens.report import write_relabelling

    folder = out or Path(f"relabelled-{Path(photos).resolve().stem}")
    with TerminalProgress() as progress:
        images = el.ImageSet.read(
            photos, progress=lambda done, total: progress("reading pictures", done, total)
        )
        found = el.curation.relabel(
            images,
            {name.strip(): (meant or name).strip()
             for name, _, meant in (each.partition("=") for each in into.split(","))},
            label=class_,
            backbone=backbone,
            sure=sure,
            progress=lambda done, total: progress(f"{backbone}: naming", done, total),
        )  # fmt: skip
        sheet = write_relabelling(found, folder)
    print_relabelling(found)
    print(
        f"\nLook at: {sheet.resolve()}\n"
        f"New image set: {folder.resolve() / 'labels.csv'} (embedlens study reads it)"
    )
