"""What a study computes, once on a few points that are nobody's: kernels are compiled by then."""

from __future__ import annotations

import numpy as np

from embedlens.metrics import distortion_report, silhouette_samples
from embedlens.metrics.near_duplicates import hamming_pairs
from embedlens.reduce import PCA, TSNE, gram
from embedlens.report.viewpoint import best_viewpoint
from embedlens.results.nearest import find_neighbors
from embedlens.study.geometry import measure_geometry
from embedlens.study.heads import PROBES

_CLASSES, _EACH, _COLUMNS = 4, 16, 128


def rehearse() -> None:
    """Compile what a study of few pictures will call, and import what it will import.

    Compiling takes a processor 20 seconds after an install, and nothing where it was done before.
    Arrays are of the kinds that a study has: features that are mapped from a file and outnumber
    the pictures, their Gram matrix, maps in float32.
    """
    rng = np.random.default_rng(0)
    labels = np.repeat(np.array([f"class {i}" for i in range(_CLASSES)]), _EACH)
    values = rng.standard_normal((len(labels), _COLUMNS)).astype(np.float32)
    values.setflags(write=False)
    points, products = measure_geometry(values).points, gram(values)
    for each in (points, values):
        find_neighbors(each)
    maps = [
        PCA(3, random_state=0).fit_transform_gram(products),
        TSNE(3, perplexity=5, random_state=0, metric="gram").fit_transform(products),
    ]
    silhouette_samples(products, labels, metric="gram")
    for made in maps:
        coordinates = np.asarray(made, np.float32)
        silhouette_samples(coordinates, labels)
        distortion_report(products, coordinates, metric="gram", ks=(5,))
        best_viewpoint(coordinates, labels)
    some = points[np.arange(len(labels))]  # as rows of a split are taken
    for make in PROBES.values():
        make().fit(some, labels, validation=(some, labels)).predict_proba(some)
    hamming_pairs(rng.integers(0, 2**63, len(labels), dtype=np.uint64), 2)
