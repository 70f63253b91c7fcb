"""Text files are UTF-8 whatever the locale: every call that opens one says so."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import embedlens

PACKAGE = Path(embedlens.__file__).parent
# The place of the mode among the arguments, by the method.
TEXT = {"read_text": None, "write_text": None, "open": 0}


def silent_calls(source: str) -> list[int]:
    """Lines of calls that open a text file without naming its encoding."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and is_text(node) and not names_encoding(node)
    ]


def is_text(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Name):
        return call.func.id == "open" and "b" not in mode_of(call, 1)
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in TEXT:
        return False
    if call.func.attr != "open":
        return True
    # Path.open; zipfile, tarfile, Image and the project's own `open` take other things first.
    mode = mode_of(call, 0)
    return (not call.args and not call.keywords) or (set(mode) <= set("rwaxt+") and mode != "")


def mode_of(call: ast.Call, place: int) -> str:
    given = [each.value for each in call.keywords if each.arg == "mode"] or call.args[place:]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else ""


def names_encoding(call: ast.Call) -> bool:
    place = {"read_text": 0, "write_text": 1}.get(getattr(call.func, "attr", ""), 9)
    return len(call.args) > place or any(each.arg == "encoding" for each in call.keywords)


@pytest.mark.parametrize(
    "source",
    ["path.read_text()", "path.write_text(text)", "path.open()", "path.open('w')", "open(path)"],
)
def test_a_call_that_says_nothing_is_found(source):
    assert silent_calls(source) == [1]


@pytest.mark.parametrize(
    "source",
    ["path.read_text(encoding='utf-8')", "path.open('rb')", "open(path, 'wb')", "Image.open(file)"],
)
def test_others_are_not(source):
    assert silent_calls(source) == []


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.name)
def test_every_text_file_is_utf8(path):
    assert silent_calls(path.read_text(encoding="utf-8")) == []
