"""Benchmarks take from the package what is there: they are run seldom, and by hand."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_what_a_benchmark_imports_of_the_package_is_there(script):
    found = [
        node
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("embedlens")
    ]
    for node in found:
        try:
            module = importlib.import_module(node.module)
        except ModuleNotFoundError as error:
            if (error.name or "").startswith("embedlens"):
                raise
            pytest.skip(f"{error.name} is not installed")
        for alias in node.names:
            if not hasattr(module, alias.name):  # a module of a package that is not loaded yet
                importlib.import_module(f"{node.module}.{alias.name}")
