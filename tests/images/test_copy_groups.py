from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage import data

from embedlens import ImageSet
from embedlens.images.copy_groups import group_copies
from embedlens.images.likeness import SIDE, copy_distances

NONE = np.empty((0, 2), np.int64)


def grouped(pictures, labels, ids=None):
    """Groups of small pictures, every pair of which is compared."""
    n = len(pictures)
    pairs = np.argwhere(np.triu(np.ones((n, n)), 1)).astype(np.int64)

    def look(rows):
        return pictures[list(rows)]

    ids = ids or [f"{i:03}" for i in range(n)]
    return group_copies(ids, labels, pairs, copy_distances(look, pairs), look)


def scene(rng):
    """A picture of its own, smooth enough that noise does not hide it."""
    small = rng.integers(0, 256, (6, 6, 3), np.uint8)
    resized = Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(resized).astype(int)


def noisy(picture, rng, level=3):
    return np.clip(picture + rng.integers(-level, level + 1, picture.shape), 0, 255)


def sizes(found):
    return sorted(np.unique(found.names, return_counts=True)[1].tolist(), reverse=True)


class TestGroups:
    def test_copies_are_grouped_and_others_are_not(self):
        rng = np.random.default_rng(0)
        scenes = [scene(rng) for _ in range(30)]
        copies = [noisy(scenes[i], rng) for i in (0, 0, 1)]
        found = grouped(np.array(scenes + copies, np.uint8), ["a", "b", "c"] * 11)
        assert sizes(found)[:3] == [3, 2, 1]
        assert [found.names[i] for i in (0, 30, 31)] == ["000"] * 3
        assert [found.names[i] for i in (1, 32)] == ["001"] * 2
        assert found.alike == ()

    def test_the_same_bytes_are_one_group_whatever_they_look_like(self):
        found = group_copies(list("abaab"), list("xxxyy"), NONE, np.empty(0), lambda rows: None)
        assert found.names == ["a", "b", "a", "a", "b"]
        assert found.pairs.tolist() == [[0, 2], [0, 3], [1, 4]]
        assert found.distances.tolist() == [0, 0, 0]

    @pytest.mark.parametrize("others", [0, 20, 200])
    def test_pictures_of_one_camera_are_no_copies_however_many_others_there_are(self, others):
        rng = np.random.default_rng(0)
        base = scene(rng)
        camera = [noisy(base, rng, 8) for _ in range(40)]
        found = grouped(
            np.array(camera + [scene(rng) for _ in range(others)], np.uint8),
            ["good"] * 20 + ["scratched"] * 20 + ["other"] * others,
        )
        assert len(set(found.names)) == 40 + others
        assert [rows.tolist() for rows in found.alike] == [list(range(40))]

    def test_a_copy_among_pictures_of_one_camera_is_still_found(self):
        rng = np.random.default_rng(0)
        base = scene(rng)
        camera = [noisy(base, rng, 12) for _ in range(40)]
        pictures = np.array([*camera, noisy(camera[7], rng, 1)], np.uint8)
        found = grouped(pictures, ["good"] * 20 + ["scratched"] * 21)
        assert found.pairs.tolist() == [[7, 40]]

    def test_a_burst_within_a_class_stays_together(self):
        rng = np.random.default_rng(0)
        scenes = [scene(rng) for _ in range(40)]
        burst = [noisy(scenes[0], rng) for _ in range(7)]
        found = grouped(np.array(scenes + burst, np.uint8), ["a"] * 20 + ["b"] * 20 + ["a"] * 7)
        assert sizes(found)[:2] == [8, 1]

    def test_pictures_of_one_shade_are_no_copies(self):
        black = np.zeros((12, SIDE, SIDE, 3), np.uint8)
        assert sizes(grouped(black, ["a", "b"] * 6)) == [1] * 12

    @settings(max_examples=25)
    @given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
    def test_the_order_of_the_pictures_does_not_matter(self, seed, random):
        rng = np.random.default_rng(seed)
        scenes = [scene(rng) for _ in range(6)]
        pictures = np.array([noisy(scenes[i % 6], rng) for i in range(15)], np.uint8)
        labels, ids = list("abc" * 5), [f"{i:03}" for i in range(15)]
        order = list(range(15))
        random.shuffle(order)
        found = grouped(pictures, labels, ids).names
        shuffled = grouped(
            pictures[order], [labels[i] for i in order], [ids[i] for i in order]
        ).names
        assert shuffled == [found[i] for i in order]


def test_every_class_of_one_camera_is_tested_and_trained_on_in_every_split(tmp_path):
    """An inspection camera: the same scene, with noise, and scratches in one class."""
    rng = np.random.default_rng(0)
    base = np.asarray(Image.fromarray(data.coins()).convert("RGB").resize((160, 128))).astype(int)
    for label in ("good", "scratched"):
        (tmp_path / label).mkdir()
        for i in range(12):
            picture = base + rng.integers(-12, 13, base.shape) + int(rng.integers(-10, 11))
            if label == "scratched":
                y, x = rng.integers(10, 100, 2)
                picture[y : y + 3, x : x + 30] = 240
            whole = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
            whole.save(tmp_path / label / f"{i}.png")
    images = ImageSet.read(tmp_path)
    for seed in range(5):
        assert (images.resplit(seed).counts() > 0).all(axis=None)
