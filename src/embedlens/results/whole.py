"""What was measured of all pictures, where the study itself is of a sample of them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from embedlens.files import replacing, write_json
from embedlens.results.folder import StudyFolder


@dataclass(frozen=True)
class Whole:
    """A set of pictures, of which a study shows a sample.

    Attributes
    ----------
    place : str
        Where the pictures are.
    pictures, sample : int
        How many have features, and how many of them the study is of, drawn by class.
    store : str
        Where features, coordinates and silhouettes of all of them are.
    measures : DataFrame
        Of all of them: backbone, metric, value. Metrics are ``pictures``, ``pca.variance_kept``,
        ``silhouette.sqeuclidean`` and ``silhouette.cosine`` with ``....macro`` and
        ``....class.<class>``.
    """

    place: str
    pictures: int
    sample: int
    store: str
    measures: pd.DataFrame

    def sentence(self) -> str:
        """Say what is of all pictures, and what of a sample.

        Examples
        --------
        >>> Whole("photos", 5_000_000, 100_000, "s3://b/out", pd.DataFrame()).sentence()
        'Heads, neighbours, maps and scores are of 100,000 of 5,000,000 pictures, drawn by class.'
        """
        if self.sample == self.pictures:
            return f"All figures are of all {self.pictures:,} pictures."
        return (
            f"Heads, neighbours, maps and scores are of {self.sample:,} of {self.pictures:,} "
            "pictures, drawn by class."
        )


def write_whole(folder: StudyFolder, whole: Whole) -> None:
    """Write ``results/whole.parquet`` and, after it, ``results/whole.json``."""
    folder.results.mkdir(parents=True, exist_ok=True)
    with replacing(folder.table("whole")) as partial:
        whole.measures.to_parquet(partial, index=False)
    facts = {
        "place": whole.place, "pictures": whole.pictures, "sample": whole.sample,
        "store": whole.store,
    }  # fmt: skip
    write_json(folder.whole, facts)


def read_whole(folder: StudyFolder) -> Whole | None:
    """Return what was measured of all pictures; None where the study is of all it was given."""
    try:
        facts = json.loads(folder.whole.read_text(encoding="utf-8"))
        return Whole(**facts, measures=pd.read_parquet(folder.table("whole")))
    except (OSError, ValueError, TypeError):
        return None
