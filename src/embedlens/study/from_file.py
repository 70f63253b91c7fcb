"""Scores and maps of features that lie in a file, without a study."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.classify.placing import reduced_for_tsne
from embedlens.errors import StudyError
from embedlens.features import FeaturesFile
from embedlens.images import complete_split, stratified_split
from embedlens.images.grouped_split import grouped_split
from embedlens.images.time_order import time_split
from embedlens.learn import SilhouetteProjection
from embedlens.metrics import silhouette_report, silhouette_score
from embedlens.metrics.proportion import proportion_interval
from embedlens.metrics.stratified import COMPARED, SAMPLE, compared_by_content, sample_by_content
from embedlens.reduce import PCA, TSNE
from embedlens.study.heads import PROBES
from embedlens.study.maps import spread
from embedlens.study.splits import require_two_classes


def score_features(file: FeaturesFile, seed: int = 0) -> list[dict[str, Any]]:
    """Score features: silhouette in their own space, accuracy of the heads on the test split.

    Parameters
    ----------
    file : FeaturesFile
        Where it gives no splits they are drawn, stratified and by whole groups, or by time: 20%
        test, 30% of the rest validation. Of more than 100,000 pictures a stratified sample is
        learned from and tested, and of more than 20,000 the silhouette is that of a sample.
    seed : int, default 0
        Of the draw.

    Returns
    -------
    list of dict
        Rows of score, value, low, high (of the 95% interval), on.

    Raises
    ------
    StudyError
        If there is one class only, a class a picture, fewer than two classes in training, or no
        test picture.
    """
    labels = file.labels
    if len(np.unique(labels)) < 2:
        raise StudyError(
            f"All {len(labels)} labels are {str(labels[0])!r}; scores need two classes."
        )
    if len(np.unique(labels)) == len(labels):
        raise StudyError(
            f"Each of the {len(labels)} labels is a class of its own, {str(labels[0])!r} for one; "
            "scores need several pictures of a class."
        )
    splits = _splits(file, seed)
    require_two_classes(labels, splits, "The split")
    compared = compared_by_content(labels, _names(file), COMPARED)
    report = silhouette_report(file.features[compared], labels[compared])
    whole = f"{_told(len(compared), len(labels), 'all')} pictures, Euclidean"
    scores = [
        _row("silhouette (micro)", report.micro, report.micro_interval, whole),
        _row("silhouette (macro)", report.macro, report.macro_interval, whole),
    ]
    rows = _sample(file)
    train, validation, test = (rows[splits[rows] == s] for s in ("train", "validation", "test"))
    tested = _told(len(test), int((splits == "test").sum()))
    on = f"{tested} test pictures of one split{_judged(labels[rows], splits[rows])}"
    for name, make in PROBES.items():
        head = make().fit(
            file.features[train],
            labels[train],
            validation=(file.features[validation], labels[validation]),
        )
        right = head.predict(file.features[test]) == labels[test]
        share = proportion_interval(right)
        scores.append(
            _row(f"{name.replace('_', ' ')} accuracy", share.estimate, (share.low, share.high), on)
        )
    return scores


def _row(score: str, value: float, interval: tuple[float, float], on: str) -> dict[str, Any]:
    low, high = (round(end, 4) if np.isfinite(end) else None for end in interval)
    return {"score": score, "value": round(value, 4), "low": low, "high": high, "on": on}


def _names(file: FeaturesFile) -> NDArray[np.str_]:
    """Return what each row is, for the sample: its path, or its place where it has none."""
    places = np.arange(len(file.labels)).astype(str)
    return np.where(file.paths == "", places, file.paths)


def _sample(file: FeaturesFile) -> NDArray[np.int64]:
    """Return the rows that stand for all where these are too many to learn from."""
    return sample_by_content(file.labels, _names(file), SAMPLE)


def _told(some: int, of: int, every: str = "") -> str:
    """Say how many pictures a figure is of."""
    if some == of:
        return f"{every} {of}".strip()
    return f"a stratified sample of {some:,} of the {of:,}"


def _judged(labels: NDArray[np.str_], splits: NDArray[np.str_]) -> str:
    """Say of how many classes the test pictures are, and how many of these are trained on."""
    tested = np.unique(labels[splits == "test"])
    known = int(np.isin(tested, labels[splits != "test"]).sum())
    said = ""
    if len(tested) < len(np.unique(labels)):
        said += f", of {len(tested)} of {len(np.unique(labels))} classes"
    if known < len(tested):
        said += f", {len(tested) - known} of them never trained on"
    return said


def map_features(
    file: FeaturesFile,
    method: Literal["pca", "tsne", "silhouette"],
    dimensions: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Map features to a few dimensions.

    Parameters
    ----------
    file : FeaturesFile
        "silhouette" learns from the labels of all pictures but the test ones; where the file
        gives no splits, a stratified fifth is held out as test. Of more than 100,000 pictures
        t-SNE and "silhouette" are made of a stratified sample; on t-SNE the others lie at the
        median of their five nearest of it.
    method : {"pca", "tsne", "silhouette"}
        The map. Only "silhouette" looks at the labels.
    dimensions : int, default 3
        Of the map, 2 or 3.
    seed : int, default 0
        Of everything random.

    Returns
    -------
    DataFrame
        Columns path, label, split and x, y (and z); and for "silhouette" learned, False for the
        pictures that were held out.

    Raises
    ------
    StudyError
        If "silhouette" has fewer than two classes to learn from, or no picture to hold out.
    """
    rows, columns = file.features.shape
    if rows < 3 or (columns < dimensions and method != "tsne"):
        raise StudyError(
            f"The features are of shape {file.features.shape}: too few for a map of {dimensions} "
            f"dimensions by {method}."
        )
    table = pd.DataFrame({"path": file.paths, "label": file.labels, "split": file.splits})
    if method == "silhouette":
        coordinates, learned = _learned_map(file, dimensions, seed)
        table["learned"] = learned
    elif method == "pca":
        coordinates = PCA(dimensions, random_state=seed).fit_transform(file.features)
    else:
        coordinates = _tsne(file, dimensions, seed)
    return table.assign(**dict(zip("xyz", np.asarray(coordinates).T, strict=False)))


def _tsne(file: FeaturesFile, dimensions: int, seed: int) -> NDArray[np.float32]:
    points, rows = file.features, _sample(file)
    perplexity = min(30.0, max(1.0, (len(rows) - 1) / 3))
    tsne = TSNE(dimensions, perplexity=perplexity, random_state=seed)
    if len(rows) == len(points):
        return tsne.fit_transform(points)
    reduced = reduced_for_tsne(points).transform(points)
    return spread(tsne.fit_transform(reduced[rows]), reduced, rows)


def held_out_silhouette(table: pd.DataFrame) -> float:
    """Return the silhouette of the pictures that a learned map held out; of 20,000 where more.

    Parameters
    ----------
    table : DataFrame
        What `map_features` returned for "silhouette".

    Returns
    -------
    float
        Mean, Euclidean; NaN where they are of one class or each alone in its own.
    """
    held_out = table[~table["learned"]]
    names = held_out["path"].where(held_out["path"] != "", held_out.index.astype(str))
    held_out = held_out.iloc[compared_by_content(held_out["label"], names, COMPARED)]
    points = held_out[[axis for axis in "xyz" if axis in held_out]].to_numpy()
    if not 2 <= held_out["label"].nunique() < len(held_out):
        return float("nan")
    return silhouette_score(points, held_out["label"].to_numpy())


def _learned_map(
    file: FeaturesFile, dimensions: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return coordinates, and which pictures they were learned from."""
    splits = _splits(file, seed, validation=0.0)
    learned: NDArray[np.bool_] = splits != "test"
    classes = np.unique(file.labels[learned])
    if len(classes) < 2 or learned.all():
        raise StudyError(
            f"A silhouette map learns from two classes and holds pictures out; here are "
            f"{len(classes)} of {len(np.unique(file.labels))} classes to learn from and "
            f"{int((~learned).sum())} of {len(learned)} pictures held out. Use --method pca."
        )
    rows = np.flatnonzero(learned)
    rows = rows[sample_by_content(file.labels[rows], _names(file)[rows], SAMPLE)]
    projection = SilhouetteProjection(dimensions, random_state=seed)
    projection.fit(file.features[rows], file.labels[rows], groups=_groups(file)[rows])
    return projection.transform(file.features), learned


def _groups(file: FeaturesFile) -> NDArray[np.str_]:
    """Return the group of each row, which is alone where it has none."""
    rows = np.arange(len(file.labels)).astype(str)
    if file.groups is None:
        return rows
    return np.where(file.groups == "", np.char.add("row ", rows), file.groups)


def _splits(file: FeaturesFile, seed: int, validation: float = 0.3) -> NDArray[np.str_]:
    """Return the file's splits; what it does not give is drawn from its training pictures."""
    groups = _groups(file).tolist()
    if file.times is not None:
        return time_split(file.times, groups, validation=validation)
    return complete_split(
        file.labels.tolist(),
        groups,
        file.splits.tolist(),
        validation=validation,
        seed=seed,
        draw=stratified_split if file.groups is None else grouped_split,
    )
