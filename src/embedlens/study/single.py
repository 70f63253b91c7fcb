"""Scores and maps of features that lie in a file, without a study."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from embedlens.errors import StudyError
from embedlens.features import FeaturesFile
from embedlens.images import stratified_split
from embedlens.metrics import silhouette_report
from embedlens.reduce import PCA, TSNE
from embedlens.study.analysis import HEADS


def score_features(file: FeaturesFile, seed: int = 0) -> list[dict[str, Any]]:
    """Score features: silhouette in their own space, accuracy of the heads on the test split.

    Parameters
    ----------
    file : FeaturesFile
        Where it gives no splits they are drawn, stratified: 20 % test, 30 % of the rest
        validation.
    seed : int, default 0
        Of the draw.

    Returns
    -------
    list of dict
        Rows of score, value, on.

    Raises
    ------
    StudyError
        If there is one class only, or no test picture.
    """
    labels = file.labels
    if len(np.unique(labels)) < 2:
        raise StudyError(f"All {len(labels)} labels are {labels[0]!r}; scores need two classes.")
    report = silhouette_report(file.features, labels)
    whole = f"all {len(labels)} pictures, Euclidean"
    rows: list[dict[str, Any]] = [
        {"score": "silhouette (micro)", "value": round(report.micro, 4), "on": whole},
        {"score": "silhouette (macro)", "value": round(report.macro, 4), "on": whole},
    ]
    splits = file.splits
    if not np.isin(splits, ["test"]).any():
        ids = [str(i) for i in range(len(labels))]
        splits = stratified_split(labels.tolist(), ids, seed=seed)
    train, validation, test = (np.flatnonzero(splits == s) for s in ("train", "validation", "test"))
    if not len(train) or not len(test):
        raise StudyError("The file's splits have no training or no test pictures; leave them out.")
    for name, make in HEADS.items():
        head = make().fit(
            file.features[train],
            labels[train],
            validation=(file.features[validation], labels[validation]),
        )
        accuracy = float(head.score(file.features[test], labels[test]))
        on = f"{len(test)} test pictures of one split"
        rows.append(
            {"score": f"{name.replace('_', ' ')} accuracy", "value": round(accuracy, 4), "on": on}
        )
    return rows


def map_features(
    file: FeaturesFile, method: Literal["pca", "tsne"], dimensions: int = 3, seed: int = 0
) -> pd.DataFrame:
    """Map features to a few dimensions.

    Returns
    -------
    DataFrame
        Columns path, label, split and x, y (and z).
    """
    if method == "pca":
        coordinates = PCA(dimensions, random_state=seed).fit_transform(file.features)
    else:
        perplexity = min(30.0, max(1.0, (len(file.labels) - 1) / 3))
        tsne = TSNE(dimensions, perplexity=perplexity, random_state=seed)
        coordinates = tsne.fit_transform(file.features)
    table = pd.DataFrame({"path": file.paths, "label": file.labels, "split": file.splits})
    return table.assign(**dict(zip("xyz", np.asarray(coordinates).T, strict=False)))
