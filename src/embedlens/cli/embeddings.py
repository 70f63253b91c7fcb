"""Commands about features: what embeds them, making, scoring and mapping them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedlens.cli.options import (
    ActorCpus,
    BackboneOption,
    Cluster,
    Engine,
    Group,
    Json,
    Photos,
    Pooling,
    Precision,
    PrecisionOption,
    Resize,
    Size,
    SplitByTime,
    Transforms,
    Weights,
    count,
    filled,
    named_backbone,
    weights_by_name,
)
from embedlens.cli.table_file import suffixed, table_path, write_table
from embedlens.given_path import given_path

if TYPE_CHECKING:
    from embedlens.backbones import Backbone

Features = Annotated[
    Path,
    typer.Argument(
        parser=given_path, metavar="FILE", help="Features, as `embedlens embed` writes them."
    ),
]


_LISTED = 100


class MapOption(StrEnum):
    """Which map."""

    pca = "pca"
    tsne = "tsne"
    silhouette = "silhouette"


def backbones(
    json_: Json = False,
    weights: Weights = None,
    search: Annotated[
        str,
        typer.Option(metavar="TEXT", show_default=False,
                     help="Those whose names hold this; or a shortlist: @small, @modern, @paper."),
    ] = "",
    family: Annotated[
        str | None, typer.Option(metavar="NAME", help="Those of one family.", show_default=False)
    ] = None,
    max_params: Annotated[
        float | None,
        typer.Option(parser=count, metavar="50M", show_default=False,
                     help="Those with at most so many parameters."),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--licence", "--license", metavar="permissive|TEXT", show_default=False,
                     help="Those whose weights allow any use, or whose licence is called so."),
    ] = None,
    here: Annotated[bool, typer.Option("--here", help="Those whose weights are here.")] = False,
) -> None:  # fmt: skip
    """List the backbones: size, parameters, features, licence, weights, and whether these are here.

    Of a family of more than a hundred networks they are listed if they are asked for.
    """
    from embedlens.backbones import list_backbones, list_families
    from embedlens.cli.tables import backbone_rows

    found = list_backbones(
        weights_by_name(weights), search=search, family=family, max_parameters=max_params,
        licence=licence, here=here,
    )  # fmt: skip
    rows = backbone_rows(found)
    if json_:
        print(json.dumps(rows, indent=1))
        return
    asked = bool(search or family or max_params is not None or licence or here)
    sizes = {} if asked else {each.name: len(each.networks()) for each in list_families()}
    hidden = {name: number for name, number in sizes.items() if number > _LISTED}
    wanted = [each for each in list_families() if family and each.name.lower() == family.lower()]
    if any(not each.networks() for each in wanted):
        print(
            f"There is no list of {family}: name a file, or a network of the hub as "
            "hf:ORGANISATION/NAME."
        )
        return
    _print_backbones([row for row in rows if row["family"] not in hidden])
    for name, number in hidden.items():
        print(f"{name} has {number:,} more: --family {name}, --search TEXT.")
    if search.startswith("@"):
        _print_left_out(search)
    elif not asked:
        print(
            "A model file (.keras, .h5, .onnx) is a backbone too, and NAME@LAYER cuts one at a "
            "layer.\n@small, @modern and @paper are shortlists."
        )


def _print_backbones(rows: Sequence[dict[str, Any]]) -> None:
    from embedlens.cli.tables import print_table

    if not rows:
        print("No backbone is like that; leave one of the conditions out.")
        return
    columns = ["backbone", "input", "parameters", "MB", "feature map", "licence", "weights"]
    print_table([{**row, "licence": _licence(row["licence"])} for row in rows], columns)
    here = sum(row["here"] for row in rows)
    told = f"\n{here} of {len(rows)} have their weights on this machine."
    if here < len(rows):
        told += (
            f" {'The others' if here else 'They'} are downloaded when they are first used; or give "
            "--weights NAME=FILE."
        )
    print(told)


def _print_left_out(shortlist: str) -> None:
    """Say which networks of a shortlist cannot be built here."""
    from embedlens.backbones import expand
    from embedlens.errors import BackboneError

    try:
        note = expand([shortlist]).note
    except BackboneError as error:
        note = str(error)
    if note:
        print(note)


def embed(
    photos: Photos,
    backbone: BackboneOption,
    out: Annotated[
        str,
        typer.Option(
            parser=filled,
            metavar="FILE",
            help="The file to write, .npz; with --cluster a folder, or a URL such as "
            "s3://bucket/prefix, that every node reaches.",
        ),
    ],
    weights: Weights = None,
    transform: Transforms = None,
    pooling: Pooling = None,
    size: Size = None,
    resize: Resize = None,
    precision: Precision = PrecisionOption.float32,
    engine: Engine = "auto",
    group: Group = None,
    split_by_time: SplitByTime = None,
    cluster: Cluster = None,
    actor_cpus: ActorCpus = 1,
) -> None:
    """Embed PHOTOS with one backbone into one file; with --cluster, on many machines."""
    chosen = named_backbone(backbone, weights, transform)
    options = {
        "pooling": pooling.value if pooling else None, "size": size,
        "resize": resize.value if resize else None, "precision": precision.value, "engine": engine,
    }  # fmt: skip
    if cluster is None:
        _embed_here(photos, chosen, suffixed(out, ".npz"), group, split_by_time, options)
    elif group or split_by_time:
        raise typer.BadParameter("--group and --split-by-time are of no use with --cluster, which "
                                 "draws no split; leave them out.")  # fmt: skip
    else:
        _embed_on_cluster(photos, chosen, out, cluster, actor_cpus, options)


def _embed_on_cluster(
    photos: str, backbone: Backbone, out: str, address: str, cpus: int, options: dict[str, Any]
) -> None:
    from embedlens.cli.progress import TerminalProgress
    from embedlens.cluster import embed

    with TerminalProgress() as progress:
        made = embed(
            photos, backbone, out, address=address, cpus=cpus, progress=progress, **options
        )
    for problem in made.problems:
        typer.echo(f"{problem.path}: {problem.reason}", err=True)
    if made.set_aside:
        typer.echo(
            f"{made.set_aside:,} of the pictures have no features; images.parquet in {out} says "
            "why.",
            err=True,
        )
    print(f"{out}: {made.pictures} pictures x {made.features} features")


def _embed_here(
    photos: str,
    backbone: Backbone,
    out: Path,
    group: str | None,
    split_by_time: str | None,
    options: dict[str, Any],
) -> None:
    import embedlens as el
    from embedlens.cli.progress import TerminalProgress

    out.parent.mkdir(parents=True, exist_ok=True)
    with TerminalProgress() as progress:
        images = el.ImageSet.read(
            photos,
            group=group,
            split_by_time=split_by_time,
            progress=lambda done, total: progress("reading pictures", done, total),
        )
        features = el.embed(
            images,
            backbone,
            **options,
            store=out.with_name(out.name + ".store"),
            progress=lambda done, total: progress(f"{backbone.name}: embedding", done, total),
        )
        el.features.write_features(features, out)
    _remove(out.with_name(out.name + ".store"))
    for problem in images.problems:
        typer.echo(f"{problem.path}: {problem.reason}", err=True)
    print(f"{out}: {features.values.shape[0]} pictures x {features.values.shape[1]} features")


def score(
    file: Features,
    group: Group = None,
    split_by_time: SplitByTime = None,
    json_: Json = False,
) -> None:
    """Score features: silhouette, linear probe and k nearest neighbours."""
    from embedlens.cli.tables import print_table
    from embedlens.features import read_features
    from embedlens.study import score_features

    read = read_features(file, group, split_by_time)
    rows = score_features(read)
    _print_notes(file, read.notes)
    if json_:
        print(json.dumps(rows, indent=1))
    else:
        shown = [{**row, "95% interval": _interval(row)} for row in rows]
        print_table(shown, ["score", "value", "95% interval", "on"])


def map_(
    file: Features,
    out: Annotated[
        Path,
        typer.Option(
            parser=table_path, metavar="FILE", help="The table to write, .csv, .tsv or .parquet."
        ),
    ],
    method: Annotated[
        MapOption, typer.Option(help="Which map; silhouette learns from the labels.")
    ] = MapOption.tsne,
    dimensions: Annotated[int, typer.Option(min=2, max=3, help="Of the map.")] = 3,
    group: Group = None,
    split_by_time: SplitByTime = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Map features to 3 (or 2) dimensions."""
    from embedlens.features import read_features
    from embedlens.metrics.stratified import COMPARED
    from embedlens.results.samples import map_sample_of
    from embedlens.study import held_out_silhouette, map_features

    read = read_features(file, group, split_by_time)
    table = map_features(read, method.value, dimensions, seed)
    _print_notes(file, read.notes)
    write_table(table, out)
    print(f"{out}: {len(table)} points in {dimensions} dimensions")
    if method is not MapOption.pca and (said := map_sample_of(len(table))):
        print(said)
    if "learned" in table:
        learned = int(table["learned"].sum())
        others = len(table) - learned
        some = "" if others <= COMPARED else f"a stratified sample of {COMPARED:,} of "
        print(
            f"The map was learned from the labels of {learned} pictures. Silhouette of {some}the "
            f"{others} held out: {held_out_silhouette(table):.3f}"
        )


def _licence(licence: str | None) -> str:
    """Return what a table says of it; one that forbids commercial use is marked."""
    from embedlens.backbones.licence import is_non_commercial

    mark = " (non-commercial)" if is_non_commercial(licence) else ""
    return f"{licence}{mark}" if licence else "not said"


def _interval(row: dict[str, Any]) -> str:
    return "-" if row["low"] is None else f"{row['low']:.4f} to {row['high']:.4f}"


def _print_notes(file: Path, notes: Sequence[str]) -> None:
    for note in notes:
        typer.echo(f"{file}: {note}", err=True)


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
