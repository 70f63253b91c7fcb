"""Copies of pictures: the same bytes, the same look, or almost the same features."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from embedlens.curation.finding import Finding
from embedlens.images import ImageSet
from embedlens.images.perceptual_hash import NO_HASH
from embedlens.metrics.near_duplicates import Pairs, cosine_pairs, hamming_pairs

# Measured on 1,420 photographs with EfficientNet-Lite0. Two different ones differ in at least 12
# bits and have a cosine of at most 0.929. Copies in another size, in grey or heavily compressed
# differ in at most 4 bits, lighter or slightly turned ones mostly in at most 10; mirrored ones have
# a cosine of 0.94 or more in 95 of 100 cases, those cut by a tenth of each side in half of them.
CERTAIN_BITS, LIKELY_BITS = 4, 10
CERTAIN_COSINE, LIKELY_COSINE = 0.94, 0.7

Copies = dict[tuple[int, int], tuple[float, str]]
"""By rows, the lower first: how sure, from 0 to 1, and why."""


def find_near_copies(images: ImageSet, features: NDArray[np.floating]) -> Copies:
    """Find the pairs of pictures that are copies, by hash and by features.

    Parameters
    ----------
    images : ImageSet
        The pictures.
    features : ndarray of shape (n, d)
        Of a backbone, averaged over the picture: they also tell mirrored and cropped copies.

    Returns
    -------
    Copies
        Pairs of the same bytes among them.
    """
    found: Copies = {}
    lengths = np.linalg.norm(features, axis=1)
    known = np.flatnonzero(images.hashes != NO_HASH)
    looks = hamming_pairs(images.hashes[known], LIKELY_BITS)
    for one, two, bits in _rows(looks):
        i, j = int(known[one]), int(known[two])
        cosine = float(features[i] @ features[j] / max(lengths[i] * lengths[j], 1e-12))
        if bits <= CERTAIN_BITS or cosine >= LIKELY_COSINE:
            reason = f"looks the same: {bits} of 64 bits of its hash differ"
            found[i, j] = (1 - bits / 64, reason)
    for i, j, cosine in _rows(cosine_pairs(features, CERTAIN_COSINE)):
        found.setdefault((i, j), (cosine, f"almost the same features: cosine {cosine:.3f}"))
    for i, j in _same_bytes(images):
        found[i, j] = (1.0, "the same bytes")
    return dict(sorted(found.items()))


def describe_copies(images: ImageSet, copies: Copies) -> Iterator[Finding]:
    """Say what each pair means: a wrong label, a leak, or a picture that counts twice."""
    given = bool((images.given_splits != "").any())
    for (i, j), (score, reason) in copies.items():
        # Of two, the one to set aside is that of the earlier split, or the second.
        row, other = (j, i) if _rank(images, i) >= _rank(images, j) else (i, j)
        if images.labels[i] != images.labels[j]:
            kind, action = "two labels", "look which label is right, and remove the other"
        elif images.splits[i] != images.splits[j]:
            kind = "leak"
            action = f"remove it from {images.splits[row]}"
            if not given:
                action = "remove one, or give splits that keep both on one side"
        else:
            kind, action = "duplicate", "remove one, unless it is to count twice"
        yield Finding(
            kind,
            str(images.paths[row]),
            reason,
            action,
            str(images.labels[row]),
            str(images.splits[row]),
            str(images.paths[other]),
            str(images.labels[other]),
            str(images.splits[other]),
            score=score,
        )


def groups_of(n: int, copies: Copies) -> list[str]:
    """Name the group of copies that each of ``n`` pictures belongs to."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rows = np.array(list(copies), dtype=np.int64).reshape(-1, 2)
    links = coo_array((np.ones(len(rows)), (rows[:, 0], rows[:, 1])), shape=(n, n))
    return [str(number) for number in connected_components(links, directed=False)[1]]


def _rank(images: ImageSet, row: int) -> int:
    return ("train", "validation", "test").index(images.splits[row])


def _rows(pairs: Pairs) -> Iterator[tuple[int, int, float]]:
    yield from zip(pairs.first.tolist(), pairs.second.tolist(), pairs.value.tolist(), strict=True)


def _same_bytes(images: ImageSet) -> Iterator[tuple[int, int]]:
    first: dict[str, int] = {}
    for row, content in enumerate(images.ids.tolist()):
        if content in first:
            yield first[content], row
        first.setdefault(content, row)
