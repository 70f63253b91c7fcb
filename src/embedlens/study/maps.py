"""Maps of one backbone's features, how far each parts the classes, and what each keeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.backbones.keras_backend import learns, require_learning
from embedlens.classify.placing import perplexity_of, reduced_for_tsne
from embedlens.errors import StudyError
from embedlens.images import ImageSet
from embedlens.learn import SilhouetteProjection
from embedlens.learn.projection import Projection
from embedlens.metrics import distortion_report, nearest_neighbors, silhouette_samples
from embedlens.metrics.stratified import COMPARED, SAMPLE, compared_by_content, sample_by_content
from embedlens.reduce import PCA, TSNE
from embedlens.results.measurements import DISTORTION_SAMPLE, Measure, Measurements
from embedlens.results.samples import DISTORTION, SILHOUETTES, told_sample
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import FEATURES, MAPS, Space, space_of
from embedlens.study.geometry import Geometry

Coordinates = NDArray[np.floating[Any]]

MakeMap = Callable[
    [Geometry, ImageSet, int],
    tuple[Coordinates, float] | tuple[Coordinates, float, Projection],
]
"""Takes geometry, image set and seed; returns coordinates (pictures, 3) and the measure that the
space names as its cost; and, if it learned with labels, what moves other points there, which is
kept. The geometry's points have the distances of the features, not always their
columns: where features outnumber pictures they are turned."""


def _pca(geometry: Geometry, images: ImageSet, seed: int) -> tuple[Coordinates, float]:
    axes = min(3, *geometry.points.shape)
    pca = PCA(axes, random_state=seed)
    if geometry.gram is None:
        coordinates = pca.fit_transform(geometry.points)
    else:
        coordinates = pca.fit_transform_gram(geometry.gram)
    filled = np.pad(coordinates, [(0, 0), (0, 3 - axes)])
    return filled, float(pca.explained_variance_ratio_.sum())


def _tsne(geometry: Geometry, images: ImageSet, seed: int) -> tuple[Coordinates, float]:
    perplexity = perplexity_of(len(geometry.points))
    if geometry.gram is None:
        rows = sample_by_content(images.labels, images.ids, SAMPLE)
        tsne = TSNE(3, perplexity=perplexity, random_state=seed)
        reduced = reduced_for_tsne(geometry.points).transform(geometry.points)
        coordinates = spread(tsne.fit_transform(reduced[rows]), reduced, rows)
    else:
        tsne = TSNE(3, perplexity=perplexity, random_state=seed, metric="gram")
        coordinates = tsne.fit_transform(geometry.gram)
    return coordinates, float(tsne.kl_divergence_)


def spread(
    places: Coordinates, points: NDArray[np.floating[Any]], rows: NDArray[np.int64]
) -> Coordinates:
    """Return places of all points: those of some rows are given, and tell those of the others.

    Each lies at the median of its `_BESIDE` nearest of those that are given.
    """
    if len(rows) == len(points):
        return places
    found = np.empty((len(points), places.shape[1]), places.dtype)
    found[rows] = places
    others = np.setdiff1d(np.arange(len(points)), rows)
    known = points[rows]
    for some in np.array_split(others, -(-len(others) // SAMPLE)):
        near = nearest_neighbors(known, _BESIDE, queries=points[some])[1]
        found[some] = np.median(places[near], axis=1)
    return found


def _silhouette_projection(
    geometry: Geometry, images: ImageSet, seed: int
) -> tuple[Coordinates, float, Projection]:
    rows = learned_from(images)
    rows = rows[sample_by_content(images.labels[rows], images.ids[rows], SAMPLE)]
    projection = SilhouetteProjection(3, random_state=seed)
    projection.fit(geometry.points[rows], images.labels[rows], groups=images.groups[rows])
    return projection.transform(geometry.points), float(projection.best_epoch_), projection


_MAKERS: dict[str, MakeMap] = {
    "pca": _pca,
    "tsne": _tsne,
    "silhouette_projection": _silhouette_projection,
}

_BESIDE = 5  # an odd number: of each coordinate the median is that of one of them

_TRAINED = frozenset({"silhouette_projection"})  # by Keras


def register_map(space: Space, make: MakeMap) -> None:
    """Add a map to every study, for this process.

    Silhouettes, distortion, heads on its coordinates, tables, figures and the viewer follow.

    Parameters
    ----------
    space : Space
        What it is called, and whether it learns from labels.
    make : callable
        Makes it; see `MakeMap`.

    Raises
    ------
    ValueError
        If there is a map of its key.

    Examples
    --------
    >>> register_map(Space("ica", "ICA", "n_iter"), make_ica)  # doctest: +SKIP
    """
    MAPS.add(space)
    _MAKERS[space.key] = make


def chosen_maps(settings: Settings) -> list[Space]:
    """Return the maps that a study makes, in the order of `MAPS`.

    By default these are all that can be made here: the silhouette projection is left out where
    nothing can train it.

    Raises
    ------
    StudyError
        If there is none of a name.
    EmbedlensError
        If one that is asked for cannot be made here.
    """
    if settings.maps is None:
        left_out = set() if learns() else _TRAINED
        return [space for key, space in MAPS.items() if key not in left_out]
    for key in settings.maps:
        if key not in MAPS:
            raise StudyError(f"There is no map {key!r}; choose from {', '.join(MAPS)}.")
        if key in _TRAINED:
            require_learning(f"The map {key}")
    return [space for key, space in MAPS.items() if key in settings.maps]


def learned_from(images: ImageSet) -> NDArray[np.int64]:
    """Return the rows whose labels a learned map knows: all but the test pictures."""
    return np.flatnonzero(images.splits != "test")


def make_map(
    space: Space, geometry: Geometry, images: ImageSet, seed: int, repeat: int
) -> Measurements:
    """Make one of `MAPS`; one that learns, only where there is something to learn."""
    if space.learned and len(np.unique(images.labels[learned_from(images)])) < 2:
        return Measurements()
    start = time.perf_counter()
    made = _MAKERS[space.key](geometry, images, seed)
    coordinates, cost = made[:2]
    seconds = time.perf_counter() - start
    return Measurements(
        (Measure(f"{space.key}.{space.cost}", cost, "all", repeat, seconds),),
        maps={space.key: np.asarray(coordinates, np.float32)},
        projections={space.key: made[2]} if len(made) > 2 else {},
    )


def measure_silhouettes(
    maps: Mapping[str, Coordinates], geometry: Geometry, images: ImageSet, repeat: int
) -> Measurements:
    """Measure the silhouette of the classes in the features and in each map.

    It is that of all pictures together, and that of the test pictures among themselves; where the
    map learned from the labels, of the test pictures alone. Of more than `COMPARED` pictures it is
    that of a stratified sample of so many among themselves: each is compared with every other.
    """
    every = compared_by_content(images.labels, images.ids, COMPARED)
    test = images.where("test")
    test = test[compared_by_content(images.labels[test], images.ids[test], COMPARED)]
    tested = 2 <= len(np.unique(images.labels[test])) < len(test)
    features = geometry.points if geometry.gram is None else geometry.gram
    columns: dict[str, NDArray[np.float64]] = {}
    measures: list[Measure] = []
    for key, points in {FEATURES.key: features, **maps}.items():
        given = key == FEATURES.key and geometry.gram is not None
        metric: Literal["gram", "euclidean"] = "gram" if given else "euclidean"
        if not space_of(key).learned:
            start = time.perf_counter()
            values = silhouette_samples(
                _of(points, every, given), images.labels[every], metric=metric
            )
            seconds = time.perf_counter() - start
            columns[key] = np.full(len(images), np.nan)
            columns[key][every] = values
            measures += _means(key, "all", values, images.labels[every], repeat, seconds)
        if tested:
            values = silhouette_samples(
                _of(points, test, given), images.labels[test], metric=metric
            )
            measures += _means(key, "test", values, images.labels[test], repeat)
            if space_of(key).learned:
                columns[key] = np.full(len(images), np.nan)
                columns[key][test] = values
    told = told_sample(SILHOUETTES, every, len(images), repeat)
    return told + Measurements(tuple(measures), silhouettes=pd.DataFrame(columns))


def _of(points: NDArray[np.floating[Any]], rows: NDArray[np.int64], square: bool) -> Any:
    """Return some rows of points, or of a Gram matrix those and their columns."""
    if len(rows) == len(points):
        return points
    return points[np.ix_(rows, rows)] if square else points[rows]


def measure_distortion(
    maps: Mapping[str, Coordinates], geometry: Geometry, images: ImageSet, repeat: int
) -> Measurements:
    """Measure what each map keeps of the neighbourhoods and distances in the features.

    Of a stratified sample of `DISTORTION_SAMPLE` pictures, where there are more.
    """
    rows = compared_by_content(images.labels, images.ids, DISTORTION_SAMPLE)
    metric: Literal["gram", "euclidean"] = "euclidean" if geometry.gram is None else "gram"
    truth = geometry.points[rows] if geometry.gram is None else geometry.gram[np.ix_(rows, rows)]
    k = min(10, (len(rows) - 1) // 2)
    if k < 1:
        return Measurements()
    measures = [Measure("distortion.neighbors", k, repeat=repeat)]
    told = told_sample(DISTORTION, rows, len(images), repeat)
    for key, points in maps.items():
        start = time.perf_counter()
        report = distortion_report(truth, points[rows], metric=metric, ks=(k,))
        seconds = time.perf_counter() - start
        kept = {
            "trustworthiness": report.trustworthiness[k],
            "continuity": report.continuity[k],
            "neighbors_kept": report.neighborhood_preservation[k],
            "distance_correlation": report.distance_correlation.spearman,
        }
        for name, value in kept.items():
            took = seconds if name == "trustworthiness" else 0.0
            measures.append(Measure(f"{key}.{name}", value, "all", repeat, took))
    return told + Measurements(tuple(measures))


def _means(
    space: str,
    split: str,
    values: NDArray[np.float64],
    labels: NDArray[np.str_],
    repeat: int,
    seconds: float = 0.0,
) -> list[Measure]:
    """Return the mean silhouette of all, that of the classes' means, and each class's."""
    metric, means = f"silhouette.{space}", pd.Series(values).groupby(labels).mean()
    return [
        Measure(metric, values.mean(), split, repeat, seconds),
        Measure(f"{metric}.macro", means.mean(), split, repeat),
        *(Measure(f"{metric}.class.{name}", mean, split, repeat) for name, mean in means.items()),
    ]
