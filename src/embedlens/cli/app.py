"""The commands and their options."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="embedlens",
    help="Which pretrained image embedding separates your classes, how well, and what it looks "
    "like in 3-D.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


class DemoOption(StrEnum):
    """Pictures that come with the install."""

    patches = "patches"
    digits = "digits"


class ExportOption(StrEnum):
    """What for."""

    parquet = "parquet"
    tensorboard = "tensorboard"


class MapOption(StrEnum):
    """Which map."""

    pca = "pca"
    tsne = "tsne"
    silhouette = "silhouette"


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
    typer.Option(help="bf16 is about twice as fast on CPUs that have it, and 1 % less exact."),
]


@app.callback(invoke_without_command=True)
def top(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Say which pretrained image embedding separates your classes."""
    if version:
        from embedlens import __version__

        print(__version__)
        raise typer.Exit


@app.command()
def demo(
    data: Annotated[
        DemoOption, typer.Option(help="Patches of photographs, or handwritten digits.")
    ] = DemoOption.patches,
    out: Annotated[Path, typer.Option(help="Study folder.")] = Path("embedlens-demo"),
    precision: Precision = PrecisionOption.float32,
) -> None:
    """Run a whole study on real pictures that come with the install, offline."""
    from embedlens.images.demo import write_demo_pictures

    pictures = out / "pictures"
    if not (pictures / ".complete").exists():
        write_demo_pictures(pictures, data.value)
        (pictures / ".complete").touch()
    backbones = ["EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2"]
    _run(pictures, backbones, out=out, precision=precision.value)


@app.command()
def study(
    photos: Photos,
    backbones: Annotated[
        str | None,
        typer.Option("--backbones", "-b", metavar="A,B,...", show_default=False,
                     help="Names as in `embedlens backbones`, NAME@LAYER, or model files. "
                          "\\[default: all whose weights are here]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Study folder. \\[default: embedlens-PHOTOS]",
                                  show_default=False)
    ] = None,
    weights: Weights = None,
    preset: Annotated[
        str | None, typer.Option(help="'paper': the published study's protocol.",
                                 show_default=False)
    ] = None,
    pooling: Annotated[
        PoolingOption | None,
        typer.Option(help="What becomes of the last feature map. \\[default: avg]",
                     show_default=False),
    ] = None,
    size: Size = None,
    resize: Annotated[
        ResizeOption | None,
        typer.Option(help="How pictures are brought to size. \\[default: squash]",
                     show_default=False),
    ] = None,
    precision: Precision = PrecisionOption.float32,
    engine: Annotated[EngineOption, typer.Option(help="auto: Keras on a GPU, OpenVINO on a CPU.")]
        = EngineOption.auto,
    repeats: Annotated[int, typer.Option(help="Splits the heads are trained and tested on.",
                                         min=1)] = 5,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
    top: Annotated[
        bool | None,
        typer.Option("--top/--no-top", show_default=False,
                     help="Train the published study's top classifier as well."),
    ] = None,
    finetune: Annotated[
        bool | None,
        typer.Option("--finetune/--no-finetune", show_default=False,
                     help="Fine-tune the last layers of each backbone too, and measure again."),
    ] = None,
    unfreeze: Annotated[
        str | None,
        typer.Option(metavar="last-conv|last-block|all|LAYER", show_default=False,
                     help="Where fine-tuning begins. \\[default: last-conv]"),
    ] = None,
    augment: Annotated[
        bool | None,
        typer.Option("--augment/--no-augment", show_default=False,
                     help="Fine-tune on pictures mirrored, cut and coloured at random: each "
                          "epoch then takes as long as embedding them."),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(help="Of the top, and again of fine-tuning. \\[default: 16]", min=1,
                     show_default=False),
    ] = None,
) -> None:  # fmt: skip
    """Embed PHOTOS with many backbones, judge them, and write a report.

    It can be stopped at any moment; the same command goes on where it was.
    """
    settings: dict[str, Any] = {
        "preset": preset,
        "precision": precision.value,
        "engine": engine.value,
        "repeats": repeats,
        "seed": seed,
    }
    optional = {
        "pooling": pooling, "size": size, "resize": resize, "top": top, "finetune": finetune,
        "unfreeze": unfreeze, "augment": augment, "epochs": epochs,
    }  # fmt: skip
    settings |= {
        name: value.value if isinstance(value, StrEnum) else value
        for name, value in optional.items()
        if value is not None
    }
    names = backbones.split(",") if backbones else None
    _run(photos, names, out=out, weights=_weights(weights), **settings)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="STUDY", help="A study folder.")],
) -> None:
    """Write a study's report again, from its stored results."""
    from embedlens.report import write_report

    print(write_report(folder))


@app.command()
def view(
    what: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY",
            show_default=False,
            help="A study folder; or a map as `embedlens map` writes it: a CSV or Parquet table "
            "with the columns x, y, perhaps z, label, path, and any others.",
        ),
    ],
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="[default: a free one]", show_default=False)
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:
    """Look at a study in 3-D, in the browser, served on this machine only."""
    from embedlens.viewer import serve, served_file, served_study

    served = served_study(what) if what.is_dir() else served_file(what)
    print(served.summary())
    serve(
        served,
        port,
        open_browser=browser,
        ready=lambda url: print(f"{url}  (Ctrl-C stops it)", flush=True),
    )


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="STUDY", help="A study folder.")],
    to: Annotated[
        ExportOption,
        typer.Option(
            help="parquet: a row a picture, with predictions, coordinates, silhouettes. "
            "tensorboard: features and maps for its Embedding Projector."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    features: Annotated[
        bool, typer.Option("--features", help="With parquet: the features too.")
    ] = False,
) -> None:
    """Write what a study found for other tools."""
    from embedlens.report import export_parquet, export_tensorboard

    if to is ExportOption.parquet:
        print(export_parquet(folder, out, features=features))
    else:
        print(export_tensorboard(folder, out))
        print(f"Look at it with: tensorboard --logdir {out}")


@app.command()
def backbones(json_: Json = False, weights: Weights = None) -> None:
    """List the backbones: size, parameters, features, weights, and whether those are here."""
    from embedlens.backbones import list_backbones
    from embedlens.cli.tables import backbone_rows, print_table

    rows = backbone_rows(list_backbones(_weights(weights)))
    if json_:
        print(json.dumps(rows, indent=1))
        return
    print_table(rows, ["backbone", "input", "parameters", "MB", "feature map", "weights"])
    here = sum(row["here"] for row in rows)
    print(
        f"\n{here} of {len(rows)} have their weights on this machine. Keras downloads the others "
        "when they are first used; or give --weights NAME=FILE.\nA model file (.keras, .h5) is a "
        "backbone too, and NAME@LAYER cuts one at a layer."
    )


@app.command()
def embed(
    photos: Photos,
    backbone: Annotated[
        str, typer.Option("--backbone", "-b", help="Name, NAME@LAYER, or a model file.")
    ],
    out: Annotated[Path, typer.Option(help="The file to write, .npz.")],
    weights: Weights = None,
    pooling: Annotated[PoolingOption, typer.Option()] = PoolingOption.avg,
    size: Size = None,
    resize: Annotated[ResizeOption, typer.Option()] = ResizeOption.squash,
    precision: Precision = PrecisionOption.float32,
    engine: Annotated[EngineOption, typer.Option()] = EngineOption.auto,
) -> None:
    """Embed PHOTOS with one backbone into one file."""
    import embedlens as el
    from embedlens.cli.progress import TerminalProgress

    given = _weights(weights)
    chosen = el.get_backbone(backbone, weights=given.get(backbone.partition("@")[0]))
    with TerminalProgress() as progress:
        images = el.ImageSet.read(
            photos, progress=lambda done, total: progress("reading pictures", done, total)
        )
        features = el.embed(
            images,
            chosen,
            pooling=pooling.value,
            size=size,
            resize=resize.value,
            precision=precision.value,
            engine=engine.value,
            store=out.with_name(out.name + ".store"),
            progress=lambda done, total: progress(f"{chosen.name}: embedding", done, total),
        )
        el.features.write_features(features, out)
    _remove(out.with_name(out.name + ".store"))
    for problem in images.problems:
        typer.echo(f"{problem.path}: {problem.reason}", err=True)
    print(f"{out}: {features.values.shape[0]} pictures x {features.values.shape[1]} features")


@app.command()
def score(
    file: Annotated[Path, typer.Argument(help="Features, as `embedlens embed` writes them.")],
    json_: Json = False,
) -> None:
    """Score features: silhouette, linear probe and k nearest neighbours."""
    from embedlens.cli.tables import print_table
    from embedlens.features import read_features
    from embedlens.study import score_features

    rows = score_features(read_features(file))
    if json_:
        print(json.dumps(rows, indent=1))
    else:
        print_table(rows, ["score", "value", "on"])


@app.command()
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
    chosen = el.get_backbone(backbone, weights=_weights(weights).get(backbone.partition("@")[0]))
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


@app.command()
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


@app.command(name="map")
def map_(
    file: Annotated[Path, typer.Argument(help="Features, as `embedlens embed` writes them.")],
    out: Annotated[Path, typer.Option(help="The table to write, .csv.")],
    method: Annotated[
        MapOption, typer.Option(help="Which map; silhouette learns from the labels.")
    ] = MapOption.tsne,
    dimensions: Annotated[int, typer.Option(min=2, max=3, help="Of the map.")] = 3,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Map features to 3 (or 2) dimensions."""
    from embedlens.features import read_features
    from embedlens.study import held_out_silhouette, map_features

    table = map_features(read_features(file), method.value, dimensions, seed)
    table.to_csv(out, index=False)
    print(f"{out}: {len(table)} points in {dimensions} dimensions")
    if "learned" in table:
        learned = int(table["learned"].sum())
        print(
            f"The map was learned from the labels of {learned} pictures. Silhouette of the "
            f"{len(table) - learned} held out: {held_out_silhouette(table):.3f}"
        )


def _run(pictures: str | Path, names: list[str] | None, **settings: Any) -> None:
    import embedlens as el
    from embedlens.cli.progress import TerminalProgress
    from embedlens.cli.tables import print_results

    one = el.Study(pictures, names, **settings)
    with TerminalProgress() as progress:
        results = one.run(progress)
        progress("report", 0, 0)
        path = one.report()
    print_results(results, one.verdict())
    print(f"\nReport: {path.resolve()}")


def _weights(given: list[str] | None) -> dict[str, str]:
    """Read NAME=FILE options."""
    pairs = [each.partition("=") for each in given or []]
    for name, equals, file in pairs:
        if not (name and equals and file):
            raise typer.BadParameter(
                f"{name}{equals}{file} is not NAME=FILE; write, say, --weights "
                "Xception=xception.weights.h5 or --weights ResNet50V2=random."
            )
    return {name: file for name, _, file in pairs}


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
