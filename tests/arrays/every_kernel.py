"""A program that calls every kernel and prints, as JSON, a digest of each result.

    python every_kernel.py THREADS

Also whether this process compiled them, and if so, which functions hold arithmetic outside the
kernel they belong to ("astray").
"""

from __future__ import annotations

import hashlib
import importlib
import json
import pkgutil
import sys
from collections.abc import Iterator

import llvmlite.binding as llvm
import numpy as np
from numba.core.registry import CPUDispatcher
from PIL import Image

import embedlens
from embedlens.arrays import bounded_threads
from embedlens.images.resampling import resized
from embedlens.metrics import distortion_report, nearest_neighbors, silhouette_samples
from embedlens.metrics.hamming import Bands, banded_near_rows
from embedlens.metrics.near_duplicates import hamming_pairs
from embedlens.metrics.retrieval import retrieve
from embedlens.reduce import PCA, TSNE, gram

_ARITHMETIC = {"fadd", "fsub", "fmul", "fdiv", "fneg"}


def results(n_jobs: int) -> Iterator[tuple[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 75)
    centres = rng.normal(size=(4, 500))
    wide = (0.6 * centres[labels] + rng.normal(size=(300, 500))).astype(np.float32)
    narrow = wide[:, :24].astype(np.float64)
    for n_components in (2, 3):
        for method in ("exact", "barnes_hut"):
            tsne = TSNE(n_components, method=method, max_iter=120, n_jobs=n_jobs)
            name = f"t-SNE {n_components}-D {method}"
            yield name, tsne.fit_transform(narrow)
            yield f"{name} divergence", tsne.trace_
            yield f"{name} transform", tsne.transform(narrow[:21] + 0.01)
    for metric, X in (("euclidean", wide), ("gram", gram(wide)), ("cosine", narrow)):
        yield f"t-SNE {metric}", TSNE(metric=metric, max_iter=60, n_jobs=n_jobs).fit_transform(X)
    with bounded_threads(n_jobs):
        yield "gram", gram(wide)
        yield "pca", PCA(3).fit_transform(wide)
        for X in (narrow[:, :2], narrow[:, :3], narrow[:, :9], narrow, wide):
            yield f"silhouette {X.shape[1]}", silhouette_samples(X, labels)
            yield f"neighbors {X.shape[1]}", nearest_neighbors(X, 7)[0]
        small = np.r_[np.arange(150), np.arange(150)]
        yield "silhouette of small classes", silhouette_samples(narrow[:, :5], small)
        copies = np.r_[wide, wide[:40]]
        yield "silhouette of copies", silhouette_samples(copies, np.r_[labels, labels[:40]])
        squares = np.square(narrow[:, None] - narrow[None]).sum(axis=2)
        for metric, X in (("precomputed", np.sqrt(squares)), ("gram", narrow @ narrow.T)):
            yield f"silhouette {metric}", silhouette_samples(X, labels, metric=metric)
        report = distortion_report(narrow, narrow[:, :3])
        yield "distortion", np.frombuffer(repr(report).encode(), np.uint8)
        hashes = rng.integers(0, 1 << 20, 200, dtype=np.uint64)
        yield "hashes", hamming_pairs(hashes, 8).value
        near = banded_near_rows(hashes, Bands.of(hashes), 0, len(hashes), 8, 16)
        yield "hashes by quarters", np.concatenate(near)
        found = retrieve(wide[:200], labels[:200], wide[200:], labels[200:] % 3)
        yield "retrieval", found.average_precision
        picture = Image.fromarray(rng.integers(0, 256, (90, 70, 3), dtype=np.uint8))
        for interpolation in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
            part = resized(picture, (41, 33), (3, 2, 40, 30), interpolation)
            yield f"picture, {interpolation.name}", part


def kernels() -> Iterator[CPUDispatcher]:
    for module in pkgutil.walk_packages(embedlens.__path__, "embedlens."):
        if module.name.split(".")[1] in ("arrays", "images", "metrics", "reduce"):
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, CPUDispatcher) and value.py_func.__module__ == module.name:
                    yield value


def astray() -> Iterator[str]:
    """Yield the functions that a kernel calls for its arithmetic, and kernels never called."""
    for kernel in kernels():
        if kernel.targetoptions.get("forceinline"):
            continue
        if not kernel.signatures:
            yield f"{kernel.py_func.__qualname__} was never called"
        for compiled in kernel.overloads.values():
            name = compiled.fndesc.llvm_func_name
            for function in llvm.parse_assembly(compiled.library.get_llvm_str()).functions:
                opcodes = {one.opcode for block in function.blocks for one in block.instructions}
                if (
                    name not in function.name.replace("_ZN7cpython", "_ZN")
                    and opcodes & _ARITHMETIC
                ):
                    yield f"{function.name} in {name}"


if __name__ == "__main__":
    digests = {
        name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        for name, value in results(int(sys.argv[1]))
    }
    compiled = any(kernel.stats.cache_misses for kernel in kernels())
    outcome = {"digests": digests, "compiled": compiled, "astray": [*astray()] if compiled else []}
    print(json.dumps(outcome))
