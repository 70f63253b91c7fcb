from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from embedlens.metrics import near_duplicates
from embedlens.metrics.near_duplicates import cosine_pairs, hamming_pairs


def listed(pairs):
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def by_hand(near):
    """Pairs i < j of a matrix that says which are near."""
    return [tuple(pair) for pair in np.argwhere(np.triu(near, 1)).tolist()]


def cosines(X):
    X = X.astype(np.float64)
    lengths = np.linalg.norm(X, axis=1, keepdims=True)
    unit = np.divide(X, lengths, out=np.zeros_like(X), where=lengths > 0)
    return unit @ unit.T


# Hashes of few different bits, so that many of them are near each other.
few_bits = hnp.arrays(np.uint64, st.integers(0, 60), elements=st.integers(0, 255))


class TestHamming:
    @settings(max_examples=40)
    @given(few_bits, st.integers(0, 9), st.integers(0, 56))
    def test_the_pairs_are_those_of_every_two_compared(self, hashes, radius, shift):
        hashes = hashes << np.uint64(shift)
        bits = np.bitwise_count(hashes[:, None] ^ hashes[None])
        pairs = hamming_pairs(hashes, radius, most=100)
        assert listed(pairs) == by_hand(bits <= radius)
        assert pairs.value.tolist() == [bits[pair] for pair in listed(pairs)]

    @pytest.mark.parametrize("most", [1, 3, 100])
    @settings(max_examples=40)
    @given(hashes=few_bits, radius=st.integers(0, 11), shift=st.integers(0, 56))
    def test_by_quarters_they_are_the_same(self, hashes, radius, shift, most):
        hashes = hashes << np.uint64(shift)
        every = hamming_pairs(hashes, radius, most=most)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(near_duplicates, "_ALL", -1)
            found = hamming_pairs(hashes, radius, most=most)
        assert listed(found) == listed(every)
        assert found.value.tolist() == every.value.tolist()

    def test_blocks_do_not_show(self):
        hashes = np.random.default_rng(0).integers(0, 2**64, 3000, dtype=np.uint64)
        hashes[[100, 2500]] = hashes[[2999, 5]] ^ np.uint64(7)
        bits = np.bitwise_count(hashes[:, None] ^ hashes[None])
        assert listed(hamming_pairs(hashes, 14)) == by_hand(bits <= 14)

    def test_equal_hashes_stay_linked_though_not_every_pair_is_listed(self):
        pairs = hamming_pairs(np.full(500, 7, np.uint64), 3, most=4)
        assert len(pairs) == 4 * 500 - (1 + 2 + 3 + 4)
        assert set(range(499)) <= set(pairs.first.tolist())

    @pytest.mark.parametrize(
        ("hashes", "options", "message"),
        [
            (np.zeros(3), {"radius": 3}, "uint64"),
            (np.zeros((3, 2), np.uint64), {"radius": 3}, "one a point"),
            (np.zeros(3, np.uint64), {"radius": 65}, "got 65"),
            (np.zeros(3, np.uint64), {"radius": 3, "most": 0}, "got 0"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, hashes, options, message):
        with pytest.raises(ValueError, match=message):
            hamming_pairs(hashes, **options)


class TestCosine:
    @settings(max_examples=40)
    @given(
        hnp.arrays(
            np.float64, st.tuples(st.integers(1, 30), st.integers(1, 5)),
            elements=st.integers(-3, 3).map(float),
        ),
        st.sampled_from([0.3, 0.7, 0.9, 0.99]),
    )  # fmt: skip
    def test_the_pairs_are_those_of_every_two_measured(self, X, threshold):
        near = cosines(X)
        # Integers make cosines that lie exactly on a threshold; rounding may put them on any side.
        near[np.abs(near - threshold) < 1e-6] = threshold
        found = set(listed(cosine_pairs(X, threshold, most=100)))
        assert found >= set(by_hand(near > threshold))
        assert found <= set(by_hand(near >= threshold))

    @pytest.mark.parametrize("shape", [(2500, 20), (900, 300), (3000, 200)])
    def test_many_features_are_filtered_without_losing_a_pair(self, shape):
        rng = np.random.default_rng(0)
        X = np.maximum(0, rng.normal(size=(5, shape[1]))[rng.integers(5, size=shape[0])] * 2)
        X = (X + rng.normal(size=shape)).astype(np.float32)
        X[-50:] = X[:50] + 0.1 * rng.normal(size=(50, shape[1]))
        threshold = 0.97
        pairs = cosine_pairs(X, threshold)
        near = cosines(X)
        assert listed(pairs) == by_hand(near >= threshold)
        assert len(pairs) >= 40
        expected = [near[pair] for pair in listed(pairs)]
        np.testing.assert_allclose(pairs.value, expected, atol=1e-6)

    def test_a_point_without_direction_is_near_none(self):
        assert len(cosine_pairs(np.zeros((4, 3)), 0.5)) == 0

    def test_equal_points_stay_linked_though_not_every_pair_is_listed(self):
        pairs = cosine_pairs(np.ones((300, 4)), 0.9, most=3)
        assert len(pairs) == 3 * 300 - (1 + 2 + 3)
        assert set(range(299)) <= set(pairs.first.tolist())

    def test_a_threshold_that_makes_no_sense_is_refused(self):
        with pytest.raises(ValueError, match=r"got 1\.5"):
            cosine_pairs(np.ones((3, 2)), 1.5)

    @pytest.fixture
    def with_a_copy(self):
        X = np.random.default_rng(0).normal(size=(50, 1280)).astype(np.float32) * 10
        X[31] = X[4]
        return X

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.int64])
    def test_no_dtype_loses_a_copy_or_finds_another(self, with_a_copy, dtype):
        """Norms of float16 features overflow at 65,504, squares already at a length of 256."""
        assert listed(cosine_pairs(with_a_copy.astype(dtype), 0.99)) == [(4, 31)]

    @pytest.mark.parametrize(
        ("dtype", "scale"),
        [(np.float32, 1e20), (np.float32, 1e-25), (np.float64, 1e200), (np.float64, 1e-200)],
    )
    def test_no_scale_loses_a_copy(self, with_a_copy, dtype, scale):
        assert listed(cosine_pairs(with_a_copy.astype(dtype) * dtype(scale), 0.99)) == [(4, 31)]

    @pytest.mark.parametrize(
        ("value", "named"), [(np.nan, "NaN"), (np.inf, "infinity"), (-np.inf, "infinity")]
    )
    def test_what_is_no_number_is_refused_with_its_place(self, with_a_copy, value, named):
        with_a_copy[5, 3] = value
        with pytest.raises(ValueError, match=rf"{named}: X\[5, 3\]"):
            cosine_pairs(with_a_copy, 0.99)
