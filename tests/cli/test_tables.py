"""Tables in the terminal."""

from embedlens.cli.tables import print_table


def test_a_column_of_numbers_is_on_the_right_whatever_their_signs(capsys):
    print_table(
        [{"name": "one", "value": "-0.5"}, {"name": "two", "value": "10.25"},
         {"name": "three", "value": "-"}],
        ["name", "value"],
    )  # fmt: skip
    ends = [line.rstrip()[-5:] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert ends == ["value", " -0.5", "10.25", "    -"]
