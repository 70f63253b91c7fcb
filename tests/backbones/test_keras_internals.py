"""Keras's private parts are used in one file."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

import embedlens

PACKAGE = Path(embedlens.__file__).parent
THE_FILE = PACKAGE / "backbones" / "keras_internals.py"
# scikit-learn's convention for its own estimators, ours for the projections of one module, and
# torchvision's only way to a transformer's tokens, PyTorch's versions of modules in a state dict.
OURS = {"_n_features_out", "_network", "_process_input", "_metadata"}
OWN_NAMES = {"self", "cls", "one"}  # `one` is what a class method makes of its own class


def private_parts(source: str) -> set[str]:
    """Imports of ``keras.src`` and attributes with an underscore, but those of oneself."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("keras.src")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("keras.src"):
            found.add(str(node.module))
        elif isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr):
            own = isinstance(node.value, ast.Name) and node.value.id in OWN_NAMES
            if not own:
                found.add(node.attr)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "keras.src":
            found.add("keras.src")
    return found - OURS


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    from keras.src.utils import file_utils", {"keras.src.utils"}),
        ("import keras.src.ops", {"keras.src.ops"}),
        ("keras.src.ops", {"keras.src"}),
        ("model._nodes_by_depth", {"_nodes_by_depth"}),
        ("self.network._layers[0]", {"_layers"}),
        ("self._layers\nx.__class__", set()),
    ],
)
def test_private_parts_are_seen_in_every_form(source, expected):
    assert private_parts(source) == expected


def test_only_one_file_uses_private_parts():
    found = {path: private_parts(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
    assert found.pop(THE_FILE), "the test sees nothing"
    assert {path: parts for path, parts in found.items() if parts} == {}


def test_keras_is_bounded_and_the_file_says_with_which_release_it_was_tried():
    project = PACKAGE.parents[1] / "pyproject.toml"
    if not project.is_file():
        pytest.skip("no pyproject.toml beside an installed package")
    wanted = next(
        each
        for each in tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"]
        if each.startswith("keras>=")
    )
    bounds = re.fullmatch(r"keras>=(\d+)\.(\d+),<(\d+)\.(\d+)", wanted)
    docstring = ast.get_docstring(ast.parse(THE_FILE.read_text("utf-8")))
    tried = re.search(r"Tried with Keras (\d+)\.(\d+)", docstring)
    low_major, low_minor, major, minor = map(int, bounds.groups())
    assert (low_major, low_minor) <= tuple(map(int, tried.groups())) < (major, minor)
