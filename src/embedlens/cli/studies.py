"""Commands about a study: run one, report it, view it, export it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embedlens.cli.options import (
    ActorCpus,
    Cluster,
    Engine,
    Folder,
    Group,
    Json,
    Labels,
    Photos,
    Pooling,
    Precision,
    PrecisionOption,
    Resize,
    Separator,
    Size,
    SplitByTime,
    Transforms,
    Unlabelled,
    Weights,
    filled,
    folder_option,
    names_in,
    transforms_by_name,
    weights_by_name,
)
from embedlens.cli.predictions import Head, OfStudy
from embedlens.given_path import given_path

if TYPE_CHECKING:
    from embedlens.results import Results
    from embedlens.study import Study


class DemoOption(StrEnum):
    """Pictures that come with the install."""

    clothes = "clothes"
    digits = "digits"


class ExportOption(StrEnum):
    """What for."""

    parquet = "parquet"
    csv = "csv"
    tensorboard = "tensorboard"
    onnx = "onnx"
    openvino = "openvino"


Backbones = Annotated[
    list[str] | None,
    typer.Option("--backbones", "-b", metavar="A,B,...", show_default=False,
                 help="Names as in `embedlens backbones`, NAME@LAYER, model files, or a "
                      "shortlist: @small, @modern, @paper. "
                      "May be repeated. \\[default: all whose weights are here]"),
]  # fmt: skip
Out = Annotated[Path | None, folder_option("Study folder. \\[default: embedlens-PHOTOS]")]
Preset = Annotated[
    str | None,
    typer.Option(help="'paper': the published study's protocol.", show_default=False),
]
Repeats = Annotated[
    int | None,
    typer.Option(help="Splits the heads are trained and tested on. \\[default: 5]", min=1,
                 show_default=False),
]  # fmt: skip
Seed = Annotated[int, typer.Option(help="Of everything random.", min=0)]
Top = Annotated[
    bool | None,
    typer.Option("--top/--no-top", show_default=False,
                 help="Train the published study's top classifier as well."),
]  # fmt: skip
Finetune = Annotated[
    bool | None,
    typer.Option("--finetune/--no-finetune", show_default=False,
                 help="Fine-tune the last layers of each backbone too, and measure again."),
]  # fmt: skip
Unfreeze = Annotated[
    str | None,
    typer.Option(metavar="auto|last-conv|last-block|last-stage|all|LAYER", show_default=False,
                 help="Where fine-tuning begins. \\[default: auto, the last convolution; of a "
                      "transformer its last block and norm]"),
]  # fmt: skip
Augment = Annotated[
    bool | None,
    typer.Option("--augment/--no-augment", show_default=False,
                 help="Fine-tune on pictures mirrored, cut and coloured at random: each epoch then "
                      "takes as long as embedding them."),
]  # fmt: skip
Epochs = Annotated[
    int | None,
    typer.Option(help="Of the top, and again of fine-tuning. \\[default: 16]", min=1,
                 show_default=False),
]  # fmt: skip

Maps = Annotated[
    list[str] | None,
    typer.Option(metavar="A,B,...", show_default=False,
                 help="Which maps to make: pca, tsne, silhouette_projection. \\[default: all]"),
]  # fmt: skip
Scores = Annotated[
    bool,
    typer.Option("--scores/--no-scores", help="Measure transferability scores; no verdict needs "
                                              "them."),
]  # fmt: skip
Sample = Annotated[
    int | None,
    typer.Option(min=2, show_default=False,
                 help="With --cluster: pictures that heads, neighbours, maps and scores are of, "
                      "drawn by class. \\[default: 100,000]"),
]  # fmt: skip
Store = Annotated[
    str | None,
    typer.Option(metavar="PLACE", show_default=False, parser=filled,
                 help="With --cluster: a folder or URL that every node reaches, for what is made "
                      "of all pictures. \\[default: cluster, in the study folder]"),
]  # fmt: skip


def demo(
    data: Annotated[
        DemoOption, typer.Option(help="Photographs of clothes, or handwritten digits.")
    ] = DemoOption.clothes,
    out: Annotated[
        Path | None,
        folder_option("Study folder. \\[default: embedlens-demo, or embedlens-demo-digits]"),
    ] = None,
    precision: Precision = PrecisionOption.float32,
    open_: Annotated[
        bool,
        typer.Option("--open/--no-open", help="Open the report in a browser, if one can be seen."),
    ] = True,
) -> None:
    """Run a study on photographs that come with the install, offline, and open its report."""
    from embedlens.cli.browser import open_page
    from embedlens.images.demo import write_demo_pictures
    from embedlens.results.provenance import expect_folder

    folder = out or Path(
        "embedlens-demo" if data is DemoOption.clothes else f"embedlens-demo-{data}"
    )
    expect_folder(folder)
    pictures = folder / data.value
    if not (pictures / ".complete").exists():
        write_demo_pictures(pictures, data.value)
        (pictures / ".complete").touch()
    # Two networks make a comparison; the learned map and the scores would take as long as all else.
    backbones, maps = ["EfficientNetLite0", "EfficientNetLite2"], ["pca", "tsne"]
    _run(pictures, backbones, out=folder, precision=precision.value, maps=maps, scores=False)
    if open_:
        open_page(folder / "report.html")
    print("\nYour own pictures, a folder a class: embedlens study PHOTOS")


def study(
    photos: Photos,
    backbones: Backbones = None,
    out: Out = None,
    weights: Weights = None,
    transform: Transforms = None,
    preset: Preset = None,
    pooling: Pooling = None,
    size: Size = None,
    resize: Resize = None,
    precision: Precision = PrecisionOption.float32,
    engine: Engine = "auto",
    unlabelled: Unlabelled = None,
    labels: Labels = None,
    separator: Separator = None,
    group: Group = None,
    split_by_time: SplitByTime = None,
    repeats: Repeats = None,
    seed: Seed = 0,
    top: Top = None,
    finetune: Finetune = None,
    unfreeze: Unfreeze = None,
    augment: Augment = None,
    epochs: Epochs = None,
    maps: Maps = None,
    scores: Scores = True,
    cluster: Cluster = None,
    actor_cpus: ActorCpus = 1,
    sample: Sample = None,
    store: Store = None,
    json_: Json = False,
) -> None:
    """Embed PHOTOS with many backbones, judge them, and write a report.

    It can be stopped at any moment; the same command goes on where it was.
    """
    names = _expanded(backbones) if backbones else None
    if top is False and (finetune or (preset and finetune is None)):
        raise typer.BadParameter(
            "--no-top is of no use with fine-tuning, which begins with the top; leave one out."
        )
    given = {
        "out": out, "preset": preset, "precision": precision, "engine": engine, "seed": seed,
        "scores": scores, "unlabelled": unlabelled, "group": group, "separator": separator,
        "labels": names_in(*labels) if labels else None,
        "split_by_time": split_by_time, "repeats": repeats, "pooling": pooling, "size": size,
        "resize": resize, "top": top, "finetune": finetune, "unfreeze": unfreeze,
        "augment": augment, "epochs": epochs, "maps": names_in(*maps) if maps else None,
        "weights": weights_by_name(weights), "transforms": transforms_by_name(transform),
    }  # fmt: skip
    settings: dict[str, Any] = {
        name: value.value if isinstance(value, StrEnum) else value
        for name, value in given.items()
        if value is not None
    }
    workers = _workers(cluster, actor_cpus, sample, store)
    run = _run_on_cluster if workers else _run
    judged = run(photos, names, as_json=json_, **workers, **settings)
    if repeats is not None and judged < repeats:
        why = "Time gives one split" if split_by_time else "The pictures come with their split"
        told = f"{why}: there is {judged}, not the {repeats} of --repeats."
        print(told, file=sys.stderr if json_ else sys.stdout)


def _workers(
    address: str | None, cpus: int, sample: int | None, store: str | None
) -> dict[str, Any]:
    """Return what a study on a cluster is told besides; nothing without one."""
    given = {
        name: value for name, value in (("sample", sample), ("store", store)) if value is not None
    }
    if address is not None:
        return {"address": address, "cpus": cpus, **given}
    if given:
        raise typer.BadParameter(f"--{next(iter(given))} is of --cluster; leave it out.")
    return {}


def _expanded(backbones: list[str]) -> list[str]:
    """Read names, and say which of a shortlist cannot be used here."""
    from embedlens.backbones import expand

    found = expand(names_in(*backbones))
    if found.note:
        typer.echo(found.note, err=True)
    return list(found.names)


def report(
    folder: Folder,
) -> None:
    """Write a study's report again, from its stored results."""
    from embedlens.report import write_report

    print(write_report(folder))


def view(
    what: Annotated[
        Path,
        typer.Argument(
            parser=given_path,
            metavar="STUDY|CHECK",
            show_default=False,
            help="A study folder; the folder of a check; or a map as `embedlens map` writes it: a "
            "CSV or Parquet table with the columns x, y, perhaps z, label, path, and any others.",
        ),
    ],
    photos: Annotated[
        Path | None,
        typer.Option(parser=given_path, metavar="FOLDER", show_default=False,
                     help="With a map: the folder where its pictures lie, as its paths name them."),
    ] = None,
    columns: Annotated[
        Path | None,
        typer.Option(parser=given_path, metavar="TABLE", show_default=False,
                     help="A CSV, TSV or Parquet table with the column path and any others: points "
                     "can then be coloured and searched by those."),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="\\[default: a free one]", show_default=False)
    ] = 0,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")
    ] = True,
) -> None:  # fmt: skip
    """Look at a study or a check in 3-D, in the browser, served on this machine only."""
    from embedlens.results.checked import is_check
    from embedlens.viewer import add_columns, serve, served_check, served_file, served_study

    if what.is_dir() and photos:
        raise typer.BadParameter(
            "--photos is of a map; a study or a check knows where its pictures are. Leave it out."
        )
    if not what.is_dir():
        served = served_file(what, photos)
    else:
        served = served_check(what) if is_check(what) else served_study(what)
    told = None if columns is None else add_columns(served.scene, columns)
    print("\n".join(filter(None, [served.summary(), told])))
    serve(
        served,
        port,
        open_browser=browser,
        ready=lambda url: print(f"{url}  (Ctrl-C stops it)", flush=True),
    )


_FEATURES = {
    ExportOption.csv: "has no place for them: take --to parquet",
    **dict.fromkeys(
        (ExportOption.tensorboard, ExportOption.onnx, ExportOption.openvino),
        "holds the features always. Leave it out",
    ),
}


def export(
    folder: Annotated[
        Path,
        typer.Argument(parser=given_path, metavar="STUDY",
                       help="A study folder; for onnx and openvino also a saved classifier."),
    ],
    to: Annotated[
        ExportOption,
        typer.Option(
            help="parquet, csv: a row a picture, with predictions, coordinates, silhouettes. "
            "tensorboard: features and maps for its Embedding Projector. onnx, openvino: a "
            "classifier, one graph from pixels to probabilities, with a script that needs no "
            "embedlens."
        ),
    ],
    out: Annotated[Path, folder_option("The folder to write to.")],
    features: Annotated[
        bool, typer.Option("--features", help="With parquet: the features too.")
    ] = False,
    backbone: OfStudy = None,
    head: Head = None,
) -> None:  # fmt: skip
    """Write what a study found for other tools."""
    from embedlens.report import export_csv, export_parquet, export_tensorboard

    if features and to is not ExportOption.parquet:
        raise typer.BadParameter(f"--features is of --to parquet; {to.value} {_FEATURES[to]}.")
    graphs = to in (ExportOption.onnx, ExportOption.openvino)
    if not graphs and (backbone or head):
        raise typer.BadParameter(
            f"--backbone and --head are of --to onnx and --to openvino; {to.value} holds all. "
            "Leave them out."
        )
    if out.suffix.lower() in (".parquet", ".csv", ".tsv"):
        raise typer.BadParameter(
            f"--out is a folder, and {out} is named like a file; write, say, --out "
            f"{out.with_suffix('')}."
        )
    if graphs:
        _export_classifier(folder, to.value, out, backbone, head.value if head else None)
    elif to is ExportOption.parquet:
        print(export_parquet(folder, out, features=features))
    elif to is ExportOption.csv:
        print(export_csv(folder, out))
    else:
        print(export_tensorboard(folder, out))
        print(f"Look at it with: tensorboard --logdir {out}")


def _export_classifier(
    what: Path, to: str, out: Path, backbone: str | None, head: str | None
) -> None:
    from embedlens.classify import export_classifier, open_classifier

    classifier = open_classifier(what, backbone, head)
    made = export_classifier(classifier, to, out)
    print(made)
    if classifier.expected:
        print(classifier.expected.sentence())
    print(f"Try it with: python {made / 'classify.py'} PICTURE")


def _run(
    pictures: str | Path, names: list[str] | None, *, as_json: bool = False, **settings: Any
) -> int:
    """Run a study, tell its verdict, and return how many splits there were."""
    import embedlens as el
    from embedlens.cli.progress import TerminalProgress

    one = el.Study(pictures, names, **settings)
    with TerminalProgress(one.time_left) as progress:
        results = one.run(progress, early=None if as_json else partial(_tell_early, one.folder))
        progress("report", 0, 0)
        path = one.report()
    return _tell(one, results, path, as_json=as_json)


def _run_on_cluster(
    pictures: str, names: list[str] | None, *, as_json: bool, **settings: Any
) -> int:
    from embedlens.cli.progress import TerminalProgress
    from embedlens.cluster.study import study_of
    from embedlens.images import resolved
    from embedlens.results.provenance import default_folder

    settings.setdefault("out", default_folder("embedlens", resolved(pictures)))
    with TerminalProgress() as progress:
        one = study_of(pictures, names, progress=progress, **settings)
        progress("report", 0, 0)
        path = one.report()
    return _tell(one, one.results(), path, as_json=as_json)


def _tell(one: Study, results: Results, path: Path, *, as_json: bool) -> int:
    from embedlens.cli.tables import print_notes
    from embedlens.images import NOTES, Problem

    problems = [Problem(*row) for row in results.problems.itertuples(index=False)]
    print_notes(each for each in problems if each.kind in NOTES)
    told = _classes_told if results.label_sets is None else _labels_told
    record, show, repeats = told(results)
    if as_json:
        print(json.dumps({**record, "report": str(path.resolve())}, indent=1))
    else:
        show()
        print(f"\nReport: {path.resolve()}")
    return repeats


Told = tuple[dict[str, Any], Callable[[], None], int]
"""A study for programs, what prints it for people, and in how many splits it was tested."""


def _classes_told(results: Results) -> Told:
    from embedlens.cli.tables import print_results, verdict_record
    from embedlens.results import judge

    verdict = judge(results)

    def show() -> None:
        print_results(results, verdict)
        for each in (results.whole, results.unlabelled):
            if each is not None:
                print(f"\n{each.sentence()}")

    return verdict_record(results, verdict), show, verdict.repeats


def _labels_told(results: Results) -> Told:
    from embedlens.cli.label_tables import label_record, print_labels
    from embedlens.results import judge_labels

    verdict = judge_labels(results)

    def show() -> None:
        print_labels(results, verdict)
        if results.unlabelled is not None:
            print(f"\n{results.unlabelled.sentence()}")

    return label_record(results, verdict), show, verdict.repeats


def _tell_early(folder: Path, results: Results) -> None:
    """Tell the verdict as soon as it is known, and write a report that shows it."""
    from embedlens.cli.label_tables import print_label_verdict
    from embedlens.cli.tables import print_verdict
    from embedlens.report import write_first_report
    from embedlens.results import judge, judge_labels

    if results.label_sets is None:
        print_verdict(results, judge(results))
        follows = "Maps, scores and checks follow; they"
    else:
        print_label_verdict(results, judge_labels(results))
        follows = "Maps and checks follow; they"
    path = write_first_report(folder, results)
    print(f"\nFirst report: {path.resolve()}\n{follows} change nothing of this.\n", flush=True)
