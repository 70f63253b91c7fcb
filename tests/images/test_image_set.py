from __future__ import annotations

import os
import pickle
import zipfile
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlens import ImageSet
from embedlens.errors import ImageSetError
from embedlens.images import KINDS, SPLITS, FolderSource, ImageError


@pytest.fixture
def pets(write, animals):
    return write(animals)


def kinds(images: ImageSet) -> list[tuple[str, str, bool]]:
    return [(problem.path, problem.kind, problem.kept) for problem in images.problems]


def table_of(images: ImageSet) -> list[tuple[object, ...]]:
    return sorted(zip(images.ids, images.labels, images.splits, strict=True))


class TestWhatItHolds:
    def test_arrays_are_aligned_and_in_the_order_of_the_paths(self, pets, animals):
        images = ImageSet.read(pets)
        assert len(images) == 15
        assert images.classes == ("cat", "dog")
        assert images.paths.tolist() == sorted(animals)
        for i, path in enumerate(images.paths):
            assert images.labels[i] == path.split("/")[0]
            assert images.read_bytes(i) == animals[path]
            assert images.sizes[i] == len(animals[path])
        assert (images.widths == 6).all()
        assert (images.heights == 4).all()
        assert (images.formats == "PNG").all()
        assert images.problems == ()

    def test_codes_index_the_sorted_classes(self, write, picture):
        names = ["b", "a", "B", "ä", "10", "9"]
        images = ImageSet.read(write({f"{n}/1.png": picture(i) for i, n in enumerate(names)}))
        assert images.classes == ("10", "9", "B", "a", "b", "ä")
        assert images.codes.dtype == np.int64
        assert [images.classes[code] for code in images.codes] == images.labels.tolist()

    def test_arrays_cannot_be_changed(self, pets):
        images = ImageSet.read(pets)
        for each in (images, images.subset([0, 1])):
            with pytest.raises(ValueError, match="read-only"):
                each.labels[0] = "dog"

    def test_pixels_are_decoded_as_asked(self, pets):
        images = ImageSet.read(pets)
        assert images.pixels(3, 8).shape == (8, 8, 3)
        pixels = images.pixels(3, 9, "pad")
        assert pixels[4, 4].tolist() == [0, 3, 7]
        assert pixels[0, 0].tolist() == [128, 128, 128]

    def test_a_picture_that_vanished_or_changed_is_named(self, pets):
        images = ImageSet.read(pets)
        (pets / "cat/0.png").unlink()
        (pets / "cat/1.png").write_bytes(b"text")
        for read in (images.read_bytes, lambda i: images.pixels(i, 8)):
            with pytest.raises(ImageError, match=r"^cat/0\.png: cannot be read: No such file"):
                read(0)
        with pytest.raises(ImageError, match=r"^cat/1\.png: not a picture"):
            images.pixels(1, 8)

    def test_it_goes_to_other_processes(self, pets):
        images = pickle.loads(pickle.dumps(ImageSet.read(pets)))
        assert images.pixels(0, 8).shape == (8, 8, 3)

    def test_its_repr_is_one_line(self, pets):
        assert repr(ImageSet.read(pets)).endswith("photos': 15 pictures, 2 classes)")


class TestSelection:
    def test_where_gives_the_indices_of_one_or_several_splits(self, pets):
        images = ImageSet.read(pets)
        for split in SPLITS:
            assert (images.splits[images.where(split)] == split).all()
        both = images.where(["train", "test"])
        assert sorted([*both, *images.where("validation")]) == list(range(15))
        assert both.tolist() == sorted(both)

    def test_where_names_an_unknown_split(self, pets):
        with pytest.raises(ImageSetError, match="split 'val' is unknown; use one of train"):
            ImageSet.read(pets).where("val")

    def test_subset_takes_indices_or_a_mask_and_keeps_the_classes(self, pets):
        images = ImageSet.read(pets)
        dogs = images.subset(images.labels == "dog")
        assert dogs.paths.tolist() == [f"dog/{i}.png" for i in range(5)]
        assert dogs.classes == ("cat", "dog")
        assert dogs.codes.tolist() == [1] * 5
        assert images.subset([14, 0]).paths.tolist() == ["dog/4.png", "cat/0.png"]
        assert len(images.subset([])) == 0
        assert images.subset(images.where("test")).where("train").tolist() == []

    def test_counts_are_a_table_of_class_by_split(self, pets):
        counts = ImageSet.read(pets).counts()
        assert counts.index.tolist() == ["cat", "dog"]
        assert counts.columns.tolist() == ["train", "validation", "test"]
        assert counts.to_numpy().tolist() == [[6, 2, 2], [3, 1, 1]]


class TestFingerprint:
    def test_it_is_of_content_and_not_of_place(self, pets, tmp_path):
        first = ImageSet.read(pets).fingerprint
        moved = pets.rename(tmp_path / "moved")
        assert ImageSet.read(moved).fingerprint == first

    def test_it_changes_with_a_label_a_split_the_order_or_the_bytes(self, pets, picture):
        images = ImageSet.read(pets)
        others = [ImageSet.read(pets, seed=1), images.subset(np.arange(15)[::-1])]
        (pets / "dog/0.png").rename(pets / "cat/10.png")
        others.append(ImageSet.read(pets))
        (pets / "cat/10.png").write_bytes(picture(999))
        others.append(ImageSet.read(pets))
        assert len({images.fingerprint, *(other.fingerprint for other in others)}) == 5


class TestLayouts:
    """Every layout of the same pictures gives the same image set."""

    @pytest.fixture
    def expected(self, pets):
        return table_of(ImageSet.read(pets, seed=3))

    @pytest.mark.parametrize("top", ["", "photos/", "./x/y/"])
    def test_a_zip(self, animals, tmp_path, expected, top):
        path = tmp_path / "pets.zip"
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in animals.items():
                packed.writestr(top + name, data)
        images = ImageSet.read(path, seed=3)
        assert table_of(images) == expected
        assert images.root == path
        assert images.pixels(0, 8).shape == (8, 8, 3)

    def test_a_folder_within_a_folder(self, animals, write, tmp_path, expected):
        assert table_of(ImageSet.read(tmp_path, seed=3)) == expected

    @pytest.mark.parametrize("absolute", [False, True])
    def test_a_table(self, animals, pets, tmp_path, expected, absolute):
        frame = pd.DataFrame({"File": list(animals)[::-1]})
        frame["class"] = frame["File"].str.split("/").str[0]
        frame["File"] = f"{tmp_path}/photos/" * absolute + frame["File"]
        place = tmp_path if absolute else pets
        frame.to_csv(place / "labels.csv", index=False)
        frame.to_parquet(place / "labels.parquet")
        for name in ("labels.csv", "labels.parquet"):
            images = ImageSet.read(place / name, seed=3)
            assert table_of(images) == expected
            assert images.root == place
            assert images.pixels(0, 8).shape == (8, 8, 3)

    def test_given_splits_are_kept_and_the_missing_one_is_drawn_from_train(self, write, picture):
        names = [f"train/{c}/{i}.png" for c in "ab" for i in range(10)]
        names += [f"Test/{c}/{i}.png" for c in "ab" for i in range(4)]
        images = ImageSet.read(write({name: picture(i) for i, name in enumerate(names)}))
        assert images.counts().to_numpy().tolist() == [[7, 3, 4], [7, 3, 4]]
        for path, split in zip(images.paths, images.splits, strict=True):
            assert path.startswith("Test/") == (split == "test")

    def test_all_three_splits_given_are_all_kept(self, write, picture):
        names = [f"{s}/{c}/{i}.png" for s in ("train", "val", "test") for c in "ab" for i in "12"]
        images = ImageSet.read(write({name: picture(i) for i, name in enumerate(names)}))
        assert images.counts().to_numpy().tolist() == [[2, 2, 2], [2, 2, 2]]

    def test_strange_names_work(self, write, picture, tmp_path):
        names = ["a b/ü 猫 🐈.png", "a b/two\nlines.png", 'c,d/100% "x".png', "c,d/no suffix"]
        images = ImageSet.read(write({name: picture(i) for i, name in enumerate(names)}))
        assert images.paths.tolist() == sorted(names)
        images.write(tmp_path / "images.parquet")
        assert pd.read_parquet(tmp_path / "images.parquet")["path"].tolist() == sorted(names)


class TestProblems:
    def test_unreadable_pictures_are_set_aside_and_told(self, write, animals, picture):
        broken = {
            "cat/empty.jpg": b"",
            "cat/text.jpg": b"text",
            "dog/cut.png": picture(99)[:-30],
            "loose.png": picture(98),
        }
        images = ImageSet.read(write({**animals, **broken}))
        assert images.paths.tolist() == sorted(animals)
        assert [(problem.path, problem.reason) for problem in images.problems] == [
            ("cat/empty.jpg", "the file is empty"),
            ("cat/text.jpg", "not a picture, or its header is broken"),
            ("dog/cut.png", "truncated: the file ends before the picture does"),
            ("loose.png", "it lies in no class folder"),
        ]
        assert {problem.kind for problem in images.problems} <= set(KINDS)
        assert not any(problem.kept for problem in images.problems)

    def test_an_encrypted_member_of_a_zip_is_set_aside(self, animals, tmp_path):
        path = tmp_path / "pets.zip"
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in animals.items():
                packed.writestr(name, data)
            packed.writestr("../evil.png", b"evil")
        data = bytearray(path.read_bytes())
        data[data.index(b"PK\x01\x02") + 8] |= 1
        path.write_bytes(data)
        images = ImageSet.read(path)
        assert kinds(images) == [
            ("../evil.png", "outside", False),
            ("cat/0.png", "unreadable", False),
        ]
        assert len(images) == 14

    def test_links_out_of_the_folder_are_set_aside(self, pets, tmp_path, picture):
        (tmp_path / "out.png").write_bytes(picture(99))
        (pets / "cat/out.png").symlink_to(tmp_path / "out.png")
        assert kinds(ImageSet.read(pets)) == [("cat/out.png", "outside", False)]

    def test_missing_files_of_a_table_are_set_aside(self, pets):
        rows = ["path,label"] + [f"{c}/{i}.png,{c}" for c in ("cat", "dog") for i in range(6)]
        (pets / "labels.csv").write_text("\n".join(rows))
        images = ImageSet.read(pets / "labels.csv")
        assert kinds(images) == [("dog/5.png", "missing", False)]
        assert len(images) == 11

    def test_small_classes_are_told_and_kept(self, write, animals, picture):
        rare = {"fox/1.png": picture(50), "elk/1.png": picture(51), "elk/2.png": picture(52)}
        images = ImageSet.read(write({**animals, **rare}))
        assert [(problem.path, problem.reason) for problem in images.problems] == [
            ("elk", "only 2 pictures: it cannot be in all three splits"),
            ("fox", "only 1 picture: it cannot be in all three splits"),
        ]
        assert images.counts().loc["fox"].tolist() == [1, 0, 0]
        assert images.counts().loc["elk"].tolist() == [1, 0, 1]


class TestKnown:
    @pytest.fixture
    def reads(self, monkeypatch):
        """Counts the files that are read."""
        names = []
        read = FolderSource.read

        def counted(self, name):
            names.append(name)
            return read(self, name)

        monkeypatch.setattr(FolderSource, "read", counted)
        return names

    def test_only_what_changed_is_read_again(self, write, animals, picture, tmp_path, reads):
        root = write(animals)
        known = tmp_path / "images.parquet"
        ImageSet.read(root, known=known).write(known)
        assert len(reads) == 15
        reads.clear()
        again = ImageSet.read(root, known=known)
        assert reads == []
        (root / "cat/0.png").write_bytes(picture(1000))
        os.utime(root / "cat/1.png", ns=(1, 1))
        (root / "cat/new.png").write_bytes(picture(1001))
        (root / "dog/0.png").unlink()
        images = ImageSet.read(root, known=known)
        assert sorted(reads) == ["cat/0.png", "cat/1.png", "cat/new.png"]
        fresh = ImageSet.read(root)
        assert images.fingerprint == fresh.fingerprint != again.fingerprint
        for name in ("paths", "widths", "heights", "formats", "sizes", "stamps"):
            assert getattr(images, name).tolist() == getattr(fresh, name).tolist()

    def test_broken_files_are_tried_again(self, write, animals, tmp_path, reads, picture):
        root = write({**animals, "cat/broken.png": b"text"})
        known = tmp_path / "images.parquet"
        ImageSet.read(root).write(known)
        reads.clear()
        assert kinds(ImageSet.read(root, known=known)) == [("cat/broken.png", "unreadable", False)]
        assert reads == ["cat/broken.png"]

    def test_two_files_of_one_size_and_time_that_change_places_get_each_others_ids(
        self, write, animals, tmp_path
    ):
        root = write(animals)
        one, two, known = root / "cat/0.png", root / "dog/0.png", tmp_path / "images.parquet"
        assert one.stat().st_size == two.stat().st_size
        for path in (one, two):
            os.utime(path, ns=(7, 7))
        before = ImageSet.read(root, known=known)
        before.write(known)
        one.rename(root / "aside")
        two.rename(one)
        (root / "aside").rename(two)
        assert one.stat().st_mtime_ns == two.stat().st_mtime_ns
        after = ImageSet.read(root, known=known)
        assert after.ids.tolist() == ImageSet.read(root).ids.tolist() != before.ids.tolist()

    def test_a_file_that_is_written_over_with_its_old_time_is_read_again(
        self, write, animals, picture, tmp_path
    ):
        root, known = write(animals), tmp_path / "images.parquet"
        old = (root / "cat/0.png").stat()
        ImageSet.read(root).write(known)
        (root / "cat/0.png").write_bytes(picture(900))
        os.utime(root / "cat/0.png", ns=(old.st_atime_ns, old.st_mtime_ns))
        assert (root / "cat/0.png").stat().st_size == old.st_size
        assert ImageSet.read(root, known=known).fingerprint == ImageSet.read(root).fingerprint

    def test_members_that_change_places_in_a_zip_of_the_same_time_are_read_again(
        self, animals, tmp_path
    ):
        path, known = tmp_path / "pets.zip", tmp_path / "images.parquet"
        for order in (list(animals.values()), list(animals.values())[::-1]):
            with zipfile.ZipFile(path, "w") as packed:
                for name, data in zip(animals, order, strict=True):
                    packed.writestr(name, data)
            os.utime(path, ns=(1, 1))
            images = ImageSet.read(path, known=known)
            assert images.fingerprint == ImageSet.read(path).fingerprint
            images.write(known)

    def test_a_zip_is_not_read_again_until_it_is_written_again(self, animals, tmp_path):
        path, known = tmp_path / "pets.zip", tmp_path / "images.parquet"
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in animals.items():
                packed.writestr(name, data)
        first = ImageSet.read(path)
        first.write(known)
        assert ImageSet.read(path, known=known).fingerprint == first.fingerprint
        with zipfile.ZipFile(path, "w") as packed:
            for name, data in zip(animals, reversed(animals.values()), strict=True):
                packed.writestr(name, data)
        os.utime(path, ns=(1, 1))
        assert ImageSet.read(path, known=known).fingerprint == ImageSet.read(path).fingerprint


class TestWrite:
    def test_a_row_a_picture_with_its_problems(self, write, animals, tmp_path):
        files = {**animals, "cat/text.png": b"text", "dog/cat.png": animals["cat/3.png"]}
        images = ImageSet.read(write(files))
        images.write(tmp_path / "images.parquet")
        frame = pd.read_parquet(tmp_path / "images.parquet")
        pd.testing.assert_frame_equal(frame, images.to_frame())
        assert frame.columns.tolist() == [
            "path", "id", "label", "split", "group", "given_group", "width", "height", "format",
            "bytes", "stamp", "hash", "kind", "black", "white", "kept", "problem",
        ]  # fmt: skip
        kept = frame[frame["kept"]]
        assert kept["id"].tolist() == images.ids.tolist()
        assert kept["width"].dtype == np.int64
        told = frame.set_index("path")["problem"]
        assert told["cat/text.png"] == "unreadable: not a picture, or its header is broken"
        assert told["dog/cat.png"].startswith("two labels: the same bytes as cat/3.png")
        assert told["dog/1.png"] == ""
        assert frame[~frame["kept"]]["path"].tolist() == ["cat/text.png"]

    def test_it_is_written_whole_or_not_at_all(self, pets, tmp_path, monkeypatch):
        images = ImageSet.read(pets)
        images.write(tmp_path / "images.parquet")
        before = (tmp_path / "images.parquet").read_bytes()

        def fail(self, path, **options):
            path.write_bytes(b"half")
            raise OSError("disk full")

        monkeypatch.setattr(pd.DataFrame, "to_parquet", fail)
        with pytest.raises(OSError, match="disk full"):
            images.write(tmp_path / "images.parquet")
        assert (tmp_path / "images.parquet").read_bytes() == before
        assert [path.name for path in tmp_path.iterdir()] in (
            ["photos", "images.parquet"],
            ["images.parquet", "photos"],
        )


class TestErrors:
    def test_a_missing_path(self, tmp_path):
        with pytest.raises(ImageSetError, match=r"nowhere: no such file or folder; check"):
            ImageSet.read(tmp_path / "nowhere")

    def test_an_empty_folder(self, tmp_path):
        with pytest.raises(ImageSetError, match="no pictures found"):
            ImageSet.read(tmp_path)

    def test_a_folder_of_nothing_but_links_out_of_it(self, write, picture, tmp_path):
        theirs = write({"theirs/1.png": picture(1), "theirs/2.png": picture(2)})
        for number, name in enumerate(("cat", "dog"), 1):
            link = tmp_path / "mine" / name / "out.png"
            link.parent.mkdir(parents=True)
            link.symlink_to(theirs / "theirs" / f"{number}.png")
        with pytest.raises(ImageSetError, match=r"no pictures found; 2 set aside, the first cat/"):
            ImageSet.read(tmp_path / "mine")

    def test_loose_pictures(self, write, picture):
        with pytest.raises(ImageSetError, match="in no class folder"):
            ImageSet.read(write({"1.png": picture(1), "2.png": picture(2)}))

    def test_one_class_only(self, write, picture):
        root = write({"cat/1.png": picture(1), "cat/2.png": picture(2), "dog/1.png": b"text"})
        with pytest.raises(ImageSetError, match="only one class, 'cat'; add pictures of another"):
            ImageSet.read(root)

    def test_no_readable_picture(self, write):
        root = write({"cat/1.png": b"text", "dog/1.png": b""})
        with pytest.raises(ImageSetError, match=r"no picture can be read \(cat/1\.png: not a pict"):
            ImageSet.read(root)

    @pytest.mark.parametrize("name", ["photo.jpg", "labels.xlsx", "pets.7z", "nothing"])
    def test_an_unsupported_file(self, tmp_path, name):
        (tmp_path / name).write_bytes(b"text")
        with pytest.raises(
            ImageSetError, match=f"{name}: not a folder, zip, tar, CSV, TSV or Parquet"
        ):
            ImageSet.read(tmp_path / name)

    def test_an_impossible_share(self, pets):
        with pytest.raises(ImageSetError, match="test share 2"):
            ImageSet.read(pets, test=2)


def test_photographs_are_read_and_split_by_class(animals8, tmp_path):
    progress = []
    images = ImageSet.read(animals8, progress=lambda *counts: progress.append(counts))
    files = Counter(path.parent.name for path in animals8.glob("*/*.jpg"))
    assert len(images) == sum(files.values()) == 1420
    assert images.classes == tuple(sorted(files))
    assert len(images.classes) == 8
    assert progress[-1] == (1420, 1420)
    assert [problem for problem in images.problems if not problem.kept] == []
    for label, row in images.counts().iterrows():
        assert row.sum() == files[label]
        assert row["test"] == pytest.approx(0.2 * files[label], abs=0.5)
        assert row["validation"] == pytest.approx(0.3 * (files[label] - row["test"]), abs=0.5)
    for i in range(0, 1420, 100):
        with Image.open(animals8 / images.paths[i]) as image:
            assert image.size == (images.widths[i], images.heights[i])
