"""The report of a study of several labels a picture: its tables, its figure, its page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from embedlens import __version__
from embedlens.files import write_whole
from embedlens.report.accuracy_figure import draw_precision
from embedlens.report.figure import inline_svg, write_figure
from embedlens.report.figures import Figures
from embedlens.report.label_curves import draw_label_curves, label_curves_table
from embedlens.report.label_tables import label_tables
from embedlens.report.page import render_sections
from embedlens.report.sections.labels_study import LABEL_SECTIONS
from embedlens.report.short_paths import common_folder
from embedlens.report.summary import SUMMARY
from embedlens.report.table import Table
from embedlens.report.tables import in_order_of
from embedlens.report.thumbnails import Thumbnails
from embedlens.report.viewer_block import ViewerBlock, viewer_block
from embedlens.results import (
    LabelVerdict,
    Results,
    StudyFolder,
    given_weights_sentence,
    judge_labels,
    judge_learning_curves,
    learning_curve_sentence,
)
from embedlens.results.shared_labels import shared_label_sentence


@dataclass(frozen=True)
class LabelMaterial:
    """What the sections of its page draw from; where they have one name, as `Material`'s.

    Attributes
    ----------
    folder : StudyFolder
        Of the study.
    results : Results
        Its backbones from best to worst.
    verdict : LabelVerdict
        By the linear probes.
    tables : mapping of str to Table
        By the names of their files.
    figures : Figures
        Drawn; ``accuracy`` is mean average precision.
    thumbnails : Thumbnails
        Makes small copies of pictures.
    viewer : ViewerBlock or None
        The 3-D viewer.
    complete : bool, default True
        Whether the study has come to its end; else what is there is enough for the verdict.
    """

    folder: StudyFolder
    results: Results
    verdict: LabelVerdict
    tables: Mapping[str, Table]
    figures: Figures
    thumbnails: Thumbnails
    viewer: ViewerBlock | None
    complete: bool = True

    @property
    def question(self) -> str:
        """What the study asks."""
        return "which embedding finds the labels"

    @property
    def kind(self) -> tuple[str, str]:
        """What pictures are told apart by: one, and several."""
        return "label", "labels"

    @property
    def kinds(self) -> int:
        """How many of these there are."""
        return len(self._sets().columns)

    @property
    def pictures(self) -> int:
        """How many pictures the study is of."""
        return len(self._sets())

    @property
    def best(self) -> str:
        """The backbone that the verdict takes."""
        return self.verdict.take.backbone

    @property
    def random(self) -> list[str]:
        """The backbones that are not pretrained."""
        return [each.backbone for each in self.verdict.standings if not each.pretrained]

    @property
    def pictures_folder(self) -> str:
        """The folder that paths are told from; empty where they are relative already."""
        return common_folder(self.results.pictures["path"].map(str))

    def _sets(self) -> pd.DataFrame:
        assert self.results.label_sets is not None
        return self.results.label_sets


def write_label_report(study: StudyFolder, results: Results) -> Path:
    """Write tables, figure, ``report.html`` and ``summary.md``; return the report's path."""
    material = _with_curves(_material(study, results))
    results, take = material.results, material.verdict.take.backbone
    others = [name for name in results.backbones["backbone"] if name != take]
    first = in_order_of(results, [take, *others])
    material = replace(material, viewer=viewer_block(study.path, first), complete=True)
    write_whole(study.report, render_sections(material, LABEL_SECTIONS))
    write_whole(study.path / SUMMARY, _summarise(material))
    return study.report


def write_first_label_report(study: StudyFolder, results: Results) -> Path:
    """Write the report of a study that still runs: its verdict, and what that stands on."""
    sections = [each for each in LABEL_SECTIONS if each.early]
    write_whole(study.report, render_sections(_material(study, results), sections))
    return study.report


def _material(study: StudyFolder, results: Results) -> LabelMaterial:
    """Write tables and figure, and return what the verdict's sections draw from."""
    verdict = judge_labels(results)
    results = in_order_of(results, [each.backbone for each in verdict.standings])
    tables = label_tables(results, verdict)
    for name, table in tables.items():
        table.write(study.tables, name)
    figure = draw_precision(verdict.standings)
    write_figure(figure, study.figures, "precision")
    figures = Figures(inline_svg(figure, "precision"), None)
    return LabelMaterial(
        study, results, verdict, tables, figures, Thumbnails(results), None, complete=False
    )


def _with_curves(material: LabelMaterial) -> LabelMaterial:
    """Write table and figure of learning curves, which the verdict's sections do without."""
    results, study = material.results, material.folder
    curves = judge_learning_curves(results)
    figure = draw_label_curves(results, curves, material.best)
    if figure is None:
        return material
    table = label_curves_table(results, curves)
    table.write(study.tables, "learning_curves")
    write_figure(figure, study.figures, "learning_curves")
    return replace(
        material,
        tables={**material.tables, "learning_curves": table},
        figures=replace(material.figures, labels=inline_svg(figure, "learning_curves")),
    )


def _summarise(material: LabelMaterial) -> str:
    """Return the verdict and what it stands on as plain text that is Markdown as well."""
    verdict, cost = material.verdict, material.verdict.take.cost
    told = [
        f"# {material.results.name}: {material.question}",
        verdict.sentence(),
        given_weights_sentence(material.results),
        verdict.explanation(),
        f"Cost: {cost.milliseconds:.1f} ms a picture, computed on the study's machine."
        if cost else "",
        learning_curve_sentence(material.results, material.best),
        shared_label_sentence(material.results, material.best),
        f"Of {material.pictures:,} pictures with {material.kinds:,} labels, "
        f"{verdict.pictures:,} of them held out, over {verdict.repeats} "
        f"{'split' if verdict.repeats == 1 else 'splits'}; "
        f"backbones: {', '.join(each.backbone for each in verdict.standings)}. "
        f"embedlens {__version__}.",
    ]  # fmt: skip
    return "\n\n".join(each for each in told if each) + "\n"
