"""A map from a file: classes as they are spelt, numbers as numbers, and what is none of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from embedlens.errors import EmbedlensError
from embedlens.viewer.map_file import file_scene
from embedlens.viewer.scene import UNKNOWN

SPELT = ["01", "1", "1.1", "1.10", "NA", "None", "nan", "NULL", "true", "1e5", "é, b", " a"]


def words(scene):
    codes = np.frombuffer(scene.blob(scene.columns[0].blob), "<u2")
    return [None if code == UNKNOWN else scene.classes[code] for code in codes]


def points(count):
    return {"x": np.arange(count) / 4, "y": np.arange(count) ** 2}


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".PQ"])
def test_classes_are_read_as_they_are_spelt(tmp_path, suffix):
    labels = [*SPELT, None]
    frame = pd.DataFrame({**points(len(labels)), "label": labels})
    path = tmp_path / f"map{suffix}"
    if suffix in (".csv", ".tsv"):
        frame.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t", encoding="utf-8")
    else:
        frame.to_parquet(path, index=False)
    assert words(file_scene(path)) == labels


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([10, 2, 1], ["10", "2", "1"]),
        (pd.array([10, None, 1], dtype="Int64"), ["10", None, "1"]),
        ([10.0, np.nan, 1.0], ["10", None, "1"]),
        ([True, False, True], ["True", "False", "True"]),
        (pd.Categorical(["b", "a", "b"], ["b", "a"]), ["b", "a", "b"]),
    ],
)
def test_parquet_labels_keep_their_type(tmp_path, labels, expected):
    path = tmp_path / "map.parquet"
    pd.DataFrame({**points(3), "label": labels}).to_parquet(path)
    assert words(file_scene(path)) == expected


def test_columns_are_found_in_any_case_and_others_have_their_kind(tmp_path):
    path = tmp_path / "map.csv"
    path.write_text(
        "﻿X,y, Class ,file,age,code,kind\n1,2,a,p 1.png,3,007,u\n3,4,b,p 2.png,,7,\n", "utf-8"
    )
    scene = file_scene(path)
    assert words(scene) == ["a", "b"]
    assert bytes(scene.blob(scene.paths.bytes)) == b"p 1.pngp 2.png"
    kinds = [(c.id, c.kind) for c in scene.columns[1:]]
    assert kinds == [("age", "number"), ("code", "category"), ("kind", "category")]
    np.testing.assert_array_equal(np.frombuffer(scene.blob("column-1"), "<f4"), [3, np.nan])


@pytest.mark.parametrize("learned", ["True", "False"])
def test_a_map_made_with_labels_says_so(tmp_path, learned):
    path = tmp_path / "map.csv"
    path.write_text(f"x,y,label,learned\n0,0,a,False\n1,1,b,{learned}\n")
    assert file_scene(path).maps[0].learned == (learned == "True")


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("m.csv", "x y;z\n1;2\n", "has the columns x y, z and 1 rows"),
        ("m.csv", "x,y\n", "0 rows"),
        ("m.csv", "", "cannot be read as a table"),
        ("m.csv", "x,y\n1,2\n3,nan\n", "has 'nan' in row 2 of the column y"),
        ("m.csv", "x,y\n1,\n", "has '' in row 1 of the column y"),
        ("m.csv", "x,y,label\n1,2,a,\n3,4,b,\n", "more cells than its 3 columns"),
        ("m.csv", "x,y\n1,2\n3,4,5\n", "cannot be read as a table"),
        ("m.csv", "x,y\n1,1e999\n", "not all finite"),
        ("m.txt", "x,y\n1,2\n", "a map ends in .csv"),
        ("m.parquet", "x,y\n1,2\n", "cannot be read as a table"),
    ],
)
def test_what_is_no_map_gets_a_sentence(tmp_path, name, text, sentence):
    (tmp_path / name).write_text(text)
    with pytest.raises(EmbedlensError, match=sentence):
        file_scene(tmp_path / name)
