"""Commands about pictures: check them, give them other labels."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embedlens.cli.options import (
    BackboneOption,
    Group,
    Json,
    Labels,
    Photos,
    Separator,
    SplitByTime,
    Transforms,
    Weights,
    filled,
    folder_option,
    named_backbone,
    names_in,
)

if TYPE_CHECKING:
    from embedlens.images import ImageSet


def check(
    photos: Photos,
    backbone: BackboneOption = "EfficientNetLite0",
    out: Annotated[
        Path | None, folder_option("Folder for the page and tables. \\[default: check-PHOTOS]")
    ] = None,
    weights: Weights = None,
    transform: Transforms = None,
    labels: Labels = None,
    separator: Separator = None,
    group: Group = None,
    split_by_time: SplitByTime = None,
    json_: Json = False,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
) -> None:  # fmt: skip
    """Look for what is wrong with PHOTOS: files, copies, leaks, labels, outliers, classes."""
    import embedlens as el
    from embedlens.cli.progress import TerminalProgress
    from embedlens.cli.tables import print_counts, print_notes
    from embedlens.curation.checks import FEATURES
    from embedlens.images import MultilabelSet
    from embedlens.images.multilabel_set import read_set
    from embedlens.report import write_check

    chosen = named_backbone(backbone, weights, transform)
    with TerminalProgress() as progress:
        read = read_set(
            photos,
            names_in(*labels) if labels else (),
            separator,
            group=group,
            split_by_time=split_by_time,
            progress=lambda done, total: progress("reading pictures", done, total),
        )
        images = read.images if isinstance(read, MultilabelSet) else read
        folder = _claimed("check", "check", photos, out, images)
        found = el.curation.check(
            read, backbone=chosen, store=folder / FEATURES, seed=seed, progress=progress
        )
        page = write_check(found, folder)
    if json_:
        print(found.findings.to_json(orient="records", indent=1))
        return
    print_notes(images.notes)
    print_counts(found)
    look = "Decide on" if found.label_sets is None else "Look at"
    print(
        f"\nPictures: {page.resolve()}\nTable: {folder.resolve() / 'findings.csv'}\n"
        f"{look} each, beside a map: embedlens view {shlex.quote(str(folder))}"
    )


def relabel(
    photos: Photos,
    into: Annotated[
        str,
        typer.Option(metavar="A,B=X+Y,...",
                     help="New labels. Each stands for the ImageNet classes of that name, or for "
                          "those after the equals sign."),
    ],
    class_: Annotated[
        str | None, typer.Option("--class", "-c", help="Whose pictures. \\[default: all]",
                                 show_default=False)
    ] = None,
    out: Annotated[
        Path | None, folder_option("Folder for the tables. \\[default: relabelled-PHOTOS]")
    ] = None,
    backbone: Annotated[
        str, typer.Option("--backbone", "-b", parser=filled, metavar="NAME",
                          help="A network with an ImageNet top.")
    ] = "EfficientNetLite2",
    sure: Annotated[
        float, typer.Option(help="Proposals below this share are left out.", min=0, max=1)
    ] = 0.8,
) -> None:  # fmt: skip
    """Give the pictures of a class new labels by a network's ImageNet classes."""
    import embedlens as el
    from embedlens.cli.progress import TerminalProgress
    from embedlens.cli.tables import print_notes, print_relabelling
    from embedlens.report import write_relabelling

    names = _new_labels(into)
    with TerminalProgress() as progress:
        images = el.ImageSet.read(
            photos, progress=lambda done, total: progress("reading pictures", done, total)
        )
        folder = _claimed("relabelling", "relabelled", photos, out, images)
        found = el.curation.relabel(
            images,
            names,
            label=class_,
            backbone=backbone,
            sure=sure,
            progress=lambda done, total: progress(f"{backbone}: naming", done, total),
        )  # fmt: skip
        sheet = write_relabelling(found, folder)
    print_notes(images.notes)
    print_relabelling(found)
    print(
        f"\nLook at: {sheet.resolve()}\n"
        f"New image set: {folder.resolve() / 'labels.csv'} (embedlens study reads it)"
    )


def _claimed(kind: str, prefix: str, photos: str, out: Path | None, images: ImageSet) -> Path:
    """Return the folder to write to, which will be of these pictures and no others."""
    from embedlens.images import resolved
    from embedlens.results.provenance import Provenance, claim, content_of, default_folder

    place = resolved(photos)
    folder = out or default_folder(prefix, place)
    claim(folder, Provenance(kind, place, content_of(images.ids)))
    return folder


def _new_labels(text: str) -> dict[str, str]:
    """Read A,B=X+Y,...: new labels, and the ImageNet classes that each stands for."""
    found: dict[str, str] = {}
    for each in names_in(text):
        name, equals, meant = (part.strip() for part in each.partition("="))
        if not name or (equals and not meant):
            raise typer.BadParameter(f"--into {each!r} is not NAME or NAME=CLASS+CLASS+...")
        if name in found:
            raise typer.BadParameter(
                f"--into gives the label {name!r} twice; join its classes by +."
            )
        found[name] = meant or name
    return found
