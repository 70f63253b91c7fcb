"""Cells of several labels: what parts them, what is dropped, and what is not guessed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedlens.errors import ImageSetError
from embedlens.images.label_sets import LabelCells, flag_cells, free_separator, label_sets


def parted(cells, separator=None):
    return label_sets([LabelCells("labels", cells)], separator, "t.csv")


@pytest.mark.parametrize(
    ("cells", "rows"),
    [
        (["a;b", "b"], [("a", "b"), ("b",)]),
        (["a; b;", ";b ; a;;"], [("a", "b"), ("a", "b")]),
        (["a;a", "b;a"], [("a",), ("a", "b")]),
        (["a|b, c", "b, c"], [("a", "b, c"), ("b, c",)]),
        (["cat, dog", "dog, bird", "bird"], [("cat", "dog"), ("bird", "dog"), ("bird",)]),
        (["a;b", "", None, float("nan")], [("a", "b"), (), (), ()]),
        (["['a', 'b']", "[]", '["b"]'], [("a", "b"), (), ("b",)]),
        ([["a", "b"], [], None, ["b", "b"]], [("a", "b"), (), (), ("b",)]),
        ([[1, 2], [2.0]], [("1", "2"), ("2",)]),
        (["cafe\u0301;x", "caf\u00e9"], [("caf\u00e9", "x"), ("caf\u00e9",)]),
    ],
)
def test_labels_are_parted(cells, rows):
    found = parted(cells)
    assert found.rows == rows
    assert found.several
    assert found.names == tuple(sorted({label for row in rows for label in row}))


@pytest.mark.parametrize(
    "cells", [["a", "b"], ["a;", "b"], ["", "a"], [["a"], []], ["golden retriever", "setter"]]
)
def test_one_label_a_row_is_one_class_a_row(cells):
    assert not parted(cells).several


def test_a_column_that_is_called_sets_holds_sets_though_no_row_has_two():
    found = label_sets([LabelCells(" Label_Sets ", ["a", "", "b", "?"])], None, "t")
    assert found.several
    assert found.rows == [("a",), (), ("b",), None]
    assert found.names == ("a", "b")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["a;b|c", "a"], "both ; and |"),
        (["tench, Tinca tinca", "cat, dog", "cat"], "a comma may part .* --separator ','"),
        (["cat dog", "cat", "dog"], "a space may part .* --separator ' '"),
        (["['a' 'b']", "['a']"], "row 1: .* cannot be read as a list"),
        (["[a, b]"], "cannot be read as a list"),
        ([["a", ["b"]]], "no list of labels"),
        ([{"a": 1}], "no list of labels"),
    ],
)
def test_what_is_not_clear_is_refused(cells, said):
    with pytest.raises(ImageSetError, match=rf"t.csv: column labels: .*{said}|{said}"):
        parted(cells)


def test_a_separator_that_is_given_is_taken():
    assert parted(["a b/c", "c"], "/").rows == [("a b", "c"), ("c",)]
    assert parted(["a b", "b"], " ").rows == [("a", "b"), ("b",)]
    assert parted(["tench, Tinca tinca"], ";").rows == [("tench, Tinca tinca",)]


def test_a_question_mark_is_no_answer_and_an_empty_cell_is_one():
    found = label_sets([LabelCells("labels", ["a;b", "?", " ? ", "", "b;?"])], None, "t.csv")
    assert found.rows == [("a", "b"), None, None, (), ("?", "b")]
    assert not label_sets([LabelCells("labels", ["a", "?", "b"])], None, "t.csv").several


def test_labels_are_joined_by_what_none_of_them_holds():
    assert free_separator(["a", "b c"]) == ";"
    assert free_separator(["a;b", "c"]) == "|"
    assert free_separator(["a;b", "c|d", "e,f"]) == "\t"


def test_tables_that_belong_together_tell_the_separator_together():
    tables = [LabelCells("labels", ["a|b"]), LabelCells("labels", ["a"])]
    assert label_sets(tables, None, "t").rows == [("a", "b"), ("a",)]


label = st.text("abcdef", min_size=1, max_size=3)


@given(st.lists(st.sets(label, max_size=4), min_size=1, max_size=8), st.sampled_from(";|"))
def test_what_was_joined_is_found_again(sets, joint):
    spaced = [f" {joint} ".join(sorted(each)) + joint for each in sets]
    assert parted(spaced).rows == [tuple(sorted(each)) for each in sets]


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), ("1.0", "0.0"), ("True", "False"), ("yes", "no"), ("1", "-1")]
)
def test_a_column_a_label(yes, no):
    found = flag_cells({"z": [yes, no, no], "a": [yes, yes, no]}, "t.csv")
    sets = label_sets([found], None, "t.csv")
    assert sets.rows == [("a", "z"), ("a",), ()]
    assert sets.names == ("z", "a")  # as the columns come


def test_columns_that_all_or_no_pictures_have_stay_labels():
    sets = label_sets([flag_cells({"all": ["1", "1"], "none": ["0", "0"]}, "t")], None, "t")
    assert sets.names == ("all", "none")
    assert sets.rows == [("all",), ("all",)]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["1", ""], "row 2 is empty"),
        (["0", "1", "-1"], "row 3 is '-1'"),
        (["0", "2"], "row 2 is '2'"),
        (["cat", "1"], "row 1 is 'cat'"),
    ],
)
def test_a_cell_that_says_neither_yes_nor_no_is_refused(values, said):
    with pytest.raises(ImageSetError, match=f"t.csv: column one: {said}"):
        flag_cells({"one": values, "two": ["0"] * len(values)}, "t.csv")


def test_missing_numbers_are_no_label():
    assert parted([np.nan, "a;b"]).rows == [(), ("a", "b")]
