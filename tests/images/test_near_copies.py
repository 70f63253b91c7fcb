from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from skimage import data

from embedlens.images import ImageSet, probe
from embedlens.images.near_copies import RADIUS, near_copies
from embedlens.images.perceptual_hash import NO_HASH

PHOTOGRAPHS = ["astronaut", "chelsea", "coffee", "rocket", "retina", "hubble_deep_field", "cat"]


@pytest.fixture(scope="module")
def photographs():
    found = []
    for name in PHOTOGRAPHS:
        whole = Image.fromarray(getattr(data, name)())
        found.append(whole.resize((300, 300 * whole.height // whole.width)))
    return found


def hash_of(picture, format="JPEG", **options):
    file = io.BytesIO()
    picture.save(file, format, **options)
    return probe(file.getvalue()).hash


def bits(one, other):
    return (one ^ other).bit_count()


class TestHash:
    @pytest.mark.parametrize(
        "copy",
        [
            lambda picture: hash_of(picture, quality=40),
            lambda picture: hash_of(picture, "PNG"),
            lambda picture: hash_of(picture, "WEBP", quality=80),
            lambda picture: hash_of(picture.resize((150, picture.height // 2))),
            lambda picture: hash_of(picture.resize((900, 3 * picture.height))),
            lambda picture: hash_of(picture.convert("L")),
        ],
    )
    def test_copies_differ_in_a_few_bits(self, photographs, copy):
        for picture in photographs:
            assert bits(hash_of(picture, quality=95), copy(picture)) <= RADIUS

    def test_different_pictures_differ_in_many(self, photographs):
        # chelsea and cat are the same photograph.
        hashes = [hash_of(picture) for picture in photographs[:-1]]
        for i, one in enumerate(hashes):
            for other in hashes[:i]:
                assert bits(one, other) > 4 * RADIUS

    def test_the_turn_that_exif_asks_for_is_made(self, photographs):
        picture = photographs[1]
        exif = Image.Exif()
        exif[0x0112] = 6
        turned = hash_of(picture.transpose(Image.Transpose.ROTATE_90), exif=exif, quality=95)
        assert bits(turned, hash_of(picture)) <= RADIUS

    @pytest.mark.parametrize(
        "picture",
        [
            Image.new("RGB", (64, 64), "red"),
            Image.effect_noise((31, 64), 90),
            Image.effect_noise((64, 64), 90).point(lambda level: level // 16),
        ],
        ids=["one shade", "tiny", "all but black"],
    )
    def test_pictures_of_which_it_would_say_nothing_have_none(self, picture):
        assert hash_of(picture, "PNG") == NO_HASH


hashes_near_each_other = hnp.arrays(
    np.uint64, st.integers(0, 40), elements=st.integers(1, 2**9)
).flatmap(lambda low: st.integers(0, 55).map(lambda shift: low << np.uint64(shift)))


def components(n, pairs):
    group = list(range(n))
    for i, j in pairs:
        old, new = group[j], group[i]
        group = [new if each == old else each for each in group]
    return {frozenset(k for k in range(n) if group[k] == each) for each in group}


class TestPairs:
    @settings(max_examples=60)
    @given(hashes_near_each_other)
    def test_the_same_pictures_are_linked_as_if_all_were_compared(self, hashes):
        near = np.bitwise_count(hashes[:, None] ^ hashes[None]) <= RADIUS
        near &= (hashes != 0)[:, None] & (hashes != 0)[None]
        expected = np.argwhere(np.triu(near, 1)).tolist()
        found = near_copies(hashes)
        assert all(near[i, j] and i < j for i, j in found.tolist())
        assert components(len(hashes), found.tolist()) == components(len(hashes), expected)

    def test_ten_thousand_equal_pictures_are_linked_in_a_row(self):
        assert len(near_copies(np.full(10_000, 99, np.uint64))) == 9_999


@pytest.mark.parametrize("seed", range(5))
def test_copies_in_another_size_or_format_lie_on_one_side_of_a_split(tmp_path, seed):
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for i in range(12):
            noise = rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            picture = Image.fromarray(noise).resize((120, 120), Image.Resampling.BICUBIC)
            picture.save(tmp_path / label / f"{i}.png")
            picture.resize((60, 60)).save(tmp_path / label / f"{i}-small.jpg")
    for images in (ImageSet.read(tmp_path, seed=seed), ImageSet.read(tmp_path).resplit(seed)):
        split = dict(zip(images.paths, images.splits, strict=True))
        for label in ("a", "b"):
            for i in range(12):
                assert split[f"{label}/{i}.png"] == split[f"{label}/{i}-small.jpg"]
        assert set(images.splits) == {"train", "validation", "test"}


def test_hashes_survive_the_table_of_the_image_set(tmp_path, photographs):
    for i, picture in enumerate(photographs):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        picture.save(tmp_path / "ab"[i % 2] / f"{i}.png")
    images = ImageSet.read(tmp_path)
    assert (images.hashes >= 2**63).any()
    images.write(tmp_path / "images.parquet")
    known = ImageSet.read(tmp_path, known=tmp_path / "images.parquet")
    assert known.hashes.tolist() == images.hashes.tolist()
