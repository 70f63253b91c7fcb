"""The report: one HTML file that asks nothing of any other."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.report.check_page import findings_by_kind
from embedlens.report.misplaced import Misplaced, find_misplaced
from embedlens.report.mistakes import Mistakes, find_mistakes
from embedlens.report.names import backbone_labels
from embedlens.report.palette import DISTINCT, look
from embedlens.report.silhouette_figure import MAX_CLASSES
from embedlens.report.table import Table
from embedlens.report.tables import class_counts
from embedlens.report.thumbnails import Thumbnails, spread_rows
from embedlens.report.viewer_block import ViewerBlock
from embedlens.results import (
    Results,
    Verdict,
    correlation_sentence,
    correlations,
    judge_learned_maps,
    judge_tuning,
    learned_map_sentence,
    tuning_sentence,
)
from embedlens.results.measurements import DISTORTION_SAMPLE, GRAM_LIMIT
from embedlens.results.vocabulary import HEADS

_TEMPLATES = Path(__file__).parent / "templates"
_PACKAGES = (
    "embedlens", "keras", "jax", "openvino", "numpy", "scipy", "scikit-learn", "numba", "pandas",
    "pillow", "matplotlib",
)  # fmt: skip

# What the page may hold, so that it stays a few megabytes whatever the study.
MAX_MAP_CHARACTERS = 4_500_000
MAX_TUNED_CHARACTERS = 2_500_000
MAX_ROWS = 200
MAX_SHEET = 480
MAX_MISTAKES = 24
MAX_MISPLACED = 12
_PER_CLASS = 8
_NEAREST = 5


@dataclass(frozen=True)
class MapDrawing:
    """One map as the page shows it.

    Attributes
    ----------
    title : str
        Its name.
    svg : str
        The drawing.
    seen_from : str
        The viewpoint, in words.
    measures : Mapping of str to str
        Formatted, by the names of the columns of the table of maps.
    learned : bool, default False
        Whether the map learned from labels.
    flat : bool, default False
        Whether its points lie in a plane, on a line or in one place, though it has three axes.
    """

    title: str
    svg: str
    seen_from: str
    measures: Mapping[str, str]
    learned: bool = False
    flat: bool = False


@dataclass(frozen=True)
class Figures:
    """The drawings of a page, as SVG elements.

    Attributes
    ----------
    accuracy, speed
        Of all backbones.
    maps
        By backbone, from best to worst.
    silhouettes
        Of the best backbone, with the name of the space.
    tuned
        Maps of fine-tuned backbones; they tell the silhouette by stage, "pretrained" and "tuned".
    learning
        Learning curves, by backbone.
    reduced
        Accuracy of the top on maps against their silhouette.
    """

    accuracy: str
    speed: str | None
    maps: Mapping[str, Sequence[MapDrawing]]
    silhouettes: Sequence[tuple[str, str]]
    tuned: Mapping[str, Sequence[MapDrawing]] = field(default_factory=dict)
    learning: Mapping[str, str] = field(default_factory=dict)
    reduced: str | None = None


def render_page(
    results: Results,
    verdict: Verdict,
    tables: Mapping[str, Table],
    figures: Figures,
    nearest: NDArray[np.int64] | None,
    viewer: ViewerBlock | None,
) -> str:
    """Return the page.

    Parameters
    ----------
    results : Results
        Of the study.
    verdict : Verdict
        By the linear probe.
    tables : mapping of str to Table
        All of them.
    figures : Figures
        All of them.
    nearest : ndarray of shape (pictures, k) or None
        Rows of the nearest pictures of each in the features of the best backbone; None where those
        are gone.
    viewer : ViewerBlock or None
        The 3-D viewer.

    Returns
    -------
    str
        HTML.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    context = _context(results, verdict, tables, figures, nearest, viewer)
    return environment.get_template("report.html").render(context)


def _context(
    results: Results,
    verdict: Verdict,
    tables: Mapping[str, Table],
    figures: Figures,
    nearest: NDArray[np.int64] | None,
    viewer: ViewerBlock | None,
) -> dict[str, Any]:
    """Return what the template is filled with."""
    thumbnails = Thumbnails(results)
    best = verdict.standings[0].backbone
    mistakes = find_mistakes(results, best, verdict.head)
    misplaced = () if nearest is None else find_misplaced(results, best, nearest)
    counts = class_counts(results)
    return {
        "name": results.name,
        "today": date.today().isoformat(),
        "results": results,
        "settings": asdict(results.settings),
        "transforms": _transforms(results.backbones),
        "verdict": verdict,
        "head": HEADS.title(verdict.head),
        "tables": tables,
        "labels": backbone_labels(results),
        "random": [each.backbone for each in verdict.standings if not each.pretrained],
        "classes": [(name, look(i)) for i, name in enumerate(counts.index)],
        "looks_repeat": len(counts) > DISTINCT,
        "pictures": int(counts["all"].sum()),
        "splits": counts.sum().to_dict(),
        "largest": _largest_class(results),
        "figures": figures,
        "shown_maps": _within(figures.maps, MAX_MAP_CHARACTERS),
        "shown_tuned": _within(figures.tuned, MAX_TUNED_CHARACTERS),
        "tuning": tuning_sentence(judge_tuning(results)),
        "failed_maps": learned_map_sentence(judge_learned_maps(results)),
        "layers": dict(results.tunings[["backbone", "layer"]].drop_duplicates().to_numpy()),
        "unsettled": _unsettled(results),
        "correlation": correlation_sentence(correlations(results, seed=results.settings.seed)),
        "sheet": _contact_sheet(results, thumbnails),
        "mistakes": mistakes,
        "wrong": _wrong(mistakes, thumbnails),
        "best": best,
        "silhouette_drawings": figures.silhouettes,
        "max_knives": MAX_CLASSES,
        "nearest": nearest,
        "misplaced": misplaced,
        "astray": _astray(results, misplaced, thumbnails),
        "viewer": viewer,
        "place": str(thumbnails.place),
        "versions": _versions(),
        "groups": _findings(results, thumbnails),
        "where": "results/findings.parquet",
        "max_rows": MAX_ROWS,
        "gram_limit": GRAM_LIMIT,
        "distortion_sample": DISTORTION_SAMPLE,
    }


def _within(
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


def _contact_sheet(results: Results, thumbnails: Thumbnails) -> list[dict[str, Any]]:
    """Return a few thumbnails of each class, for as many classes as there is room for."""
    counts = class_counts(results)["all"]
    per_class = min(_PER_CLASS, max(1, MAX_SHEET // len(counts)))
    rows = dict(list(spread_rows(results, per_class).items())[:MAX_SHEET])
    made = thumbnails.make([row for own in rows.values() for row in own])
    paths = results.pictures["path"]
    return [
        {
            "name": name,
            "count": int(counts[name]),
            "thumbnails": [(made[row], str(paths[row])) for row in own if row in made],
        }
        for name, own in rows.items()
        if any(row in made for row in own)
    ]


def _wrong(mistakes: Mistakes, thumbnails: Thumbnails) -> list[dict[str, Any]]:
    """Return the surest mistakes, each with its thumbnail or none."""
    shown = mistakes.wrong[:MAX_MISTAKES]
    made = thumbnails.make([each.row for each in shown])
    return [{**asdict(each), "thumbnail": made.get(each.row)} for each in shown]


def _transforms(backbones: pd.DataFrame) -> list[tuple[list[str], str]]:
    """Return how pictures were fitted and scaled, and for which backbones so."""
    if "transform" not in backbones:  # of a study that 0.1.0 ran: it had one way for all
        backbones = backbones.assign(transform=backbones["resize"] + " to the input size")
    groups = backbones.groupby("transform", sort=False)["backbone"]
    return [(names.to_list(), str(transform)) for transform, names in groups]


def _unsettled(results: Results) -> list[str]:
    """Name the backbones whose top was still learning at its last epoch, in any repeat."""
    settled = results.mean("top.converged", "validation")
    return [str(name) for name, share in settled.items() if share < 1]


def _astray(
    results: Results, misplaced: Sequence[Misplaced], thumbnails: Thumbnails
) -> list[dict[str, Any]]:
    """Return the pictures that are most misplaced, and those nearest to each."""
    shown = misplaced[:MAX_MISPLACED]
    made = thumbnails.make([row for each in shown for row in (each.row, *each.nearest[:_NEAREST])])
    labels = results.pictures["label"]
    return [
        {
            **asdict(each),
            "thumbnail": made.get(each.row),
            "near": [
                (made[row], str(labels[row])) for row in each.nearest[:_NEAREST] if row in made
            ],
        }
        for each in shown
    ]


def _largest_class(results: Results) -> dict[str, Any]:
    """Return the class that a guess would name, and how often that would be right."""
    counts = class_counts(results)
    largest, test = int(counts["all"].argmax()), counts["test"].to_numpy()
    return {"name": str(counts.index[largest]), "share": float(test[largest] / max(test.sum(), 1))}


def _findings(results: Results, thumbnails: Thumbnails) -> list[dict[str, Any]] | None:
    """Return what the check of the pictures found, by kind; None where there was none."""
    if results.findings is None:
        return None
    return findings_by_kind(results.findings, thumbnails.by_path)


def _versions() -> dict[str, str]:
    versions = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
