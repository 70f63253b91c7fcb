"""Tables as CSV, Markdown and LaTeX."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd

from embedlens.report import Table


def awkward() -> Table:
    frame = pd.DataFrame(
        {
            "class": ["a_b & 50%", "x|y\nz", r"c:\d {e} #1 $2 ~ ^ <b>"],
            "share": [0.123456789, np.nan, -0.5],
            "count": [1234567, 2, 3],
        }
    )
    return Table("Title", "Shares of a_b, 95%.", frame, {"share": ".1%", "count": ",d"})


def test_csv_keeps_every_digit_and_every_letter():
    table = awkward()
    read = pd.read_csv(io.StringIO(table.to_csv()))
    pd.testing.assert_frame_equal(read, table.frame, check_exact=True)


def test_cells_are_formatted_and_the_unknown_is_a_dash():
    assert [row[1:] for row in awkward().cells()] == [
        ["12.3%", "1,234,567"],
        ["–", "2"],
        ["−50.0%", "3"],
    ]


def test_numbers_are_flush_right_and_names_are_not():
    assert awkward().numeric == [False, True, True]
    assert r"\begin{tabular}{lrr}" in awkward().to_latex("x")
    assert "| --- | ---: | ---: |" in awkward().to_markdown()


def test_latex_escapes_what_latex_reads():
    latex = awkward().to_latex("shares")
    assert r"a\_b \& 50\% & 12.3\% & 1,234,567 \\" in latex
    assert (
        r"c:\textbackslash{}d \{e\} \#1 \$2 \textasciitilde{} \textasciicircum{} "
        r"\textless{}b\textgreater{} & $-$50.0\% & 3 \\"
    ) in latex
    assert r"\caption{Shares of a\_b, 95\%.}" in latex
    assert r"\label{tab:shares}" in latex


def test_latex_is_a_booktabs_table_of_one_line_a_row():
    lines = awkward().to_latex("x").splitlines()
    rules = [line for line in lines if line.endswith("rule")]
    assert rules == [r"\toprule", r"\midrule", r"\bottomrule"]
    rows = lines[lines.index(r"\midrule") + 1 : lines.index(r"\bottomrule")]
    assert len(rows) == 3
    assert rows[1] == r"x|y z & -- & 2 \\"


def test_markdown_keeps_a_row_on_one_line_and_letters_literal():
    lines = awkward().to_markdown().splitlines()
    assert lines[3] == r"| x\|y z | – | 2 |"
    assert lines[2].startswith(r"| a\_b & 50% |")
    assert r"\<b\>" in lines[4]


def test_write_writes_three_files(tmp_path):
    awkward().write(tmp_path / "tables", "shares")
    assert {path.name for path in (tmp_path / "tables").iterdir()} == {
        "shares.csv",
        "shares.md",
        "shares.tex",
    }
