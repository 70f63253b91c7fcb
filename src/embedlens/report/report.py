"""A finished study in, its tables, figures and HTML report out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlens.files import write_whole
from embedlens.given_path import given_path
from embedlens.metrics import is_flat
from embedlens.report.accuracy_figure import draw_accuracy, draw_speed
from embedlens.report.figure import inline_svg, write_figure
from embedlens.report.learning_figure import draw_learning
from embedlens.report.map_figure import draw_one, draw_side_by_side
from embedlens.report.names import backbone_labels
from embedlens.report.page import Figures, MapDrawing, render_page
from embedlens.report.paper_tables import has_paper_tables, paper_tables
from embedlens.report.reduced_figure import draw_reduced
from embedlens.report.silhouette_figure import draw_silhouettes, worst_classes
from embedlens.report.table import Table
from embedlens.report.tables import class_counts, ranked, tables_of, verdicts_of
from embedlens.report.viewer_block import viewer_block
from embedlens.report.viewpoint import Viewpoint, best_viewpoint
from embedlens.results import Results, Verdict, reduced_features
from embedlens.results.results import finished_results
from embedlens.results.vocabulary import MAPS, STAGES, space_of
from embedlens.viewer.scene import backbone_key
from embedlens.viewer.whole_scene import nearest_pictures


def write_report(folder: Path) -> Path:
    """Write the tables, figures and report of a finished study into its folder.

    Parameters
    ----------
    folder : Path
        The study folder. ``tables/*.csv``, ``.md`` and ``.tex``, ``figures/*.png`` and ``.svg``,
        ``report.html`` and, where the study's top was trained, ``paper/`` in it are written anew.

    Returns
    -------
    Path
        ``report.html``.

    Raises
    ------
    StudyError
        If it is no study folder, or the study has not been run to its end.

    Examples
    --------
    >>> write_report(Path("my-study"))  # doctest: +SKIP
    PosixPath('my-study/report.html')
    """
    folder = given_path(folder)
    results = finished_results(folder)
    verdicts = verdicts_of(results)
    verdict = next(iter(verdicts.values()))
    as_named, results = results, ranked(results, verdict)
    tables = tables_of(results, verdicts)
    for name, table in tables.items():
        table.write(folder / "tables", name)
    figures = _draw(results, verdict, tables["maps"], folder / "figures")
    tables |= _write_paper(as_named, folder / "paper", folder / "figures")
    found = nearest_pictures(folder, results).get((verdict.standings[0].backbone, "pretrained"))
    nearest = found[1] if found else None
    viewer = viewer_block(folder, results)
    page = folder / "report.html"
    write_whole(page, render_page(results, verdict, tables, figures, nearest, viewer))
    return page


def _draw(results: Results, verdict: Verdict, measures: Table, folder: Path) -> Figures:
    """Write every figure and return the page's copies."""
    _forget_figures(folder)
    accuracy = draw_accuracy(verdict.standings)
    write_figure(accuracy, folder, "accuracy")
    speed = draw_speed(verdict.standings)
    if speed:
        write_figure(speed, folder, "speed")
    return Figures(
        accuracy=inline_svg(accuracy, "accuracy"),
        speed=inline_svg(speed, "speed") if speed else None,
        maps=_draw_maps(results, measures, folder),
        silhouettes=_draw_silhouettes(results, verdict.standings[0].backbone, folder),
        tuned=_draw_tuned(results, folder),
        learning=_draw_learning(results, folder),
        reduced=_draw_reduced(results, folder),
    )


def _draw_silhouettes(results: Results, best: str, folder: Path) -> list[tuple[str, str]]:
    """Write the silhouettes of every backbone in every space; return those of the best."""
    labels = results.pictures["label"][results.pictures["kept"]].to_numpy(str)
    classes = list(class_counts(results).index)
    drawn = []
    for (backbone, stage), rows in results.silhouettes.groupby(["backbone", "stage"], sort=False):
        values = rows.drop(columns=["backbone", "stage", "picture"]).dropna(axis=1)
        low = float(values.to_numpy().min()) - 0.05
        own = labels[rows["picture"]]
        shown = worst_classes(values.iloc[:, 0].to_numpy(), own)
        spaces = {space_of(str(each)).title: values[each].to_numpy() for each in values}
        name = f"silhouettes-{_file_name(backbone_key(str(backbone), str(stage)))}"
        write_figure(draw_silhouettes(spaces, own, classes, shown, low), folder, name)
        if (backbone, stage) == (best, "pretrained"):
            for title, one in spaces.items():
                figure = draw_silhouettes({title: one}, own, classes, shown, low)
                drawn.append((title, inline_svg(figure, f"{name}-{title}")))
    return drawn


def _draw_maps(results: Results, measures: Table, folder: Path) -> dict[str, list[MapDrawing]]:
    told = {(row[0], row[1]): row for row in measures.cells()}
    columns = list(measures.frame.columns)

    def measures_of(label: str) -> Callable[[str], Mapping[str, str]]:
        return lambda name: _row(columns, told[label, MAPS.title(name)])

    return {
        backbone: _draw_stage(
            results, (backbone, "pretrained"), label, _file_name(backbone), folder,
            measures_of(label),
        )
        for backbone, label in backbone_labels(results).items()
    }  # fmt: skip


def _draw_tuned(results: Results, folder: Path) -> dict[str, list[MapDrawing]]:
    """Draw the maps of fine-tuned backbones, with the silhouettes before and after."""
    return {
        backbone: _draw_stage(
            results, (backbone, "tuned"), f"{label}, fine-tuned", f"{_file_name(backbone)}-tuned",
            folder, partial(_before_and_after, results, backbone),
        )
        for backbone, label in backbone_labels(results).items()
        if results.maps.get((backbone, "tuned"))
    }  # fmt: skip


def _draw_stage(
    results: Results,
    key: tuple[str, str],
    title: str,
    file_name: str,
    folder: Path,
    measures_of: Callable[[str], Mapping[str, str]],
) -> list[MapDrawing]:
    """Write the maps of a backbone at a stage side by side; return each for the page."""
    labels = results.pictures["label"][results.pictures["kept"]].to_numpy(str)
    classes, learned = list(class_counts(results).index), _learned(results)
    maps = results.maps[key]
    viewpoints = {name: best_viewpoint(points, labels) for name, points in maps.items()}
    both = draw_side_by_side(title, maps, labels, classes, viewpoints, learned)
    write_figure(both, folder, f"map-{file_name}")
    drawings = []
    for name, points in maps.items():
        told_apart = learned if space_of(name).learned else None
        one = draw_one(name, points, labels, classes, viewpoints[name], told_apart)
        drawings.append(
            MapDrawing(
                title=MAPS.title(name),
                svg=inline_svg(one, f"{file_name}-{name}"),
                seen_from=_in_words(viewpoints[name]),
                measures=measures_of(name),
                learned=space_of(name).learned,
                flat=name != "pca" and is_flat(points),
            )
        )
    return drawings


def _before_and_after(results: Results, backbone: str, name: str) -> dict[str, str]:
    """Return the silhouette in a map of split 1 by stage; of its test pictures where it learned."""
    split = space_of(name).judged_on
    return {
        stage: f"{results.first(f'silhouette.{name}', split, stage).get(backbone, np.nan):.3f}"
        for stage in STAGES
    }


def _learned(results: Results) -> NDArray[np.bool_]:
    """Return which pictures a learned map learned from."""
    kept = results.pictures[results.pictures["kept"]]
    learned: NDArray[np.bool_] = kept["split"].to_numpy(str) != "test"
    return learned


def _draw_learning(results: Results, folder: Path) -> dict[str, str]:
    drawings = {}
    for backbone, label in backbone_labels(results).items():
        history = results.histories[results.histories["backbone"] == backbone]
        if len(history):
            figure = draw_learning(label, history)
            name = f"learning-{_file_name(backbone)}"
            write_figure(figure, folder, name)
            drawings[backbone] = inline_svg(figure, name)
    return drawings


def _draw_reduced(results: Results, folder: Path) -> str | None:
    facts = results.backbones
    random = set(facts.loc[~facts["pretrained"].astype(bool), "backbone"])
    figure = draw_reduced(reduced_features(results), random)
    if figure is None:
        return None
    write_figure(figure, folder, "reduced")
    return inline_svg(figure, "reduced")


def _write_paper(results: Results, folder: Path, figures: Path) -> dict[str, Table]:
    """Write the published study's Tables I to IV and Figures 1 to 10, numbered as there.

    The figures are copies. Backbones are in the order that they were named in, first as they were
    pretrained and then fine-tuned, as in the publication.
    """
    shutil.rmtree(folder, ignore_errors=True)
    if not has_paper_tables(results):
        return {}
    tables = paper_tables(results)
    for name, table in tables.items():
        table.write(folder, name)
    number = 0
    for ending in ("", "-tuned"):
        for backbone in results.backbones["backbone"]:
            number += 1
            for suffix in (".png", ".svg"):
                drawn = figures / f"map-{_file_name(backbone)}{ending}{suffix}"
                if drawn.is_file():
                    shutil.copyfile(drawn, folder / f"figure-{number}{suffix}")
    return tables


def _row(columns: list[str], cells: list[str]) -> Mapping[str, str]:
    return dict(zip(columns, cells, strict=True))


def _in_words(viewpoint: Viewpoint) -> str:
    return f"azimuth {viewpoint.azimuth:.0f}°, elevation {viewpoint.elevation:.0f}°"


def _file_name(backbone: str) -> str:
    """Return a backbone's name without what file systems refuse."""
    return re.sub(r"[^\w.@+-]", "_", backbone)


def _forget_figures(folder: Path) -> None:
    """Remove figures of an earlier report, whose backbones may no longer be in the study."""
    for kind in ("map", "learning", "silhouettes"):
        for old in [*folder.glob(f"{kind}-*.png"), *folder.glob(f"{kind}-*.svg")]:
            old.unlink()
