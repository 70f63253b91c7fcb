"""Maps of one backbone's features, how far each parts the classes, and what each keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import ImageSet
from embedlens.learn import SilhouetteProjection
from embedlens.metrics import distortion_report, silhouette_samples
from embedlens.reduce import PCA, TSNE
from embedlens.study.geometry import Geometry

if TYPE_CHECKING:
    from embedlens.study.analysis import Analysis

# Neighbourhoods of more pictures say no more about a map, and cost the square.
DISTORTION_SAMPLE = 3_000


@dataclass(frozen=True)
class MapMaker:
    """How a map is made.

    Attributes
    ----------
    title : str
        Its name for people.
    measure : str
        What ``make`` measures besides the coordinates; the time goes with it.
    make : callable
        Takes geometry, image set and seed; returns coordinates (pictures, 3) and the measure.
    learned : bool, default False
        Whether it learned from the labels of the training pictures: then its silhouette says
        something on test pictures only, and only the split it learned on may judge it.
    """

    title: str
    measure: str
    make: Callable[[Geometry, ImageSet, int], tuple[NDArray[np.floating[Any]], float]]
    learned: bool = False


def _pca(
    geometry: Geometry, images: ImageSet, seed: int
) -> tuple[NDArray[np.floating[Any]], float]:
    pca = PCA(3, random_state=seed)
    if geometry.gram is None:
        coordinates = pca.fit_transform(geometry.points)
    else:
        coordinates = pca.fit_transform_gram(geometry.gram)
    return coordinates, float(pca.explained_variance_ratio_.sum())


def _tsne(
    geometry: Geometry, images: ImageSet, seed: int
) -> tuple[NDArray[np.floating[Any]], float]:
    # scikit-learn's default, and no more than a third of the other pictures.
    perplexity = min(30.0, max(1.0, (len(geometry.points) - 1) / 3))
    if geometry.gram is None:
        tsne = TSNE(3, perplexity=perplexity, random_state=seed)
        components = min(50, *geometry.points.shape)
        reduced = PCA(components, random_state=0).fit_transform(geometry.points)
        coordinates = tsne.fit_transform(reduced)
    else:
        tsne = TSNE(3, perplexity=perplexity, random_state=seed, metric="gram")
        coordinates = tsne.fit_transform(geometry.gram)
    return coordinates, float(tsne.kl_divergence_)


def _silhouette_projection(
    geometry: Geometry, images: ImageSet, seed: int
) -> tuple[NDArray[np.floating[Any]], float]:
    rows = learned_from(images)
    projection = SilhouetteProjection(3, random_state=seed)
    projection.fit(geometry.points[rows], images.labels[rows])
    return projection.transform(geometry.points), float(projection.best_epoch_)


# PCA and t-SNE know nothing of the classes: they are of all pictures together, as in the study.
MAPS = {
    "pca": MapMaker("PCA", "variance_kept", _pca),
    "tsne": MapMaker("t-SNE", "kl_divergence", _tsne),
    "silhouette_projection": MapMaker(
        "silhouette projection", "best_epoch", _silhouette_projection, learned=True
    ),
}


def learned_from(images: ImageSet) -> NDArray[np.int64]:
    """Return the rows whose labels a learned map knows: all but the test pictures."""
    return np.flatnonzero(images.splits != "test")


def make_map(result: Analysis, name: str, geometry: Geometry, images: ImageSet, seed: int) -> None:
    """Add one of `MAPS` to the results; one that learns, only where there is something to learn."""
    if MAPS[name].learned and len(np.unique(images.labels[learned_from(images)])) < 2:
        return
    start = time.perf_counter()
    coordinates, measure = MAPS[name].make(geometry, images, seed)
    seconds = time.perf_counter() - start
    result.maps[name] = np.asarray(coordinates, np.float32)
    result.add(f"{name}.{MAPS[name].measure}", measure, seconds=seconds)


def is_flat(points: NDArray[np.floating[Any]]) -> bool:
    """Return whether points of three axes lie in a plane, on a line or in one place.

    Of the principal axes, which do not depend on how the map is turned, the narrowest then has
    under 1% of the standard deviation of the widest. Under 5 points it is no wonder and not said.
    """
    if len(points) < 5:
        return False
    centred = np.asarray(points, np.float64) - points.mean(axis=0)
    spread = np.linalg.svd(centred, compute_uv=False)
    return bool(spread[-1] <= 0.01 * spread[0])


def measure_silhouettes(result: Analysis, geometry: Geometry, images: ImageSet) -> None:
    """Add the silhouette of the classes in the features and in each map.

    It is that of all pictures together, and that of the test pictures among themselves; where the
    map learned from the labels, of the test pictures alone.
    """
    test = images.where("test")
    columns = {}
    for name, points in _spaces(result, geometry):
        given = name == "features" and geometry.gram is not None
        metric: Literal["gram", "euclidean"] = "gram" if given else "euclidean"
        learned = name in MAPS and MAPS[name].learned
        if not learned:
            start = time.perf_counter()
            columns[name] = silhouette_samples(points, images.labels, metric=metric)
            seconds = time.perf_counter() - start
            _add_silhouette(result, name, "all", columns[name], images.labels, seconds)
        if 2 <= len(np.unique(images.labels[test])) < len(test):
            among = points[np.ix_(test, test)] if metric == "gram" else points[test]
            values = silhouette_samples(among, images.labels[test], metric=metric)
            _add_silhouette(result, name, "test", values, images.labels[test], 0.0)
            if learned:
                columns[name] = np.full(len(images), np.nan)
                columns[name][test] = values
    result.silhouettes = pd.DataFrame(columns)


def measure_distortion(result: Analysis, geometry: Geometry, seed: int) -> None:
    """Add what each map keeps of the neighbourhoods and distances in the features."""
    pictures = len(geometry.points)
    rows = np.arange(pictures)
    if pictures > DISTORTION_SAMPLE:
        rng = np.random.default_rng(seed)
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


def _spaces(
    result: Analysis, geometry: Geometry
) -> Iterator[tuple[str, NDArray[np.floating[Any]]]]:
    yield "features", geometry.points if geometry.gram is None else geometry.gram
    yield from result.maps.items()
