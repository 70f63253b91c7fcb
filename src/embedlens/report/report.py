"""A finished study in, its tables, figures and HTML report out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from embedlens.report.accuracy_figure import draw_accuracy, draw_speed
from embedlens.report.figure import inline_svg, write_figure
from embedlens.report.map_figure import MAP_NAMES, draw_one, draw_side_by_side
from embedlens.report.page import Figures, MapDrawing, render_page
from embedlens.report.silhouette_figure import draw_silhouettes, worst_classes
from embedlens.report.table import Table
from embedlens.report.tables import (
    SPACE_NAMES,
    backbone_labels,
    class_counts,
    ranked,
    tables_of,
    verdicts_of,
)
from embedlens.report.viewer_block import viewer_block
from embedlens.report.viewpoint import Viewpoint, best_viewpoint
from embedlens.report.writing import write_whole
from embedlens.study import Results, Verdict
from embedlens.study.results import finished_results
from embedlens.viewer.scene import backbone_key
from embedlens.viewer.whole_scene import nearest_pictures


def write_report(folder: Path) -> Path:
    """Write the tables, figures and report of a finished study into its folder.

    Parameters
    ----------
    folder : Path
        The study folder. ``tables/*.csv``, ``.md`` and ``.tex``, ``figures/*.png`` and ``.svg``
        and ``report.html`` in it are written anew.

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
    folder = Path(folder)
    results = finished_results(folder)
    verdicts = verdicts_of(results)
    verdict = next(iter(verdicts.values()))
    results = ranked(results, verdict)
    tables = tables_of(results, verdicts)
    for name, table in tables.items():
        table.write(folder / "tables", name)
    figures = _draw(results, verdict, tables["maps"], folder / "figures")
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
        spaces = {SPACE_NAMES.get(str(each), str(each)): values[each].to_numpy() for each in values}
        name = f"silhouettes-{_file_name(backbone_key(str(backbone), str(stage)))}"
        write_figure(draw_silhouettes(spaces, own, classes, shown, low), folder, name)
        if (backbone, stage) == (best, "pretrained"):
            for title, one in spaces.items():
                figure = draw_silhouettes({title: one}, own, classes, shown, low)
                drawn.append((title, inline_svg(figure, f"{name}-{title}")))
    return drawn


def _draw_maps(results: Results, measures: Table, folder: Path) -> dict[str, list[MapDrawing]]:
    labels = results.pictures["label"][results.pictures["kept"]].to_numpy(str)
    classes = list(class_counts(results).index)
    told = {(row[0], row[1]): row for row in measures.cells()}
    columns = list(measures.frame.columns)
    drawings = {}
    for backbone, label in backbone_labels(results).items():
        maps = results.maps[backbone, "pretrained"]
        viewpoints = {name: best_viewpoint(points, labels) for name, points in maps.items()}
        both = draw_side_by_side(label, maps, labels, classes, viewpoints)
        write_figure(both, folder, f"map-{_file_name(backbone)}")
        drawings[backbone] = [
            MapDrawing(
                title=MAP_NAMES.get(name, name),
                svg=inline_svg(
                    draw_one(name, points, labels, classes, viewpoints[name]),
                    f"{backbone}-{name}",
                ),
                seen_from=_in_words(viewpoints[name]),
                measures=_row(columns, told[label, MAP_NAMES.get(name, name)]),
            )
            for name, points in maps.items()
        ]
    return drawings


def _row(columns: list[str], cells: list[str]) -> Mapping[str, str]:
    return dict(zip(columns, cells, strict=True))


def _in_words(viewpoint: Viewpoint) -> str:
    return f"azimuth {viewpoint.azimuth:.0f}°, elevation {viewpoint.elevation:.0f}°"


def _file_name(backbone: str) -> str:
    """Return a backbone's name without what file systems refuse."""
    return re.sub(r"[^\w.@+-]", "_", backbone)


def _forget_figures(folder: Path) -> None:
    """Remove figures of an earlier report, whose backbones may no longer be in the study."""
    for kind in ("map", "silhouettes"):
        for old in [*folder.glob(f"{kind}-*.png"), *folder.glob(f"{kind}-*.svg")]:
            old.unlink()
