"""After the rehearsal a study of few pictures compiles nothing more."""

from __future__ import annotations

import gc

import numpy as np
from numba.core.dispatcher import Dispatcher

from embedlens.curation import check
from embedlens.images import ImageSet
from embedlens.results.settings import Settings
from embedlens.study.analysis import analyse
from embedlens.study.rehearsal import rehearse


def compiled():
    """The kernels of this process, with the types that each was compiled for."""
    return {
        (each.py_func.__module__, each.py_func.__name__, str(types))
        # By their own type: a proxy that other tests left behind has no other to ask for.
        for each in gc.get_objects()
        if issubclass(type(each), Dispatcher) and each.py_func.__module__.startswith("embedlens")
        for types in each.signatures
    }


def test_a_study_compiles_nothing_after_it(pictures_once, tmp_path):
    images = ImageSet.read(pictures_once)
    values = np.random.default_rng(0).standard_normal((len(images), 200)).astype(np.float32)
    np.save(tmp_path / "features.npy", values)
    stored = np.load(tmp_path / "features.npy", mmap_mode="r")
    settings = Settings(
        pictures=str(pictures_once), backbones=("A",), repeats=1, maps=("pca", "tsne")
    )
    rehearse()
    before = compiled()
    analyse(stored, images, settings)
    check(images, stored, backbone="A")
    assert compiled() - before == set()
