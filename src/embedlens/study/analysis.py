"""Everything that is measured of one backbone's features."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import scipy.linalg
from numpy.typing import NDArray

from embedlens.features import Features
from embedlens.images import ImageSet
from embedlens.learn import LinearProbe, NeighborsProbe
from embedlens.metrics import distortion_report, silhouette_samples
from embedlens.reduce import PCA, TSNE, gram
from embedlens.study.settings import Settings

HEADS: dict[str, type[LinearProbe | NeighborsProbe]] = {
    "linear_probe": LinearProbe,
    "knn": NeighborsProbe,
}
MAPS = ("pca", "tsne")

# A Gram matrix of 10,000 pictures takes 0.8 GB.
GRAM_LIMIT = 10_000
# Neighbourhoods of more pictures say no more about a map, and cost the square.
DISTORTION_SAMPLE = 3_000

Step = Callable[[str], None]


@dataclass
class Analysis:
    """The results of one backbone.

    Attributes
    ----------
    measures : list of dict
        Rows of metric, split, repeat, value, seconds.
    predictions : list of DataFrame
        Columns head, repeat, picture (row in the image set), predicted, confidence; test pictures.
    silhouettes : DataFrame
        A row a picture, a column a space: features, pca, tsne.
    maps : dict of str to ndarray
        Coordinates, (pictures, 3), by the name of the map.
    """

    measures: list[dict[str, Any]] = field(default_factory=list)
    predictions: list[pd.DataFrame] = field(default_factory=list)
    silhouettes: pd.DataFrame = field(default_factory=pd.DataFrame)
    maps: dict[str, NDArray[np.floating[Any]]] = field(default_factory=dict)

    def add(
        self, metric: str, value: float, split: str = "all", repeat: int = 0, seconds: float = 0.0
    ) -> None:
        """Append a measure."""
        self.measures.append(
            {
                "metric": metric,
                "split": split,
                "repeat": repeat,
                "value": float(value),
                "seconds": seconds,
            }
        )


@dataclass(frozen=True)
class Geometry:
    """The features as everything after embedding uses them.

    Attributes
    ----------
    points : ndarray of shape (pictures, columns)
        The features, or coordinates with the very same inner products and fewer columns.
    gram : ndarray of shape (pictures, pictures) or None
        Their inner products; None where there are too many pictures for it.
    """

    points: NDArray[np.floating[Any]]
    gram: NDArray[np.floating[Any]] | None


def analyse(features: Features, settings: Settings, step: Step = lambda name: None) -> Analysis:
    """Measure a backbone: maps, silhouettes, distortion of the maps, heads on every split.

    Parameters
    ----------
    features : Features
        Of all pictures.
    settings : Settings
        For repeats and seed.
    step : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    Analysis
    """
    images, result = features.images, Analysis()
    step("distances")
    start = time.perf_counter()
    geometry = measure_geometry(features.values)
    result.add("gram", len(images), seconds=time.perf_counter() - start)
    for name, make in {"pca": _pca, "tsne": _tsne}.items():
        step({"pca": "PCA", "tsne": "t-SNE"}[name])
        make(result, geometry, settings)
    step("silhouettes")
    _silhouettes(result, geometry, images)
    step("distortion")
    _distortion(result, geometry, settings)
    repeats = repeats_of(images, settings)
    for repeat in range(repeats):
        step(f"heads, split {repeat + 1} of {repeats}")
        split = images.resplit(
            settings.seed + repeat, test=settings.test, validation=settings.validation
        )
        _heads(result, geometry, split, repeat)
    return result


def repeats_of(images: ImageSet, settings: Settings) -> int:
    """Return how many splits there are to draw: one, where the pictures came with all three."""
    drawn = not {"train", "validation", "test"} <= set(images.given_splits)
    return settings.repeats if drawn else 1


def measure_geometry(values: NDArray[np.floating[Any]]) -> Geometry:
    """Compute the Gram matrix and, where features outnumber pictures, coordinates from it.

    The eigenvectors of a Gram matrix, each times the root of its eigenvalue, are points with the
    same inner products as the features: a rotation of them, without the directions in which no
    picture lies. Linear heads, neighbours and distances cannot tell the two apart.
    """
    pictures, columns = values.shape
    if pictures > GRAM_LIMIT:
        return Geometry(values, None)
    products = gram(values)
    if columns <= pictures:
        return Geometry(np.asarray(values), products)
    eigenvalues, vectors = scipy.linalg.eigh(products)
    points = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    return Geometry(points.astype(np.float32), products)


def _pca(result: Analysis, geometry: Geometry, settings: Settings) -> None:
    start = time.perf_counter()
    pca = PCA(3, random_state=settings.seed)
    if geometry.gram is None:
        coordinates = pca.fit_transform(geometry.points)
    else:
        coordinates = pca.fit_transform_gram(geometry.gram)
    seconds = time.perf_counter() - start
    result.maps["pca"] = np.asarray(coordinates, np.float32)
    result.add("pca.variance_kept", pca.explained_variance_ratio_.sum(), seconds=seconds)


def _tsne(result: Analysis, geometry: Geometry, settings: Settings) -> None:
    start = time.perf_counter()
    pictures = len(geometry.points)
    # scikit-learn's default, and no more than a third of the other pictures.
    perplexity = min(30.0, max(1.0, (pictures - 1) / 3))
    if geometry.gram is None:
        tsne = TSNE(3, perplexity=perplexity, random_state=settings.seed)
        coordinates = tsne.fit_transform(PCA(50, random_state=0).fit_transform(geometry.points))
    else:
        tsne = TSNE(3, perplexity=perplexity, random_state=settings.seed, metric="gram")
        coordinates = tsne.fit_transform(geometry.gram)
    seconds = time.perf_counter() - start
    result.maps["tsne"] = np.asarray(coordinates, np.float32)
    result.add("tsne.kl_divergence", tsne.kl_divergence_, seconds=seconds)


def _silhouettes(result: Analysis, geometry: Geometry, images: ImageSet) -> None:
    test = images.where("test")
    columns = {}
    for name, points in _spaces(result, geometry):
        given = name == "features" and geometry.gram is not None
        metric: Literal["gram", "euclidean"] = "gram" if given else "euclidean"
        start = time.perf_counter()
        columns[name] = silhouette_samples(points, images.labels, metric=metric)
        seconds = time.perf_counter() - start
        _add_silhouette(result, name, "all", columns[name], images.labels, seconds)
        if 2 <= len(np.unique(images.labels[test])) < len(test):
            among = points[np.ix_(test, test)] if metric == "gram" else points[test]
            values = silhouette_samples(among, images.labels[test], metric=metric)
            _add_silhouette(result, name, "test", values, images.labels[test], 0.0)
    result.silhouettes = pd.DataFrame(columns)


def _add_silhouette(
    result: Analysis,
    space: str,
    split: str,
    values: NDArray[np.float64],
    labels: NDArray[np.str_],
    seconds: float,
) -> None:
    by_class = pd.Series(values).groupby(labels).mean()
    result.add(f"silhouette.{space}", values.mean(), split, seconds=seconds)
    result.add(f"silhouette.{space}.macro", by_class.mean(), split)
    for label, mean in by_class.items():
        result.add(f"silhouette.{space}.class.{label}", mean, split)


def _distortion(result: Analysis, geometry: Geometry, settings: Settings) -> None:
    pictures = len(geometry.points)
    rows = np.arange(pictures)
    if pictures > DISTORTION_SAMPLE:
        rng = np.random.default_rng(settings.seed)
        rows = np.sort(rng.choice(pictures, DISTORTION_SAMPLE, replace=False))
    metric: Literal["gram", "euclidean"] = "euclidean" if geometry.gram is None else "gram"
    truth = geometry.points[rows] if geometry.gram is None else geometry.gram[np.ix_(rows, rows)]
    k = min(10, (len(rows) - 1) // 2)
    if k < 1:
        return
    result.add("distortion.neighbors", k)
    for name, points in result.maps.items():
        start = time.perf_counter()
        report = distortion_report(truth, points[rows], metric=metric, ks=(k,))
        seconds = time.perf_counter() - start
        result.add(f"{name}.trustworthiness", report.trustworthiness[k], seconds=seconds)
        result.add(f"{name}.continuity", report.continuity[k])
        result.add(f"{name}.neighbors_kept", report.neighborhood_preservation[k])
        result.add(f"{name}.distance_correlation", report.distance_correlation.spearman)


def _heads(result: Analysis, geometry: Geometry, split: ImageSet, repeat: int) -> None:
    train, validation, test = (split.where(s) for s in ("train", "validation", "test"))
    labels, points = split.labels, geometry.points
    if not len(test):
        return
    for name, make in HEADS.items():
        start = time.perf_counter()
        head = make().fit(
            points[train], labels[train], validation=(points[validation], labels[validation])
        )
        shares = head.predict_proba(points[test])
        seconds = time.perf_counter() - start
        predicted = head.classes_[shares.argmax(axis=1)]
        right = predicted == labels[test]
        result.add(f"{name}.accuracy", right.mean(), "test", repeat, seconds)
        balanced = pd.Series(right).groupby(labels[test]).mean().mean()
        result.add(f"{name}.balanced_accuracy", balanced, "test", repeat)
        result.predictions.append(
            pd.DataFrame(
                {
                    "head": name,
                    "repeat": repeat,
                    "picture": test,
                    "predicted": predicted,
                    "confidence": shares.max(axis=1),
                }
            )
        )


def _spaces(
    result: Analysis, geometry: Geometry
) -> Iterator[tuple[str, NDArray[np.floating[Any]]]]:
    yield "features", geometry.points if geometry.gram is None else geometry.gram
    yield from result.maps.items()
