"""Columns of a user's table beside the pictures of a scene."""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
import pytest

from embedlens.errors import EmbedlensError
from embedlens.viewer import add_columns, arrays_scene
from embedlens.viewer.scene import UNKNOWN

PATHS = ["cat/é 1.jpg", "cat/2.jpg", "dog/3.jpg"]


@pytest.fixture
def scene():
    return arrays_scene(np.eye(3), ["cat", "cat", "dog"], paths=PATHS, title="pets")


def told(scene, id):
    (column,) = [each for each in scene.columns if each.id == id]
    if column.kind == "number":
        return np.frombuffer(scene.blob(column.blob), "<f4").tolist()
    codes = np.frombuffer(scene.blob(column.blob), "<u2")
    return [None if code == UNKNOWN else column.categories[code] for code in codes]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_rows_are_found_by_path_in_any_order_and_a_gap_is_no_value(scene, tmp_path, suffix):
    path = tmp_path / f"extra{suffix}"
    frame = pd.DataFrame(
        {
            "file": [PATHS[2], "bird/9.jpg", PATHS[0]],
            "year": [1999, 2001, 2005],
            "who": ["A", "B", "é"],
        }
    )
    if suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    said = add_columns(scene, path)
    assert said == f"extra{suffix}: year, who, of 2 of 3 pictures."
    np.testing.assert_equal(told(scene, "year"), [2005.0, np.nan, 1999.0])
    assert told(scene, "who") == ["é", None, "A"]


@pytest.mark.parametrize(
    ("first", "separator", "encoding"),
    [
        ("", ";", "utf-8-sig"),
        ("", "\t", "utf-16"),
        ("", "|", "utf-8"),
        ("sep=;\r\n", ";", "utf-8"),
    ],
)
def test_tables_as_spreadsheets_save_them(scene, tmp_path, first, separator, encoding):
    rows = [["path", "code", "who"], [PATHS[0], "007", '"A, B; C|D"'], [PATHS[2], "1", '"é\tü"']]
    text = first + "".join(separator.join(row) + "\r\n" for row in rows)
    path = tmp_path / "extra.csv"
    path.write_bytes(text.encode(encoding))
    assert add_columns(scene, path) == "extra.csv: code, who, of 2 of 3 pictures."
    assert told(scene, "code") == ["007", None, "1"]
    assert told(scene, "who") == ["A, B; C|D", None, "é\tü"]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["0,5", "12,25"], [0.5, np.nan, 12.25]),
        (["-3", "1,5e3"], [-3.0, np.nan, 1500.0]),
        (["0,125", "0,250"], [0.125, np.nan, 0.25]),
        (["1,000", "2,500"], ["1,000", None, "2,500"]),  # a thousand, or one
        (["0,5", "0.5"], ["0,5", None, "0.5"]),
        (["0,5", "1,2,3"], ["0,5", None, "1,2,3"]),
    ],
)
def test_decimal_commas_are_numbers_where_they_can_be_nothing_else(
    scene, tmp_path, cells, expected
):
    path = tmp_path / "extra.csv"
    path.write_text(f"path;size\n{PATHS[0]};{cells[0]}\n{PATHS[2]};{cells[1]}\n", encoding="utf-8")
    add_columns(scene, path)
    np.testing.assert_equal(told(scene, "size"), expected)


def test_rows_without_a_path_and_columns_without_a_name_are_passed_over(scene, tmp_path):
    path = tmp_path / "extra.csv"
    path.write_text(f"path;year;;\n;;;\n;3;;\n{PATHS[0]};4;;\n;5;;\n", encoding="utf-8")
    assert add_columns(scene, path) == "extra.csv: year, of 1 of 3 pictures."
    np.testing.assert_equal(told(scene, "year"), [4.0, np.nan, np.nan])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_of_a_path_may_be_composed_or_not(tmp_path, form):
    paths = [unicodedata.normalize(form, each) for each in PATHS]
    scene = arrays_scene(np.eye(3), ["cat", "cat", "dog"], paths=paths)
    path = tmp_path / "extra.csv"
    for other in ("NFC", "NFD"):
        name = unicodedata.normalize(other, PATHS[0])
        path.write_text(f"path,{other}\n{name},4\n{PATHS[1]},5\n", encoding="utf-8")
        add_columns(scene, path)
        np.testing.assert_equal(told(scene, other), [4.0, 5.0, np.nan])


def test_file_names_do_where_they_are_all_different(scene, tmp_path):
    path = tmp_path / "extra.csv"
    path.write_text("image,age\n3.jpg,4\n2.jpg,7\n", encoding="utf-8")
    add_columns(scene, path)
    np.testing.assert_equal(told(scene, "age"), [np.nan, 7.0, 4.0])


def test_paths_of_windows_and_of_the_folder_itself_are_the_same(scene, tmp_path):
    path = tmp_path / "extra.csv"
    path.write_text("path,age\n.\\dog\\3.jpg,4\n./cat/2.jpg,7\n", encoding="utf-8")
    add_columns(scene, path)
    np.testing.assert_equal(told(scene, "age"), [np.nan, 7.0, 4.0])


def test_a_column_that_is_there_already_gets_another_name(scene, tmp_path):
    path = tmp_path / "extra.csv"
    path.write_text("path,class\ncat/2.jpg,lynx\n", encoding="utf-8")
    add_columns(scene, path)
    assert [column.name for column in scene.columns] == ["class", "class (column)"]
    assert told(scene, "class (2)") == [None, "lynx", None]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("none.csv", None, "none.csv does not exist"),
        ("notes.txt", "path,age\n", r"no table: one ends in \.csv, \.tsv"),
        ("a.csv", "age,year\n1,2\n", "has the columns age, year; it needs path"),
        ("a.csv", "path\ncat/2.jpg\n", "it needs path, as the study names its pictures, and"),
        ("a.csv", "path,age\nbird/9.jpg,1\n", "names no picture.*'bird/9.jpg', the"),
        ("a.csv", "path,age\n", "names no picture.*: its first is none"),
        ("a.csv", "path,age\ncat/2.jpg,1\nx,2\ncat/2.jpg,3\n", "cat/2.jpg twice.* 1 and 3"),
    ],
)  # fmt: skip
def test_what_is_no_such_table_gets_a_sentence(scene, tmp_path, name, text, says):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(EmbedlensError, match=says):
        add_columns(scene, tmp_path / name)


def test_points_without_paths_have_no_rows(tmp_path):
    (tmp_path / "a.csv").write_text("path,age\ncat/2.jpg,1\n", encoding="utf-8")
    with pytest.raises(EmbedlensError, match="pictures of pets have no paths"):
        add_columns(arrays_scene(np.eye(3), title="pets"), tmp_path / "a.csv")


def test_names_with_backslashes_and_blanks_at_their_ends_are_themselves(tmp_path):
    paths = ["a\\b.jpg", " c.jpg ", "d/e.jpg"]
    awkward = arrays_scene(np.eye(3), ["x", "x", "y"], paths=paths, title="awkward")
    frame = pd.DataFrame({"path": [*paths[:2], ".\\d\\e.jpg"], "year": [1, 2, 3]})
    frame.to_csv(tmp_path / "extra.csv", index=False)
    assert add_columns(awkward, tmp_path / "extra.csv").endswith("of 3 of 3 pictures.")
    assert told(awkward, "year") == [1.0, 2.0, 3.0]
