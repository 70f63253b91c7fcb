"""Everything that is measured of one backbone's features."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlens.images import ImageSet
from embedlens.metrics.stratified import SAMPLE, sample_by_content
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.nearest import find_neighbors
from embedlens.results.samples import LEARNED, told_sample
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import FEATURES
from embedlens.study.geometry import measure_geometry
from embedlens.study.heads import Heads, fit_heads_on_maps
from embedlens.study.learning_curve import measure_learning_curve
from embedlens.study.maps import chosen_maps, make_map, measure_distortion, measure_silhouettes
from embedlens.study.random_split import fit_on_random_split
from embedlens.study.retrieval import measure_retrieval
from embedlens.study.splits import repeats_of, split_of

Step = Callable[[str], None]


def analyse(
    values: NDArray[np.floating[Any]],
    images: ImageSet,
    settings: Settings,
    repeats: Sequence[int] | None = None,
    step: Step = lambda name: None,
) -> Measurements:
    """Measure features: heads on every split, maps, silhouettes, distortion of the maps.

    Parameters
    ----------
    values : ndarray of shape (pictures, d)
        Features of all pictures.
    images : ImageSet
        The pictures.
    settings : Settings
        For repeats and seed.
    repeats : sequence of int, optional
        The splits; by default all. Silhouettes of the test pictures are those of the first, and
        learned maps learn on it.
    step : callable, optional
        Called with the name of each step as it begins.

    Returns
    -------
    Measurements
    """
    step("distances")
    points = measure_geometry(values).points
    return measure_heads(points, images, settings, repeats, step) + measure_spaces(
        values, images, settings, repeats, step
    )


def measure_heads(
    points: NDArray[np.floating[Any]],
    images: ImageSet,
    settings: Settings,
    repeats: Sequence[int] | None = None,
    step: Step = lambda name: None,
) -> Measurements:
    """Train and test heads on features, on every split: all that a verdict needs.

    Parameters
    ----------
    points : ndarray of shape (pictures, columns)
        ``Geometry.points`` of the features.
    images, settings, repeats, step
        As for `analyse`.
    """
    rows = _sample(images)
    points = points if rows is None else points[rows]
    measured, heads = told_sample(LEARNED, rows, len(images)), None
    repeats = range(repeats_of(images, settings)) if repeats is None else repeats
    for repeat in repeats:
        step(f"heads, split {repeat + 1}")
        heads = heads or Heads(points, len(repeats))  # what all splits share is a part of the first
        measured += heads.fit(split_of(images, settings, repeat, rows), repeat)
    return measured if rows is None else measured.of_rows(rows)


def _sample(images: ImageSet) -> NDArray[np.int64] | None:
    """Return the rows that heads learn from and are tested on; None where these are all."""
    rows = sample_by_content(images.labels, images.ids, SAMPLE)
    return None if len(rows) == len(images) else rows


def measure_data(
    points: NDArray[np.floating[Any]],
    images: ImageSet,
    settings: Settings,
    heads: Measurements,
    step: Step = lambda name: None,
) -> Measurements:
    """Measure what a verdict stands beside: fewer labels, splits without groups, retrieval.

    Parameters
    ----------
    points, images, settings, step
        As for `measure_heads`.
    heads : Measurements
        What `measure_heads` returned for all splits.
    """
    rows = _sample(images)
    some, points = (images, points) if rows is None else (images.subset(rows), points[rows])
    heads = heads if rows is None else heads.within_rows(rows)
    measured = Measurements()
    for repeat in range(repeats_of(images, settings)):
        measured += fit_on_random_split(points, some, settings, repeat)
        split = split_of(images, settings, repeat, rows)
        measured += measure_retrieval(points, split, repeat, settings.seed)
    step("learning curve")
    measured += measure_learning_curve(points, images, settings, heads, rows)
    return measured if rows is None else measured.of_rows(rows)


def measure_spaces(
    values: NDArray[np.floating[Any]],
    images: ImageSet,
    settings: Settings,
    repeats: Sequence[int] | None = None,
    step: Step = lambda name: None,
) -> Measurements:
    """Measure maps, silhouettes, distortion of the maps, and heads on them on every split.

    Parameters and what is returned are those of `analyse`.
    """
    repeats = range(repeats_of(images, settings)) if repeats is None else repeats
    first, seed = repeats[0], settings.seed
    images_first = split_of(images, settings, first)
    step("distances")
    start = time.perf_counter()
    geometry = measure_geometry(values)
    took = time.perf_counter() - start
    measured = Measurements((Measure(FEATURES.cost, len(images), "all", first, took),))
    if geometry.gram is not None and len(images) > 1:
        measured += Measurements(neighbors=find_neighbors(geometry.points))
    for space in chosen_maps(settings):
        step(space.title)
        made = make_map(space, geometry, images_first, seed, first)
        measured += made.with_projections_of(geometry.points, values)
    maps = measured.maps
    step("silhouettes")
    measured += measure_silhouettes(maps, geometry, images_first, first)
    step("distortion")
    measured += measure_distortion(maps, geometry, images, first)
    rows = _sample(images)
    maps = maps if rows is None else {key: each[rows] for key, each in maps.items()}
    for repeat in repeats:
        step(f"heads on the maps, split {repeat + 1}")
        split = split_of(images, settings, repeat, rows)
        measured += fit_heads_on_maps(maps, split, repeat, learned_on=first)
    return measured


def steps_of_heads(repeats: int) -> list[str]:
    """Name the steps that the heads of so many splits take, with the points they learn from."""
    return ["distances", *(f"heads, split {number + 1}" for number in range(repeats))]


def steps_of_spaces(settings: Settings, repeats: int) -> list[str]:
    """Name the steps that `measure_spaces` takes for so many splits."""
    return [
        "distances",
        *(space.title for space in chosen_maps(settings)),
        "silhouettes",
        "distortion",
        *(f"heads on the maps, split {number + 1}" for number in range(repeats)),
    ]


def steps_of(settings: Settings, repeats: int) -> list[str]:
    """Name the steps that `analyse` takes for so many splits."""
    return steps_of_heads(repeats) + steps_of_spaces(settings, repeats)
