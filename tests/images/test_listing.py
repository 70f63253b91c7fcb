from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from embedlens.errors import ImageSetError
from embedlens.images.folders import list_folders
from embedlens.images.listing import Entry, list_table

WHERE = Path("photos")


def listed(*names: str) -> list[tuple[str, str]]:
    entries, _ = list_folders(sorted(names), WHERE)
    return sorted({(entry.label, entry.split) for entry in entries})


class TestFolders:
    def test_top_folders_are_classes(self):
        entries, problems = list_folders(["cat/1.png", "dog/1.png"], WHERE)
        assert entries == [Entry("cat/1.png", "cat"), Entry("dog/1.png", "dog")]
        assert problems == []

    def test_pictures_may_lie_deeper_in_their_class(self):
        assert listed("cat/1.png", "cat/old/kittens/2.png", "dog/1.png") == [
            ("cat", ""),
            ("dog", ""),
        ]

    @pytest.mark.parametrize("top", ["photos/", "a/b/"])
    def test_a_single_top_folder_is_looked_through(self, top):
        names = [f"{top}cat/1.png", f"{top}dog/1.png"]
        assert listed(*names) == [("cat", ""), ("dog", "")]
        assert listed(*names, "cover.png") == [("cat", ""), ("dog", "")]

    @pytest.mark.parametrize(
        ("folder", "split"),
        [
            ("val", "validation"),
            ("valid", "validation"),
            ("Validation", "validation"),
            ("dev", "validation"),
            ("TEST", "test"),
            ("testing", "test"),
        ],
    )
    @pytest.mark.parametrize("train", ["train", "Train", "training"])
    @pytest.mark.parametrize("top", ["", "photos/"])
    def test_split_folders_are_known_in_any_case(self, folder, split, train, top):
        names = [f"{top}{split}/{label}/1.png" for split in (train, folder) for label in "ab"]
        assert set(listed(*names)) == {(label, each) for label in "ab" for each in ("train", split)}

    def test_what_lies_beside_split_folders_is_set_aside(self):
        entries, problems = list_folders(
            ["extra/cat/1.png", "loose.png", "test/2.png", "test/cat/3.png", "train/cat/4.png"],
            WHERE,
        )
        assert [entry.name for entry in entries] == ["test/cat/3.png", "train/cat/4.png"]
        assert [(problem.path, problem.reason) for problem in problems] == [
            ("extra/cat/1.png", "it lies beside the split folders"),
            ("loose.png", "it lies in no class folder"),
            ("test/2.png", "it lies in no class folder"),
        ]

    def test_a_class_of_trains_is_a_class(self):
        assert listed("train/1.png", "bus/1.png") == [("bus", ""), ("train", "")]
        assert listed("test/1.png", "bus/1.png") == [("bus", ""), ("test", "")]

    def test_a_lone_train_folder_is_looked_through(self):
        assert listed("train/cat/1.png", "train/dog/1.png") == [("cat", ""), ("dog", "")]

    def test_split_folders_without_train_are_an_error(self):
        with pytest.raises(ImageSetError, match="photos: has test and val but no train folder"):
            listed("test/cat/1.png", "val/cat/1.png")

    def test_loose_pictures_beside_classes_are_set_aside(self):
        entries, problems = list_folders(["1.png", "cat/1.png", "dog/1.png"], WHERE)
        assert len(entries) == 2
        assert [(problem.path, problem.kind) for problem in problems] == [("1.png", "loose")]

    def test_only_loose_pictures_are_an_error(self):
        with pytest.raises(ImageSetError, match=r"in no class folder \(1\.png\); put each class"):
            listed("1.png", "2.png")

    def test_a_table_beside_loose_pictures_is_named(self, tmp_path):
        (tmp_path / "labels.csv").touch()
        with pytest.raises(ImageSetError) as refused:
            list_folders(["1.png"], tmp_path)
        assert str(refused.value).endswith(
            f"or give the table that lies there: {tmp_path / 'labels.csv'}"
        )

    def test_loose_pictures_in_split_folders_are_an_error(self):
        with pytest.raises(ImageSetError, match="in no class folder"):
            listed("train/1.png", "test/2.png")

    def test_no_pictures_are_an_error(self):
        with pytest.raises(ImageSetError, match="photos: no pictures found"):
            listed()

    def test_composed_and_decomposed_accents_are_one_class(self):
        names = [unicodedata.normalize(form, "train/é/1.png") for form in ("NFC", "NFD")]
        assert listed(names[0], names[1].replace("train", "test"), "train/cat/1.png") == [
            ("cat", "train"),
            ("é", "test"),
            ("é", "train"),
        ]


@pytest.fixture
def table(tmp_path):
    """Writes a CSV table beside three files, and gives its path."""
    for name in ("a b.png", "sub/b.png", "c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def table(text: str, name: str = "labels.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return table


class TestTable:
    @pytest.mark.parametrize("path", ["path", "filename", "file_name", "file", "image", " Path "])
    @pytest.mark.parametrize("label", ["label", "class", "category", "CLASS"])
    def test_columns_go_by_several_names(self, table, path, label):
        text = f"number,{label},{path}\n1,cat,a b.png\n2,dog,./sub//b.png\n"
        assert list_table(table(text))[:2] == (
            [Entry("a b.png", "cat"), Entry("sub/b.png", "dog")],
            [],
        )

    def test_tabs_separate_a_tsv_and_a_byte_order_mark_is_no_part_of_the_name(self, table):
        text = "\ufeffpath\tlabel\nc.png\tcat\n"
        assert list_table(table(text, "labels.tsv"))[0] == [Entry("c.png", "cat")]

    def test_numbers_and_words_that_look_like_nothing_stay_as_written(self, table):
        text = "path,label\na b.png,007\nsub/b.png,NA\nc.png,1.0\n"
        assert [entry.label for entry in list_table(table(text))[0]] == ["007", "1.0", "NA"]

    @pytest.mark.parametrize("labels", [[0, 1], [0.0, 1.0], np.array([0, 1], np.uint8)])
    def test_a_parquet_table_may_have_numbers(self, table, tmp_path, labels):
        path = table("", "labels.parquet")
        pd.DataFrame({"path": ["a b.png", "c.png"], "label": labels}).to_parquet(path)
        assert list_table(path)[0] == [Entry("a b.png", "0"), Entry("c.png", "1")]

    def test_absolute_paths_are_allowed(self, table, tmp_path):
        entries, _, _ = list_table(table(f"path,label\n{tmp_path}/c.png,cat\n"))
        assert entries == [Entry((tmp_path / "c.png").as_posix(), "cat")]

    def test_split_names_are_normalised(self, table):
        text = "path,label,Split\na b.png,cat,TRAIN\nsub/b.png,cat,dev\nc.png,cat,test\n"
        assert [entry.split for entry in list_table(table(text))[0]] == [
            "train",
            "test",
            "validation",
        ]

    def test_an_empty_split_column_gives_no_split(self, table):
        assert list_table(table("path,label,split\nc.png,cat,\n"))[0] == [Entry("c.png", "cat")]

    def test_an_unknown_or_missing_split_is_named_with_its_row(self, table):
        for wrong in ("extra", "tset", "0", ""):
            text = f"path,label,split\na b.png,cat,train\nc.png,cat,{wrong}\n"
            with pytest.raises(ImageSetError, match=f"split '{wrong}' in row 2 is not train"):
                list_table(table(text))

    def test_splits_without_train_are_an_error(self, table):
        with pytest.raises(ImageSetError, match="no row has split train"):
            list_table(table("path,label,split\nc.png,cat,test\n"))

    def test_missing_files_labels_and_repeated_rows_are_set_aside(self, table):
        text = "path,label\nc.png,cat\nc.png,cat\nc.png,dog\ngone.png,cat\na b.png,\n,cat\n"
        long = "x" * 5000
        entries, problems, _ = list_table(table(f"{text}{long},cat\n"))
        assert entries == [Entry("c.png", "cat"), Entry("c.png", "dog")]
        assert [(problem.path, problem.kind, problem.reason) for problem in problems] == [
            ("c.png", "duplicate", "the same row twice"),
            ("gone.png", "missing", "no such file"),
            ("a b.png", "missing", "no path or no label"),
            ("", "missing", "no path or no label"),
            (long, "missing", "no such file"),
        ]

    def test_a_table_of_missing_files_is_an_error(self, table):
        with pytest.raises(ImageSetError, match=r"first: gone\.png: no such file"):
            list_table(table("path,label\ngone.png,cat\n"))

    def test_a_missing_column_is_named_with_those_found(self, table):
        with pytest.raises(
            ImageSetError, match="no column label or class or category among path, x"
        ):
            list_table(table("path,x\nc.png,cat\n"))
        with pytest.raises(ImageSetError, match=r"among path:label \(separated by commas\); add"):
            list_table(table("path:label\nc.png:cat\n"))

    @pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
    @pytest.mark.parametrize("text", ["", "\x00\x01\x02", 'path,label\n"c.png'])
    def test_a_broken_table_is_named(self, table, name, text):
        with pytest.raises(ImageSetError, match=name):
            list_table(table(text, name))

    def test_another_encoding_is_named(self, table):
        path = table("")
        path.write_bytes("path,label\nc.png,café\n".encode("latin-1"))
        with pytest.raises(ImageSetError, match="cannot be read as a table: 'utf-8'"):
            list_table(path)
