"""Tiles hold every point once; groups hold whole classes and no more sums than memory allows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embedlens.metrics.class_distances.tiling import cut


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=40),
    size=st.integers(1, 50),
    width=st.integers(1, 40),
)
def test_tiles_and_groups_cover_all_points_once(counts, size, width):
    starts = np.concatenate([[0], np.cumsum(counts)])
    n, k = int(starts[-1]), len(counts)
    tiling = cut(starts, size, sums_bytes=8 * n * width)
    classes, begins, ends = tiling.segments.T
    assert begins.tolist() == [0, *ends[:-1]]
    assert ends[-1] == n
    assert (starts[classes] <= begins).all()
    assert (ends <= starts[classes + 1]).all()
    assert tiling.tiles[0] == 0
    assert tiling.tiles[-1] == len(classes)
    for first, last in zip(tiling.tiles[:-1], tiling.tiles[1:], strict=True):
        assert first < last
        assert ends[last - 1] - begins[first] <= size
        if last - first > 1:  # packed: whole classes
            assert (begins[first:last] == starts[classes[first:last]]).all()
            assert (ends[first:last] == starts[classes[first:last] + 1]).all()
    assert [group.first_class for group in tiling.groups] == list(range(0, k, min(width, k)))
    for group in tiling.groups:
        assert group.last_class - group.first_class <= width
        first, last = tiling.tiles[group.first_tile], tiling.tiles[group.last_tile]
        assert set(classes[first:last]) == set(range(group.first_class, group.last_class))
    assert tiling.groups[-1].last_class == k
    assert tiling.groups[-1].last_tile == len(tiling.tiles) - 1
