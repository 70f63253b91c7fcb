"""Pictures are resized to the bytes that Pillow gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from embedlens.images import decode, resampling
from embedlens.images.resampling import can_resize, resized, weights

FILTERS = [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC]
sides = st.integers(1, 90)


def noise(width, height, seed=0):
    """A picture of which every pixel matters."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


@st.composite
def parts(draw):
    """An old size, a new one, and a part of the new."""
    old, new = draw(st.tuples(sides, sides)), draw(st.tuples(sides, sides))
    left, top = draw(st.integers(0, new[0] - 1)), draw(st.integers(0, new[1] - 1))
    right, bottom = draw(st.integers(left + 1, new[0])), draw(st.integers(top + 1, new[1]))
    return old, new, (left, top, right, bottom)


def test_the_installed_pillow_is_known():
    """Otherwise all else here would be skipped and pictures read at half the speed."""
    assert can_resize(noise(9, 9), (4, 4), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("interpolation", FILTERS)
@given(parts())
def test_any_part_has_pillows_bytes(interpolation, part):
    old, new, box = part
    image = noise(*old, seed=sum(old))
    if not can_resize(image, new, interpolation):
        assert old == new or old[1] > 100 * old[0]
        return
    expected = np.asarray(image.resize(new, interpolation).crop(box))
    np.testing.assert_array_equal(resized(image, new, box, interpolation), expected)


@pytest.mark.parametrize("old", [(1600, 1203), (37, 3001), (5000, 41), (333, 500)])
@pytest.mark.parametrize("interpolation", FILTERS)
def test_pictures_of_many_strips(old, interpolation):
    image = noise(*old)
    box = (0, 3, 224, 221)
    expected = np.asarray(image.resize((224, 224), interpolation).crop(box))
    np.testing.assert_array_equal(resized(image, (224, 224), box, interpolation), expected)


def test_black_and_white_overshoot_nowhere():
    """Bicubic weights are negative at an edge: sums leave the range of a byte, and are cut."""
    edge = Image.fromarray(
        np.repeat([[[0] * 3] * 7 + [[255] * 3] * 8], 15, axis=0).astype(np.uint8)
    )
    found = resized(edge, (40, 40), (0, 0, 40, 40), Image.Resampling.BICUBIC)
    expected = np.asarray(edge.resize((40, 40), Image.Resampling.BICUBIC))
    assert found.min() == 0
    assert found.max() == 255
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("image", "interpolation"),
    [
        (noise(9, 9).convert("L"), Image.Resampling.BICUBIC),
        (noise(9, 9), Image.Resampling.LANCZOS),
        (noise(9, 9), Image.Resampling.NEAREST),
        (noise(2, 201), Image.Resampling.BICUBIC),
    ],
)
def test_what_is_left_to_pillow(image, interpolation):
    assert not can_resize(image, (4, 4), interpolation)


def test_a_pillow_of_another_order_resizes_by_itself(monkeypatch, tmp_path):
    """It is found out by its answers, and pictures keep Pillow's bytes."""
    monkeypatch.setattr(resampling, "_ORDERS", (lambda old, new: old[0] % 2 == 0,))
    resampling._order.cache_clear()
    try:
        image = noise(60, 40)
        assert not can_resize(image, (21, 13), Image.Resampling.BICUBIC)
        image.save(tmp_path / "a.png")
        found = decode((tmp_path / "a.png").read_bytes(), (13, 21), interpolation="bicubic")
        expected = np.asarray(image.resize((21, 13), Image.Resampling.BICUBIC))
        np.testing.assert_array_equal(found, expected)
    finally:
        resampling._order.cache_clear()


@given(sides, sides)
def test_weights_of_a_pixel_sum_to_one(old, new):
    for interpolation in FILTERS:
        found = weights(old, new, interpolation)
        np.testing.assert_allclose(found.factors.sum(1) / 2**22, 1.0, atol=1e-5)
        assert (found.starts >= 0).all()
        assert (found.starts + found.counts <= old).all()
