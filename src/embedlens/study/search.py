"""The pictures of a study that are most like a given one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from embedlens.errors import StudyError
from embedlens.features import embed
from embedlens.images import ImageSet
from embedlens.metrics import nearest_neighbors
from embedlens.results.pictures import shared_levels
from embedlens.study.stored_backbone import StoredBackbone


def search_study(
    folder: str | Path, picture: str | Path, k: int = 12, *, backbone: str | None = None
) -> pd.DataFrame:
    """Find the pictures of a study that are nearest to a picture, exactly.

    Parameters
    ----------
    folder : path
        The study folder.
    picture : path
        Any picture file, of the study or not.
    k : int, default 12
        How many; of a smaller study all.
    backbone : str, optional
        One of the study's; by default the one that its verdict recommends.

    Returns
    -------
    DataFrame
        A row a picture, the nearest first: label (or labels, "cat; dog", where pictures have
        several), distance (Euclidean, in all features, as everywhere in a study), similarity (the
        cosine), path (as the study names it) and split.

    Raises
    ------
    StudyError
        If the study has not been run to its end, has no such backbone, or ``k`` is below 1.
    ImageSetError
        If the file is not there, or no picture.

    Examples
    --------
    >>> search_study("my-study", "new.jpg", 3)  # doctest: +SKIP
    """
    if k < 1:
        raise StudyError(f"k is {k}; ask for 1 picture or more.")
    stored = StoredBackbone.open(folder, backbone)
    one = ImageSet.read_partly_labelled(picture, levels=shared_levels(stored.results.pictures))
    if len(one) != 1:
        raise StudyError(f"{picture} holds {len(one):,} pictures; give one picture file.")
    row = stored.row_of.get(str(one.ids[0]))
    query = stored.features[[row]] if row is not None else embed(one, stored.recipe()).values
    distances, rows = nearest_neighbors(
        stored.features, min(k, len(stored.features)), queries=query
    )
    pictures: pd.DataFrame = stored.results.pictures[["label", "path", "split"]]
    if stored.results.label_sets is not None:
        pictures = pictures.rename(columns={"label": "labels"})
    found: pd.DataFrame = pictures.iloc[rows[0]].reset_index(drop=True)
    found.insert(1, "distance", distances[0])
    found.insert(2, "similarity", _cosines(stored.features[rows[0]], query[0]))
    return found


def _cosines(points: np.ndarray, query: np.ndarray) -> np.ndarray:
    near, far = query.astype(np.float64), points.astype(np.float64)
    lengths = np.linalg.norm(far, axis=1) * np.linalg.norm(near)
    cosines: np.ndarray = (far @ near) / np.where(lengths > 0, lengths, 1.0)
    return cosines
