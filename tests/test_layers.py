"""The rooms of the house import only downwards, and the door opens at once."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import embedlens

PACKAGE = Path(embedlens.__file__).parent

# From the top down: a room may import those after it. `errors` and `files` lie below all.
ROOMS = (
    "cli",
    "study",
    "report",
    "viewer",
    "results",
    "curation",
    "learn",
    "metrics",
    "reduce",
    "features",
    "backbones",
    "images",
    "arrays",
)
# These two are for anybody's arrays.
ALLOWED = {room: set(ROOMS[i + 1 :]) for i, room in enumerate(ROOMS)}
ALLOWED |= {"metrics": {"reduce", "arrays"}, "reduce": {"arrays"}}
# What a study is, apart from what trains.
ALLOWED["results"] -= {"learn"}


def modules_of(node: ast.AST, package: str) -> list[str]:
    """Full names that a statement imports, or a call of `import_module`."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: -node.level + 1 or None] if node.level else []
        base = ".".join([*parents, *([node.module] if node.module else [])])
        return [f"{base}.{alias.name}" for alias in node.names]
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        texts = [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
        return texts if name in ("import_module", "__import__") else []
    return []


def rooms_in(source: str, package: str) -> set[str]:
    """Rooms that a module imports, at its top or inside functions."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        for module in modules_of(node, package):
            top, _, rest = module.partition(".")
            if top == "embedlens" and rest:
                name = rest.split(".")[0]
                # `from embedlens import ImageSet` goes through the front door to its room.
                rooms.add(embedlens._NAMES.get(name, name))
    return rooms & set(ROOMS)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import embedlens.study", {"study"}),
        ("def f():\n    from embedlens.study.study import Study", {"study"}),
        ("from embedlens import learn, errors", {"learn"}),
        ("from embedlens import ImageSet, __version__", {"images"}),
        ("from ..report import html", {"report"}),
        ("from .. import report", {"report"}),
        ("from . import decode", {"images"}),
        ("import importlib\nimportlib.import_module('embedlens.cli.main')", {"cli"}),
        ("import embedlens_other.study\nimport numpy", set()),
    ],
)
def test_imports_are_seen_in_every_form(source, expected):
    assert rooms_in(source, "embedlens.images") == expected


def test_every_room_has_its_place():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_below(room):
    for path in (PACKAGE / room).rglob("*.py"):
        package = ".".join(path.parent.relative_to(PACKAGE.parent).parts)
        found = rooms_in(path.read_text(encoding="utf-8"), package) - {room}
        assert found <= ALLOWED[room], f"{path} imports {sorted(found - ALLOWED[room])}"


@pytest.mark.parametrize("name", ["errors.py", "files.py"])
def test_what_lies_below_all_imports_no_room(name):
    assert rooms_in((PACKAGE / name).read_text(encoding="utf-8"), "embedlens") == set()


def test_importing_embedlens_imports_nothing_heavy():
    code = "import embedlens, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "embedlens" in loaded
    assert loaded.isdisjoint({"numpy", "pandas", "keras", "PIL", "scipy", "sklearn", "jax"})
