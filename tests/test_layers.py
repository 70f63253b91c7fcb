"""The rooms of the house import only downwards, and the door opens at once."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

import embedlens

PACKAGE = Path(embedlens.__file__).parent

# From the top down: a room may import those after it. `errors` and `files` lie below all.
ROOMS = (
    "cli",
    "cluster",
    "study",
    "report",
    "viewer",
    "classify",
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


@pytest.mark.parametrize("name", ["errors.py", "files.py", "given_path.py", "telemetry.py"])
def test_what_lies_below_all_imports_no_room(name):
    assert rooms_in((PACKAGE / name).read_text(encoding="utf-8"), "embedlens") == set()


def test_importing_embedlens_imports_nothing_heavy():
    code = "import embedlens, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    assert "embedlens" in loaded
    assert loaded.isdisjoint({"numpy", "pandas", "keras", "PIL", "scipy", "sklearn", "jax"})


def module_names() -> dict[str, Path]:
    """Every module of the package and its file."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def running(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of what runs: not what is under ``if TYPE_CHECKING``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield other
                yield from running(other)
        else:
            yield child
            yield from running(child)


def imported(source: str, package: str, known: Collection[str]) -> set[str]:
    """Known modules that a module imports, at its top or inside functions."""
    found = set()
    for node in running(ast.parse(source)):
        for name in modules_of(node, package):
            if name in known:
                found.add(name)
            elif isinstance(node, ast.ImportFrom) and (base := name.rpartition(".")[0]) in known:
                found.add(base)
    return found


def cycles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """One cycle from each module that lies on one: what imports what, back to the first."""
    found = []
    for start in sorted(imports):
        before: dict[str, str] = {}
        waiting = deque([start])
        while waiting and start not in before:
            module = waiting.popleft()
            for other in sorted(imports.get(module, set()) - before.keys()):
                before[other] = module
                waiting.append(other)
        if start in before:
            cycle = [start]
            while len(cycle) == 1 or cycle[-1] != start:
                cycle.append(before[cycle[-1]])
            found.append(cycle[::-1])
    return found


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}}, [["a", "b", "a"], ["b", "a", "b"]]),
        ({"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": set()}, []),
        ({"a": {"a"}}, [["a", "a"]]),
        ({"x": {"a"}, "a": {"b"}, "b": {"c"}, "c": {"b"}}, [["b", "c", "b"], ["c", "b", "c"]]),
    ],
)
def test_cycles_are_found(imports, expected):
    assert cycles(imports) == expected


def test_what_is_imported_for_types_alone_is_no_import():
    source = """
from typing import TYPE_CHECKING
import p.one
if TYPE_CHECKING:
    from p.two import Two
else:
    from p import three
def late():
    from p.four import Four
    import importlib
    importlib.import_module("p.five")
from . import six
from p import Name
"""
    known = {"p", *(f"p.{name}" for name in ("one", "two", "three", "four", "five", "six"))}
    assert imported(source, "p", known) == known - {"p.two"}


def test_no_modules_import_each_other():
    modules = module_names()
    imports = {}
    for name, path in modules.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        imports[name] = imported(path.read_text(encoding="utf-8"), package, modules)
    assert sum(map(len, imports.values())) > len(modules)  # so many are seen
    assert cycles(imports) == []


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How long a function is without decorators and docstring."""
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= docstring.end_lineno - docstring.lineno + 1
    return lines


def test_a_function_s_lines_are_counted_without_its_docstring():
    source = '@mark\ndef f(\n    a,\n):\n    """One.\n\n    Two.\n    """\n    return a\n'
    assert lines_of(ast.parse(source).body[0]) == 4


def test_every_function_fits_a_screen():
    long = [
        f"{name}.{node.name}: {lines_of(node)} lines"
        for name, path in module_names().items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and lines_of(node) >= 60
    ]
    assert long == []
