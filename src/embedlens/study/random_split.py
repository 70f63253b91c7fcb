"""What a split would have promised that knows nothing of groups or time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import ImageSet, stratified_split
from embedlens.learn import LinearProbe
from embedlens.results.measurements import Measurements
from embedlens.results.settings import Settings


def fit_on_random_split(
    points: NDArray[np.floating[Any]], images: ImageSet, settings: Settings, repeat: int
) -> Measurements:
    """Test a linear probe on a split at random, where the study's keeps groups or time apart.

    Only files of the same bytes stay together. Nothing is measured where the study's own splits
    are drawn at random.

    Parameters
    ----------
    points : ndarray of shape (pictures, d)
        Features, or points with the same distances.
    images : ImageSet
        The pictures.
    settings : Settings
        For the shares and the seed.
    repeat : int
        Which split.
    """
    if not images.by_time and not (images.given_groups != "").any():
        return Measurements()
    split = stratified_split(
        images.labels, images.ids, settings.test, settings.validation, settings.seed + repeat
    )
    train, validation, test = (np.flatnonzero(split == s) for s in ("train", "validation", "test"))
    labels = images.labels
    if not len(test) or len(np.unique(labels[train])) < 2:
        return Measurements()
    probe = LinearProbe().fit(
        points[train], labels[train], validation=(points[validation], labels[validation])
    )
    right = probe.predict(points[test]) == labels[test]
    rows = pd.DataFrame({"repeat": repeat, "picture": test, "right": right})
    return Measurements(random_splits=(rows,))
