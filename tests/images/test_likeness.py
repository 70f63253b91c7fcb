from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from skimage import data

from embedlens.images import decode
from embedlens.images.likeness import SIDE, copy_distances, usual_distance

PHOTOGRAPHS = ["astronaut", "chelsea", "coffee", "rocket", "retina", "hubble_deep_field"]


@pytest.fixture(scope="module")
def photographs():
    whole = [Image.fromarray(getattr(data, name)()) for name in PHOTOGRAPHS]
    return [each.resize((300, 300 * each.height // each.width)) for each in whole]


def small(picture, format="PNG", **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    return decode(file.getvalue(), SIDE)


def distance(one, other, **options):
    both = np.stack([one, other])
    return copy_distances(lambda rows: both[list(rows)], np.array([[0, 1]]), **options)[0]


COPIES = {
    "half the size": lambda picture: small(picture.resize((150, picture.height // 2))),
    "three times the size": lambda picture: small(picture.resize((900, 3 * picture.height))),
    "another aspect": lambda picture: small(picture.resize((200, 200))),
    "grey": lambda picture: small(picture.convert("L")),
    "compressed": lambda picture: small(picture, "JPEG", quality=30),
    "less contrast": lambda picture: small(ImageEnhance.Contrast(picture).enhance(0.8)),
}


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_a_copy(photographs, kind):
    for picture in photographs:
        assert distance(small(picture), COPIES[kind](picture)) < 0.1


def test_different_photographs_are_none(photographs):
    for i, one in enumerate(photographs):
        for other in photographs[:i]:
            assert np.isinf(distance(small(one), small(other), turned=True))


@pytest.mark.parametrize("way", [Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_90])
def test_a_turned_copy_is_one_if_turns_are_tried(photographs, way):
    for picture in photographs[:3]:
        turned = small(picture.transpose(way))
        assert np.isinf(distance(small(picture), turned))
        assert distance(small(picture), turned, turned=True) < 0.1


def test_the_same_shape_in_another_colour_is_no_copy():
    mask = np.asarray(Image.fromarray(data.horse()).convert("L").resize((64, 64)))[..., None] > 0
    red, blue = np.array([200, 40, 40]), np.array([40, 90, 200])
    pictures = [
        small(Image.fromarray(np.where(mask, 255, colour).astype(np.uint8)))
        for colour in (red, blue)
    ]
    assert np.isinf(distance(*pictures))


def test_a_frame_in_common_is_no_copy():
    """Charts: white margins, axes, and other curves."""
    rng = np.random.default_rng(0)
    charts = []
    for _ in range(2):
        chart = np.full((128, 128), 255, np.uint8)
        chart[16:112, 16:112] = 20
        for _ in range(8):
            x, y = rng.integers(20, 90, 2)
            chart[y : y + 10, x : x + 14] = 200
        charts.append(small(Image.fromarray(chart)))
    assert np.isinf(distance(*charts))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_pictures_of_one_shade_are_copies_of_nothing(level):
    flat = np.full((SIDE, SIDE, 3), level, np.uint8)
    assert np.isinf(distance(flat, flat))


def test_the_usual_distance_is_the_median_of_near_ones_measured_one_by_one():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (40, SIDE, SIDE, 3), np.uint8)
    grey = (pictures @ np.array([0.299, 0.587, 0.114])).reshape(40, -1)
    correlation = np.corrcoef(grey)
    np.fill_diagonal(correlation, 1)
    # The first of each row is the picture itself, and a tenth of 40 is four.
    expected = np.median(np.sort(np.sqrt(1 - correlation), axis=1)[:, 4])
    found = usual_distance(lambda rows: pictures[list(rows)], range(40))
    assert found == pytest.approx(expected, abs=1e-4)
    assert np.isinf(usual_distance(lambda rows: pictures[list(rows)], [0, 1]))
