"""The figures of a study: each written into its folder, and drawn again for the page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlens.metrics import is_flat
from embedlens.metrics.stratified import COMPARED, compared_by_content
from embedlens.report.accuracy_figure import draw_accuracy, draw_speed
from embedlens.report.figure import inline_svg, write_figure
from embedlens.report.label_curves import draw_label_curves
from embedlens.report.learning_figure import draw_learning
from embedlens.report.map_figure import draw_one, draw_side_by_side
from embedlens.report.names import backbone_labels
from embedlens.report.reduced_figure import draw_reduced
from embedlens.report.reliability import draw_reliability
from embedlens.report.silhouette_figure import draw_silhouettes, worst_classes
from embedlens.report.table import Table
from embedlens.report.tables import class_counts
from embedlens.report.viewpoint import Viewpoint, best_viewpoint
from embedlens.results import (
    Results,
    Verdict,
    judge_calibration,
    judge_learning_curves,
    reduced_features,
)
from embedlens.results.vocabulary import FEATURES, MAPS, PRETRAINED, STAGES, TUNED, space_of
from embedlens.viewer.scene import backbone_key
from embedlens.viewer.study_scene import opening_map

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class MapDrawing:
    """One map as the page shows it.

    Attributes
    ----------
    title : str
        Its name.
    svg : str
        The drawing.
    viewpoint : Viewpoint
        From where it is seen.
    measures : Mapping of str to str
        Formatted, by the names of the columns of the table of maps.
    learned : bool, default False
        Whether the map learned from labels.
    flat : bool, default False
        Whether its points lie in a plane, on a line or in one place, though it has three axes.
    """

    title: str
    svg: str
    viewpoint: Viewpoint
    measures: Mapping[str, str]
    learned: bool = False
    flat: bool = False

    @property
    def seen_from(self) -> str:
        """The viewpoint in words."""
        at = self.viewpoint
        return f"azimuth {at.azimuth:.0f}°, elevation {at.elevation:.0f}°"


@dataclass(frozen=True)
class Figures:
    """The drawings of a page, as SVG elements.

    Attributes
    ----------
    accuracy, speed
        Of all backbones.
    maps
        By backbone, that to take first.
    opening
        The map that the viewer opens with: of the backbone to take, the one that keeps most.
    silhouettes
        Of the backbone to take, with the name of the space.
    tuned
        Maps of fine-tuned backbones; they tell the silhouette by stage, "pretrained" and "tuned".
    learning
        Learning curves, by backbone.
    reduced
        Accuracy of the top on maps against their silhouette.
    labels
        Accuracy by the number of labels; intervals and law are of the backbone to take.
    reliability
        Accuracy by confidence, of the backbone to take.
    """

    accuracy: str
    speed: str | None
    maps: Mapping[str, Sequence[MapDrawing]] = field(default_factory=dict)
    silhouettes: Sequence[tuple[str, str]] = ()
    tuned: Mapping[str, Sequence[MapDrawing]] = field(default_factory=dict)
    learning: Mapping[str, str] = field(default_factory=dict)
    reduced: str | None = None
    labels: str | None = None
    reliability: str | None = None
    opening: MapDrawing | None = None


def draw_figures(results: Results, verdict: Verdict, measures: Table, folder: Path) -> Figures:
    """Write every figure and return the page's copies.

    Parameters
    ----------
    results : Results
        The backbones in the order of the verdict.
    verdict : Verdict
        Whose accuracy is drawn.
    measures : Table
        The table of maps, whose numbers stand under each.
    folder : Path
        To write ``*.png`` and ``*.svg`` into. Figures of an earlier report are removed.
    """
    drawn = draw_verdict(verdict, folder)
    best, curves = verdict.take.backbone, judge_learning_curves(results)
    maps = _draw_maps(results, measures, folder)
    reliability = draw_reliability(judge_calibration(results), best)
    return replace(
        drawn,
        maps={best: maps[best], **maps},
        opening=_draw_opening(results, maps[best]),
        silhouettes=_draw_silhouettes(results, best, folder),
        tuned=_draw_tuned(results, folder),
        learning=_draw_learning(results, folder),
        reduced=_draw_reduced(results, folder),
        labels=_drawn(draw_label_curves(results, curves, best), folder, "labels"),
        reliability=_drawn(reliability, folder, "reliability"),
    )


def draw_verdict(verdict: Verdict, folder: Path) -> Figures:
    """Write the figures of a verdict alone, and remove those of an earlier report."""
    _forget_figures(folder)
    accuracy = draw_accuracy(verdict.standings)
    write_figure(accuracy, folder, "accuracy")
    speed = draw_speed(verdict.standings)
    if speed:
        write_figure(speed, folder, "speed")
    return Figures(
        accuracy=inline_svg(accuracy, "accuracy"),
        speed=inline_svg(speed, "speed") if speed else None,
    )


def _drawn(figure: Figure | None, folder: Path, name: str) -> str | None:
    """Write a figure, and return it for the page; an earlier report's is removed."""
    for suffix in ("png", "svg"):
        (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    if figure is None:
        return None
    write_figure(figure, folder, name)
    return inline_svg(figure, name)


def _draw_silhouettes(results: Results, best: str, folder: Path) -> list[tuple[str, str]]:
    """Write the silhouettes of every backbone in every space; return those of the best."""
    labels = results.pictures["label"][results.pictures["kept"]].to_numpy(str)
    classes = list(class_counts(results).index)
    drawn = []
    for (backbone, stage), rows in results.silhouettes.groupby(["backbone", "stage"], sort=False):
        rows = rows[rows[FEATURES.key].notna()]
        values = rows.drop(columns=["backbone", "stage", "picture"]).dropna(axis=1)
        low = float(values.to_numpy().min()) - 0.05
        own = labels[rows["picture"]]
        shown = worst_classes(values.iloc[:, 0].to_numpy(), own)
        spaces = {space_of(str(each)).title: values[each].to_numpy() for each in values}
        name = f"silhouettes-{safe_name(backbone_key(str(backbone), str(stage)))}"
        write_figure(draw_silhouettes(spaces, own, classes, shown, low), folder, name)
        if (backbone, stage) == (best, PRETRAINED.key):
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
            results, (backbone, PRETRAINED.key), label, safe_name(backbone), folder,
            measures_of(label),
        )
        for backbone, label in backbone_labels(results).items()
    }  # fmt: skip


def _draw_opening(results: Results, drawings: Sequence[MapDrawing]) -> MapDrawing | None:
    """Draw the map that the viewer opens with once more: ids within a page must differ."""
    opening = opening_map(results)
    if opening is None:
        return None
    backbone, stage, name = opening.rsplit("/", 2)
    rows, labels = _rows_drawn(results)
    points = results.maps[backbone, stage][name][rows]
    same = next(each for each in drawings if each.title == MAPS.title(name))
    drawn = draw_one(name, points, labels, list(class_counts(results).index), same.viewpoint)
    return replace(same, svg=inline_svg(drawn, "opening"))


def _draw_tuned(results: Results, folder: Path) -> dict[str, list[MapDrawing]]:
    """Draw the maps of fine-tuned backbones, with the silhouettes before and after."""
    return {
        backbone: _draw_stage(
            results, (backbone, TUNED.key), f"{label}, fine-tuned", f"{safe_name(backbone)}-tuned",
            folder, partial(_before_and_after, results, backbone),
        )
        for backbone, label in backbone_labels(results).items()
        if results.maps.get((backbone, TUNED.key))
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
    rows, labels = _rows_drawn(results)
    classes, learned = list(class_counts(results).index), _learned(results)[rows]
    maps = {name: points[rows] for name, points in results.maps[key].items()}
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
                viewpoint=viewpoints[name],
                measures=measures_of(name),
                learned=space_of(name).learned,
                flat=name != "pca" and is_flat(points),
            )
        )
    return drawings


def _rows_drawn(results: Results) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Return the rows that maps are drawn of, a stratified sample of many, and their classes."""
    kept = results.pictures[results.pictures["kept"]]
    labels = kept["label"].to_numpy(str)
    rows = compared_by_content(labels, kept["id"].to_numpy(str), COMPARED)
    return rows, labels[rows]


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
            name = f"learning-{safe_name(backbone)}"
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


def first_within(
    maps: Mapping[str, Sequence[MapDrawing]], limit: int
) -> dict[str, Sequence[MapDrawing]]:
    """Take the maps of the first backbones until they would take too much room; at least one's."""
    taken: dict[str, Sequence[MapDrawing]] = {}
    size = 0
    for backbone, drawings in maps.items():
        size += sum(len(each.svg) for each in drawings)
        if taken and size > limit:
            break
        taken[backbone] = drawings
    return taken


def _row(columns: list[str], cells: list[str]) -> Mapping[str, str]:
    return dict(zip(columns, cells, strict=True))


def safe_name(backbone: str) -> str:
    """Return a backbone's name without what file systems refuse."""
    return re.sub(r"[^\w.@+-]", "_", backbone)


def _forget_figures(folder: Path) -> None:
    """Remove figures of an earlier report, whose backbones may no longer be in the study."""
    for kind in ("map", "learning", "silhouettes"):
        for old in [*folder.glob(f"{kind}-*.png"), *folder.glob(f"{kind}-*.svg")]:
            old.unlink()
