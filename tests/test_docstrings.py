"""Every example in a docstring runs, and gives what it says."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import embedlens

ROOT = Path(embedlens.__file__).parent


def modules_with_examples():
    for path in sorted(ROOT.rglob("*.py")):
        if ">>>" in path.read_text(encoding="utf-8"):
            parts = path.relative_to(ROOT.parent).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", list(modules_with_examples()))
def test_examples_of_a_module_give_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("embedlens"):
            raise
        pytest.skip(f"{error.name} is not installed")
    found = doctest.testmod(module)
    assert not found.failed, f"{name}: {found.failed} of {found.attempted} examples fail"
