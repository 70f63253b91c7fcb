"""A finished study in, its tables, figures and HTML report out."""

from __future__ import annotations

import shutil
from pathlib import Path

from embedlens.files import write_whole
from embedlens.given_path import given_path
from embedlens.report.figures import draw_figures, draw_verdict, safe_name
from embedlens.report.label_report import write_first_label_report, write_label_report
from embedlens.report.page import render_page
from embedlens.report.paper_tables import has_paper_tables, paper_tables
from embedlens.report.sections.material import Material
from embedlens.report.summary import SUMMARY, summarise
from embedlens.report.table import Table
from embedlens.report.tables import (
    further_tables,
    ranked,
    tables_of,
    taken_first,
    verdict_tables,
    verdicts_of,
)
from embedlens.report.thumbnails import Thumbnails
from embedlens.report.viewer_block import viewer_block
from embedlens.results import Results, StudyFolder, results_of_any
from embedlens.results.vocabulary import PRETRAINED
from embedlens.viewer.whole_scene import nearest_pictures


def write_report(folder: Path) -> Path:
    """Write the tables, figures and report of a finished study into its folder.

    Parameters
    ----------
    folder : Path
        The study folder. ``tables/*.csv``, ``.md`` and ``.tex``, ``figures/*.png`` and ``.svg``,
        ``report.html``, ``summary.md`` and, where the study's top was trained, ``paper/`` in it
        are written anew.

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
    study = StudyFolder(given_path(folder))
    results = results_of_any(study.path)
    if results.label_sets is not None:
        return write_label_report(study, results)
    verdicts = verdicts_of(results)
    verdict = next(iter(verdicts.values()))
    as_named, results = results, ranked(results, verdict)
    tables = tables_of(results, verdicts)
    for name, table in tables.items():
        table.write(study.tables, name)
    figures = draw_figures(results, verdict, tables["maps"], study.figures)
    best = (verdict.take.backbone, PRETRAINED.key)
    first = taken_first(results, verdict)  # what has no room is of the other backbones
    found = nearest_pictures(study.path, first).get(best)
    material = Material(
        folder=study,
        results=results,
        verdicts=verdicts,
        tables=tables | _write_paper(as_named, study.paper, study.figures),
        figures=figures,
        nearest=found[1] if found else None,
        thumbnails=Thumbnails(results),
        viewer=viewer_block(study.path, first),
    )
    write_whole(study.report, render_page(material))
    write_whole(study.path / SUMMARY, summarise(material))
    return study.report


def write_first_report(folder: Path, results: Results) -> Path:
    """Write the report of a study that still runs: its verdict, and what that stands on.

    Parameters
    ----------
    folder : Path
        The study folder. `write_report` replaces all that is written here.
    results : Results
        What is known of it, with the predictions of every backbone.

    Returns
    -------
    Path
        ``report.html``.
    """
    study = StudyFolder(given_path(folder))
    if results.label_sets is not None:
        return write_first_label_report(study, results)
    verdicts = verdicts_of(results)
    verdict = next(iter(verdicts.values()))
    results = ranked(results, verdict)
    tables = verdict_tables(results, verdicts) | further_tables(results)
    for name, table in tables.items():
        table.write(study.tables, name)
    figures = draw_verdict(verdict, study.figures)
    material = Material(
        study, results, verdicts, tables, figures, None, Thumbnails(results), None, complete=False
    )
    write_whole(study.report, render_page(material))
    return study.report


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
                drawn = figures / f"map-{safe_name(backbone)}{ending}{suffix}"
                if drawn.is_file():
                    shutil.copyfile(drawn, folder / f"figure-{number}{suffix}")
    return tables
