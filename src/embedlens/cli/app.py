"""The commands, in the order in which the help lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from embedlens.cli.embeddings import backbones, embed, map_, score
from embedlens.cli.labelling import label
from embedlens.cli.once import OnceCommand
from embedlens.cli.pictures import check, relabel
from embedlens.cli.predictions import predict
from embedlens.cli.search import search
from embedlens.cli.studies import demo, export, report, study, view

app = typer.Typer(
    name="embedlens",
    help="Which pretrained image embedding separates your classes, how well, and what it looks "
    "like in 3-D.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Say which pretrained image embedding separates your classes."""
    if version:
        from embedlens import __version__

        print(__version__)
        raise typer.Exit


for command in (
    demo, study, report, view, predict, search, label, export, backbones, embed, score, check,
    relabel,
):  # fmt: skip
    app.command(cls=OnceCommand)(command)
app.command(name="map", cls=OnceCommand)(map_)
