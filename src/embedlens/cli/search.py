"""The command that searches a study for pictures like a given one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embedlens.cli.options import Folder, Json, filled
from embedlens.cli.table_file import suffixed, write_table


def search(
    folder: Folder,
    picture: Annotated[
        str,
        typer.Argument(parser=filled, metavar="PICTURE", help="A picture file.",
                       show_default=False),
    ],
    k: Annotated[int, typer.Option("--k", "-k", help="How many.", min=1)] = 12,
    backbone: Annotated[
        str | None,
        typer.Option("--backbone", "-b", parser=filled, metavar="NAME", show_default=False,
                     help="One of the study's. \\[default: the one that it recommends]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(parser=lambda text: suffixed(text, ".csv", ".tsv", ".json", ".html"),
                     metavar="FILE", show_default=False,
                     help="What to write to: .csv, .tsv or .json a table, .html a page with the "
                          "pictures."),
    ] = None,
    json_: Json = False,
) -> None:  # fmt: skip
    """Find the pictures of a study that are most like PICTURE."""
    from embedlens.cli.tables import print_table
    from embedlens.study import search_study

    found = search_study(folder, picture, k, backbone=backbone)
    if out is not None and out.suffix.lower() == ".html":
        from embedlens.report import write_search

        write_search(found, picture, folder, out)
    elif out is not None:
        write_table(found, out)
    if json_:
        print(found.to_json(orient="records", indent=1, double_precision=15))
        return
    shown = found.assign(
        distance=found["distance"].map("{:.3f}".format),
        similarity=found["similarity"].map("{:.3f}".format),
    )
    columns = ["similarity", "distance", "split", "path"]
    shown = shown.rename(columns={"label": "class"})
    titles = [str(shown.columns[0]), *columns]
    values = shown[titles].itertuples(index=False, name=None)
    print_table([dict(zip(titles, each, strict=True)) for each in values], titles)
    if out is not None:
        print(f"\nWritten: {out.resolve()}")
