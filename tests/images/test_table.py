"""Cells, separators and columns of splits of a table."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from embedlens.errors import ImageSetError
from embedlens.images import ImageSet
from embedlens.images.listing import list_table
from embedlens.images.table import names_labels, read_columns, text_of


@pytest.fixture
def folder(write, picture):
    return write({f"{i}.png": picture(i) for i in range(8)})


def labels(path):
    entries, problems, _ = list_table(path)
    aside = [each.path for each in problems if not each.kept]
    return [entry.label for entry in entries], aside


def frame(values):
    return pd.DataFrame({"path": [f"{i}.png" for i in range(8)], "label": values})


class TestCells:
    @pytest.mark.parametrize(
        ("dtype", "given", "expected"),
        [
            ("Int64", [1, None, 2], ["1", "2"]),
            ("string", ["a", None, "b"], ["a", "b"]),
            ("object", ["01", None, "1"], ["01", "1"]),
            ("category", ["a", None, "b"], ["a", "b"]),
            ("float64", [1.0, np.nan, 2.0], ["1", "2"]),
            ("float64", [1.5, np.nan, 2.0], ["1.5", "2"]),
            ("boolean", [True, None, False], ["True", "False"]),
            ("object", ["nan", None, "NA"], ["nan", "NA"]),
            ("Int64", [2**53 + 1, None, 2**53], [str(2**53 + 1), str(2**53)]),
        ],
    )
    def test_a_missing_label_costs_its_row_and_the_others_keep_their_spelling(
        self, folder, dtype, given, expected
    ):
        values = pd.array([given[0], given[1], *[given[2]] * 6], dtype=dtype)
        frame(values).to_parquet(folder / "t.parquet")
        found, aside = labels(folder / "t.parquet")
        assert found == [expected[0], *[expected[1]] * 6]
        assert aside == ["1.png"]

    def test_arrow_strings_and_dictionaries_are_text(self, folder):
        for dtype in ("string[pyarrow]", "category"):
            frame(pd.array(list("abababab"), dtype=dtype)).to_parquet(folder / "t.parquet")
            assert labels(folder / "t.parquet")[0] == list("abababab")

    def test_words_that_look_like_nothing_are_classes_in_a_csv_and_told(self, folder):
        frame(["NA", "None", "nan", "01", "1", "1.0", "", "x"]).to_csv(
            folder / "t.csv", index=False
        )
        assert labels(folder / "t.csv") == (["NA", "None", "nan", "01", "1", "1.0", "x"], ["6.png"])
        told = [each for each in list_table(folder / "t.csv")[1] if each.kind == "class names"]
        assert {each.path for each in told} == {"NA", "None", "nan", "01"}
        assert "'01' and '1' and '1.0' are read as 3 classes" in next(
            each.reason for each in told if each.path == "01"
        )

    def test_question_marks_and_hyphens_are_classes_that_are_told(self, folder):
        frame(list("?-x?-x?-")).to_csv(folder / "t.csv", index=False)
        assert labels(folder / "t.csv") == (list("?-x?-x?-"), [])
        told = [each for each in list_table(folder / "t.csv")[1] if each.kind == "class names"]
        assert {each.path for each in told} == {"?", "-"}

    @pytest.mark.parametrize("gap", ["\n", "\r\n", "\t", " \u2028", "\x85"])
    def test_a_line_break_in_a_cell_is_a_space_of_the_class(self, folder, gap):
        frame([f"red{gap}fox", "red fox", "x", "x"] * 2).to_csv(folder / "t.csv", index=False)
        assert labels(folder / "t.csv") == (["red fox", "red fox", "x", "x"] * 2, [])

    def test_json_lines_may_hold_breaks_that_end_no_line_of_json(self, folder):
        lines = [
            json.dumps({"path": f"{i}.png", "label": f"{'ab'[i % 2]}\u2028c"}, ensure_ascii=False)
            for i in range(4)
        ]
        path = folder / "metadata.jsonl"
        path.write_text("\r\n".join(lines), encoding="utf-8")
        assert read_columns(path).labels == ["a\u2028c", "b\u2028c"] * 2

    def test_json_lines_keep_their_types(self, folder):
        values = [1, "01", None, True, 2.0, 2.5, "nan", "x"]
        lines = [json.dumps({"file_name": f"{i}.png", "label": v}) for i, v in enumerate(values)]
        path = folder / "metadata.jsonl"
        path.write_text("\n".join(lines), encoding="utf-8")
        assert read_columns(path).labels == ["1", "01", "", "True", "2", "2.5", "nan", "x"]

    def test_spaces_around_labels_are_told_where_they_matter(self, folder):
        frame(["cat", "cat ", *["dog "] * 6]).to_csv(folder / "t.csv", index=False)
        entries, problems, _ = list_table(folder / "t.csv")
        assert {entry.label for entry in entries} == {"cat", "dog"}
        assert [each.path for each in problems] == ["cat"]

    def test_several_labels_in_a_cell_are_refused_with_their_row(self, folder):
        frame([["a", "b"], *[["a"]] * 7]).to_parquet(folder / "t.parquet")
        with pytest.raises(ImageSetError, match=r"column label: row 1: \['a', 'b'\] is several"):
            list_table(folder / "t.parquet")

    def test_a_list_is_no_text(self):
        with pytest.raises(TypeError):
            text_of([1])


class TestSeparators:
    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
    def test_any_usual_separator_is_found(self, folder, separator, name):
        table = frame(["a;b", "a,b", "a|b", *["c"] * 5]).assign(note="x, y; z")
        table.to_csv(folder / name, sep=separator, index=False)
        assert labels(folder / name)[0] == ["a;b", "a,b", "a|b", *["c"] * 5]

    def test_a_line_that_names_the_separator_is_obeyed(self, folder):
        text = "sep=:\npath:label\n0.png:a\n1.png:b\n"
        (folder / "t.csv").write_text(text, encoding="utf-8")
        assert labels(folder / "t.csv")[0] == ["a", "b"]

    def test_utf16_as_excel_writes_it_is_read(self, folder):
        frame(list("abababab")).to_csv(folder / "t.csv", sep="\t", index=False, encoding="utf-16")
        assert labels(folder / "t.csv")[0] == list("abababab")

    def test_a_row_of_too_many_cells_is_named_and_empty_ones_are_not(self, folder):
        (folder / "t.csv").write_text("path,label\n0.png,a,\n1.png,b,,\n", encoding="utf-8")
        assert labels(folder / "t.csv")[0] == ["a", "b"]
        (folder / "t.csv").write_text("path,label\n0.png,a\n1.png,b, c\n", encoding="utf-8")
        with pytest.raises(ImageSetError, match="row 2 has 3 cells for 2 columns"):
            list_table(folder / "t.csv")

    @pytest.mark.parametrize("above", ["\n\n", "\r\n \r\n", ";;\n", ";\n\n\t;\n"])
    @pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
    def test_empty_lines_above_the_header_are_passed_over(self, folder, above, name):
        text = f"{above}path;label\n0.png;a\n\n1.png;b\n"
        (folder / name).write_text(text, encoding="utf-8", newline="")
        assert labels(folder / name)[0] == ["a", "b"]
        assert names_labels(folder / name)

    @pytest.mark.parametrize("comment", ["# made by hand", "Export 2024", "# cats, dogs", "#,,,"])
    def test_a_comment_above_the_header_is_said_to_be_none(self, folder, comment):
        text = f"\n{comment}\npath,label\n0.png,a\n"
        (folder / "t.csv").write_text(text, encoding="utf-8")
        with pytest.raises(ImageSetError) as told:
            list_table(folder / "t.csv")
        first = comment.partition(",")[0]
        assert first in str(told.value)
        assert "its first line" in str(told.value)
        assert "is no header" in str(told.value)
        assert "no column path or " in str(told.value)
        assert "in quotes" not in str(told.value)

    def test_a_column_of_numbers_called_by_a_hash_is_a_header(self, folder):
        (folder / "t.csv").write_text("#,path,label\n7,0.png,a\n8,1.png,b\n", encoding="utf-8")
        assert labels(folder / "t.csv")[0] == ["a", "b"]

    def test_a_column_that_is_there_twice_is_refused(self, folder):
        (folder / "t.csv").write_text("path,label,Label\n0.png,a,b\n", encoding="utf-8")
        with pytest.raises(ImageSetError, match="has column label 2 times; keep one"):
            list_table(folder / "t.csv")


SPLIT_VALUES = ["Training", "train ", "train", "train", "VAL", "dev", "test", "Holdout"]
SPLITS = ["train", "train", "train", "train", "validation", "validation", "test", "test"]
SOURCES = ("csv", "tsv", "parquet", "jsonl")


def write_table(folder, table, kind, name="labels"):
    path = folder / f"{name}.{kind}"
    if kind == "parquet":
        table.to_parquet(path)
    elif kind == "jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_csv(path, sep="\t" if kind == "tsv" else ",", index=False)
    return path


class TestSplits:
    @pytest.fixture
    def table(self):
        return frame(["a", "b"] * 4)

    @pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
    @pytest.mark.parametrize(
        "column", ["split", "Subset", "set", "partition", "fold", "phase", "Usage", "my column"]
    )
    def test_a_column_of_splits_is_used_whatever_its_name(self, folder, table, kind, column):
        entries, problems, _ = list_table(
            write_table(folder, table.assign(**{column: SPLIT_VALUES}), kind)
        )
        assert [entry.split for entry in entries] == SPLITS
        assert problems == []

    @pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
    def test_metadata_beside_the_pictures_follows_the_same_rule(self, folder, table, kind):
        table = table.rename(columns={"path": "file_name"})
        path = write_table(folder, table.assign(split=SPLIT_VALUES), kind, "metadata")
        assert ImageSet.read(folder).given_splits.tolist() == SPLITS
        path.unlink()
        write_table(folder, table.assign(split=[*SPLIT_VALUES[:-1], "tset"]), kind, "metadata")
        with pytest.raises(ImageSetError, match="split 'tset' in row 8 is not train"):
            ImageSet.read(folder)

    @pytest.mark.parametrize("column", ["split", "subset", "partition"])
    @pytest.mark.parametrize("wrong", ["tset", ""])
    def test_an_unknown_value_among_known_ones_is_refused(self, folder, table, column, wrong):
        path = write_table(folder, table.assign(**{column: [*SPLIT_VALUES[:-1], wrong]}), "csv")
        with pytest.raises(ImageSetError, match=f"split '{wrong}' in row 8 is not train"):
            list_table(path)

    @pytest.mark.parametrize("column", ["fold", "subset", "kfold", "is_valid"])
    def test_a_column_of_folds_is_not_used_and_told(self, folder, table, column):
        entries, problems, _ = list_table(
            write_table(folder, table.assign(**{column: [0, 1] * 4}), "csv")
        )
        assert {entry.split for entry in entries} == {""}
        assert [each.kind for each in problems] == ["split"]
        assert f"column {column} (0, 1) is not used" in problems[0].reason

    def test_numbers_in_the_column_split_itself_are_refused(self, folder, table):
        with pytest.raises(ImageSetError, match="split '0' in row 1"):
            list_table(write_table(folder, table.assign(split=[0, 1] * 4), "csv"))

    def test_of_two_columns_the_first_name_is_used_and_the_other_told(self, folder, table):
        both = table.assign(subset=SPLIT_VALUES[::-1], split=SPLIT_VALUES)
        entries, problems, _ = list_table(write_table(folder, both, "csv"))
        assert [entry.split for entry in entries] == SPLITS
        assert "the splits are those of column split" in problems[0].reason

    def test_a_missing_split_in_a_nullable_column_is_refused_with_its_row(self, folder, table):
        given = pd.array([*SPLIT_VALUES[:-1], None], dtype="string")
        with pytest.raises(ImageSetError, match="split '' in row 8"):
            list_table(write_table(folder, table.assign(split=given), "parquet"))
