"""The page of the pictures that a search found."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from embedlens.files import write_whole
from embedlens.images import ImageSet
from embedlens.report.templating import environment
from embedlens.report.thumbnails import Thumbnails, shower
from embedlens.results.pictures import shared_levels
from embedlens.results.results import results_of_any


def write_search(found: pd.DataFrame, picture: str | Path, study: Path, page: Path) -> Path:
    """Write a page with a picture and those that are nearest to it; return its path.

    Parameters
    ----------
    found : DataFrame
        As `search_study` returns it.
    picture : path
        What was searched for.
    study : Path
        The study folder.
    page : Path
        The file to write.
    """
    results = results_of_any(study)
    one = ImageSet.read_partly_labelled(picture, levels=shared_levels(results.pictures))
    made = Thumbnails(results).by_path(found["path"].tolist())
    items = [{**row, "thumbnail": made.get(row["path"], "")} for row in found.to_dict("records")]
    text = (
        environment()
        .get_template("search.html")
        .render(
            items=items,
            name=Path(picture).name,
            asked=next(iter(shower(one)(one.paths.tolist()).values()), ""),
            study=results.name,
            several=results.label_sets is not None,
        )
    )
    write_whole(page, text)
    return page
