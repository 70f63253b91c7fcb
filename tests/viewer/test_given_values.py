"""Labels and columns as people have them: drawn as what they are, or refused."""

from __future__ import annotations

from collections import namedtuple
from datetime import date

import numpy as np
import pandas as pd
import pytest

from embedlens.errors import EmbedlensError
from embedlens.viewer import arrays_scene
from embedlens.viewer.scene import UNKNOWN

Pair = namedtuple("Pair", "a b")


def read(scene, k=0):
    """Categories of a column, and the category of each point; None where there is none."""
    column = scene.columns[k]
    codes = np.frombuffer(scene.blob(column.blob), "<u2")
    assert len(codes) == scene.count
    return list(column.categories), [
        None if code == UNKNOWN else column.categories[code] for code in codes
    ]


def labelled(labels, count=None):
    count = len(labels) if count is None else count
    return read(arrays_scene(np.arange(2 * count).reshape(count, 2), labels))


@pytest.mark.parametrize(
    ("labels", "classes", "words"),
    [
        (np.array([10, 2, 0, 1]), ["0", "1", "2", "10"], ["10", "2", "0", "1"]),
        ([10, 2, -1, 1], ["-1", "1", "2", "10"], ["10", "2", "-1", "1"]),
        (["10", "2", "0", "1"], ["0", "1", "2", "10"], ["10", "2", "0", "1"]),
        (["01", "1", "1.0"], ["01", "1", "1.0"], ["01", "1", "1.0"]),
        (["10.5", "2.25"], ["2.25", "10.5"], ["10.5", "2.25"]),
        ([1.5, 10.0, 2.0], ["1.5", "2.0", "10.0"], ["1.5", "10.0", "2.0"]),
        (np.array([0.1, 0.25], np.float32), ["0.1", "0.25"], ["0.1", "0.25"]),
        (np.array([2.0, 1.0], np.float16), ["1", "2"], ["2", "1"]),
        ([1, None, 10], ["1", "10"], ["1", None, "10"]),
        ([1.0, np.nan, 10.0], ["1", "10"], ["1", None, "10"]),
        (pd.array([2**53 + 1, None, 2**53], dtype="Int64"), [str(2**53), str(2**53 + 1)],
         [str(2**53 + 1), None, str(2**53)]),
        ([2**53 + 1, None, 2**53], [str(2**53), str(2**53 + 1)],
         [str(2**53 + 1), None, str(2**53)]),
        (np.array([2**64 - 1, 0], np.uint64), ["0", str(2**64 - 1)], [str(2**64 - 1), "0"]),
        ([2**70, 1], ["1", str(2**70)], [str(2**70), "1"]),
        (["b", None, "a"], ["a", "b"], ["b", None, "a"]),
        (["b", np.nan, "a"], ["a", "b"], ["b", None, "a"]),
        (["b", pd.NA, ""], ["b"], ["b", None, None]),
        (pd.Series(["b", "a"], index=[7, 3]), ["a", "b"], ["b", "a"]),
        (["nan", "None", "NA"], ["NA", "None", "nan"], ["nan", "None", "NA"]),
        ([True, False, True], ["False", "True"], ["True", "False", "True"]),
        ([True, None, False], ["False", "True"], ["True", None, "False"]),
        (("b", "a"), ["a", "b"], ["b", "a"]),
        ([("a", 1), ("b", 2)], ["('a', 1)", "('b', 2)"], ["('a', 1)", "('b', 2)"]),
        (pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]), ["('a', 1)", "('b', 2)"],
         ["('a', 1)", "('b', 2)"]),
        ([b"b", b"a"], ["a", "b"], ["b", "a"]),
        (np.array([b"b", b"a"]), ["a", "b"], ["b", "a"]),
        ([np.array("b"), np.array("a")], ["a", "b"], ["b", "a"]),
        (np.array([["b"], ["a"]]), ["a", "b"], ["b", "a"]),
        (pd.DataFrame({"label": ["b", "a"]}), ["a", "b"], ["b", "a"]),
        (np.ma.array([3, 1], mask=[False, True]), ["3"], ["3", None]),
        ([date(2020, 1, 2), date(2019, 1, 1)], ["2019-01-01", "2020-01-02"],
         ["2020-01-02", "2019-01-01"]),
        (pd.Categorical(["low", "high", None], ["low", "mid", "high"], ordered=True),
         ["low", "high"], ["low", "high", None]),
        (pd.Categorical([10, 2], [10, 2]), ["10", "2"], ["10", "2"]),
        (pd.Series(["b", "a"], dtype="category"), ["a", "b"], ["b", "a"]),
        ([None, None], [], [None, None]),
    ],
)  # fmt: skip
def test_labels_are_drawn_as_what_they_are(labels, classes, words):
    assert labelled(labels) == (classes, words)


def test_points_without_a_label_are_told_so():
    column = arrays_scene([[0, 0], [1, 1]], ["a", None]).manifest()["columns"][0]
    assert (column["categories"], column["unknown"]) == (["a"], "no label")


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("abcdef", "labels is a str"),
        (b"abcdef", "labels is a bytes"),
        (set("abcdef"), "labels is a set"),
        (dict.fromkeys("abcdef", 1), "labels is a dict"),
        ((each for each in "abcdef"), "labels is a generator"),
        (5, "labels is a int"),
        (np.array(5), r"has the shape \(\)"),
        (np.eye(6), r"has the shape \(6, 6\).*argmax"),
        (np.eye(6)[None], r"has the shape \(1, 6, 6\)"),
        (pd.DataFrame(np.eye(6)), r"has the shape \(6, 6\)"),
        ([[1, 0]] * 6, r"labels\[0\] is a list"),
        ([{"a": 1}] * 6, r"labels\[0\] is a dict"),
        (list("abc"), "labels has 3 entries for 6 points"),
        (["1", 1] * 3, "holds 1 both as str and as int"),
        ([True, "True"] * 3, "holds True both as bool and as str"),
        (pd.Categorical(["1", "1", 1] * 2, ["1", 1]), "both as"),
        (np.ones(6, complex), "complex128"),
    ],
)
def test_labels_that_fit_no_point_are_refused(labels, sentence):
    with pytest.raises(EmbedlensError, match=sentence):
        labelled(labels, 6)


def column_of(values, name="a"):
    count = len(values)
    return arrays_scene(np.arange(2 * count).reshape(count, 2), columns={name: values})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1, None, 3], [1, np.nan, 3]),
        (np.array([1.5, np.nan]), [1.5, np.nan]),
        (pd.array([1, None], dtype="Int64"), [1, np.nan]),
        (np.array([[1], [2]]), [1, 2]),
        (np.ma.array([3, 1], mask=[False, True]), [3, np.nan]),
    ],
)
def test_columns_of_numbers_are_a_scale(values, expected):
    scene = column_of(values)
    assert scene.columns[1].kind == "number"
    np.testing.assert_array_equal(np.frombuffer(scene.blob("column-1"), "<f4"), expected)


@pytest.mark.parametrize(
    "values", [[True, False], ["1", "2"], [Pair(1, 2), Pair(1, 3)], pd.Categorical([1, 2])]
)
def test_other_columns_are_categories(values):
    assert column_of(values).columns[1].kind == "category"


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"a": np.ones((6, 2))}, r"columns\['a'\] has the shape \(6, 2\)"),
        ({"a": "abcdef"}, r"columns\['a'\] is a str"),
        ({"a": [1, 2]}, r"columns\['a'\] has 2 entries for 6 points"),
        ({"a": [1, 2, 3, np.inf, 5, 6]}, "holds inf in row 3"),
        ({"a": [1, -1e39, 3, 4, 5, 6]}, r"holds -1e\+39 in row 1"),
        ([[1, 2, 3, 4, 5, 6]], "columns is a list"),
        (np.ones((6, 1)), "columns is a ndarray"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns, sentence):
    with pytest.raises(EmbedlensError, match=sentence):
        arrays_scene(np.zeros((6, 2)), columns=columns)


def test_no_two_columns_have_one_id_or_one_name():
    names = ["class", "label", "class (2)", "predicted:x", "predicted-x", "1", 1]
    scene = arrays_scene(np.zeros((2, 2)), ["a", "b"], columns={name: [1, 2] for name in names})
    ids, titles = [c.id for c in scene.columns], [c.name for c in scene.columns]
    assert len(set(ids)) == len(set(titles)) == 8
    assert ids[:3] == ["class", "class (2)", "label"]
    assert [c.role for c in scene.columns] == ["class"] + 7 * [None]


def test_a_frame_of_columns_and_one_of_coordinates_are_understood():
    frame = pd.DataFrame({"age": [3, 5], "kind": ["x", "y"]}, index=[9, 4])
    points = pd.DataFrame({"x": [0, 2], "y": [0.0, 4]}, index=[9, 4])
    scene = arrays_scene(points, frame["kind"], columns=frame, features=frame[["age"]])
    assert [(c.id, c.kind) for c in scene.columns[1:]] == [("age", "number"), ("kind", "category")]
    assert np.frombuffer(scene.blob("map-0"), "<f4").tolist() == [-1, -2, 1, 2]
