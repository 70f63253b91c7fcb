"""Which figures of a study are of a sample, and what is said of it beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlens.metrics.stratified import COMPARED, SAMPLE
from embedlens.results.measurements import Measure, Measurements

if TYPE_CHECKING:
    from embedlens.results.results import Results

LEARNED, SILHOUETTES, DISTORTION, SCORES = "learned", "silhouettes", "distortion", "scores"

_FIGURES = {
    LEARNED: "Heads, retrieval and learned maps",
    SILHOUETTES: "Silhouettes",
    DISTORTION: "What maps keep",
    SCORES: "Scores",
}

_OF_HEADS = (
    "verdict", "accuracy", "classes", "confusions", "matrix", "mistakes", "groups", "labels",
    "calibration", "retrieval",
)  # fmt: skip
_PARTS = {
    **dict.fromkeys(_OF_HEADS, (LEARNED,)),
    "maps": (SILHOUETTES, DISTORTION),
    "stills": (SILHOUETTES, DISTORTION),
    "silhouettes": (SILHOUETTES,),
    "misplaced": (SILHOUETTES,),
    "scores": (SCORES, SILHOUETTES),
    "correlation": (LEARNED, SILHOUETTES, SCORES),
    "reduced": (LEARNED, SILHOUETTES),
}
"""What the tables and the report's sections show, by their keys."""


def told_sample(what: str, rows: NDArray[Any] | None, count: int, repeat: int = 0) -> Measurements:
    """Return a measurement that says how many pictures stand for all; none where all do.

    Parameters
    ----------
    what : str
        Which figures: a key such as `SILHOUETTES`.
    rows : ndarray or None
        Those pictures; None for all.
    count : int
        How many there are.
    repeat : int, default 0
        The split that is measured.
    """
    if rows is None or len(rows) == count:
        return Measurements()
    return Measurements((Measure(f"sample.{what}", len(rows), repeat=repeat),))


def sample_size(results: Results, what: str) -> int | None:
    """Return how many pictures some figures are of; None where they are of all."""
    found = results.measures.loc[results.measures["metric"] == f"sample.{what}", "value"]
    return int(found.max()) if len(found) else None


def sample_sentence(results: Results, *kinds: str) -> str:
    """Say of which sample the figures of some kinds are; "" where they are of all pictures.

    Parameters
    ----------
    results : Results
        Of the study.
    *kinds : str
        Keys such as `SILHOUETTES`; by default all.
    """
    told = {
        what: size for what in kinds or _FIGURES if (size := sample_size(results, what)) is not None
    }
    if not told:
        return ""
    pictures = int(np.count_nonzero(results.pictures["kept"]))
    parts = [f"{_FIGURES[what]} of {size:,}" for what, size in told.items()]
    listed = "; ".join([parts[0], *(part[0].lower() + part[1:] for part in parts[1:])])
    return f"Of a stratified sample of the {pictures:,} pictures: {listed}."


def sample_of_part(results: Results, part: str) -> str:
    """Say of which sample a table or a section of the report is; "" where it is of all pictures.

    Parameters
    ----------
    results : Results
        Of the study.
    part : str
        Its key, such as "scores".
    """
    kinds = _PARTS.get(part, ())
    said = [sample_sentence(results, *kinds) if kinds else ""]
    if part in ("maps", "stills"):
        said.append(map_sample(results))
        pictures = int(np.count_nonzero(results.pictures["kept"]))
        if pictures > COMPARED:
            said.append(
                f"Stills draw a stratified sample of {COMPARED:,} of {pictures:,} pictures."
            )
    return " ".join(each for each in said if each)


def map_sample(results: Results) -> str:
    """Say how a map that takes too long for all pictures came to hold all; "" where it does not."""
    return map_sample_of(int(np.count_nonzero(results.pictures["kept"])))


def map_sample_of(pictures: int) -> str:
    """Say how a map of so many pictures came to hold all; "" where it is made of all."""
    if pictures <= SAMPLE:
        return ""
    return (
        f"t-SNE and the silhouette projection are made of a stratified sample of {SAMPLE:,} of the "
        f"{pictures:,} pictures; on the first the others lie at the median of their five nearest "
        "of these, the second moves them by what it learned."
    )
