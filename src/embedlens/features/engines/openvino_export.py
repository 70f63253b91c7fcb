"""A backbone as an OpenVINO graph, made once and cached.

Keras exports to OpenVINO from its own OpenVINO backend, and a process has one backend for life;
other frameworks are large, and not wanted again once the graph is there. So this module is also a
program, which a child process runs.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones import Backbone, Built, Pooling, Transform
from embedlens.errors import BackboneError, ConversionError, EmbedlensError, WeightsError
from embedlens.files import checksum, content_key, replacing
from embedlens.given_path import given_path

if TYPE_CHECKING:
    from embedlens.features.recipe import Recipe

_FORMAT = 8
_REFUSED = "cannot be converted"
_OTHER = "BackboneError"
# What a child can say, and its parent raises; the first that an error is.
_ERRORS = {
    "WeightsError": WeightsError,
    "ConversionError": ConversionError,
    _OTHER: BackboneError,
}
_CHILD = f"from {__name__} import main; main()"


@dataclass(frozen=True)
class _Order:
    """What a graph is made of."""

    backbone: Backbone
    transform: Transform
    pooling: Pooling
    tail: str | None

    def key(self) -> str:
        """Name the graph by all it depends on; how pictures are fitted to size is no part of it."""
        scaling = {
            name: value
            for name, value in self.transform.record().items()
            if name not in ("resize", "crop", "shorter_side", "interpolation", "fill", "centre")
        }
        packages = {*self.backbone.family.packages, "openvino"}
        versions = {package: version(package) for package in sorted(packages)}
        parts = [_FORMAT, versions, self.backbone.describe(), scaling, self.pooling, self.tail]
        return content_key(parts, 12)

    def graph(self) -> Path:
        """Return the file in the cache."""
        return cache_folder() / f"{_file_name(self.backbone)}-{self.key()}.xml"


def export(recipe: Recipe, tail: str | None = None) -> Built:
    """Return the OpenVINO graph of a backbone, from the cache or from a child process.

    Parameters
    ----------
    recipe : Recipe
        Of which backbone, for pictures of which size, scaled and pooled how; its weights are
        downloaded if need be.
    tail : str, optional
        As for ``Family.build``.

    Returns
    -------
    Built
        Its model is the path of the graph, ``.xml``.

    Raises
    ------
    WeightsError, BackboneError
        As ``Family.build``.
    ConversionError
        If the family cannot make a graph that gives what the network gives. That is kept too, so
        that nobody waits for it twice.
    """
    backbone = recipe.backbone
    backbone.weights.fetch(backbone.network)
    order = _Order(backbone, recipe.transform, recipe.pooling, tail)
    graph = order.graph()
    if not _intact(graph):
        _refuse_again(graph)
        _run_child(order, graph)
    found = json.loads(graph.with_suffix(".json").read_text(encoding="utf-8"))
    return Built(
        graph,
        (found["size"][0], found["size"][1]),
        found["features"],
        found["frontier"],
        tuple(found["feature_map"]),
        found["parameters"],
        found["vector"],
    )


@contextmanager
def exporting(recipes: Sequence[Recipe]) -> Iterator[int]:
    """Have one child process make the graphs that are missing, while what is inside goes on.

    Most of an export is the import of its framework: so the child makes those alone that need the
    packages that the first needs. What fails it leaves, and `export` meets the reason.

    Parameters
    ----------
    recipes : sequence of Recipe
        As for `export`; their weights are here.

    Yields
    ------
    int
        How many graphs are in the making.
    """
    orders = _together(recipes)
    if not orders:
        yield 0
        return
    # A file, for a pipe would have to be read by somebody.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        told.write("\n".join(map(_pickled, orders)))
        told.seek(0)
        child = subprocess.Popen(
            _command(orders), env=_environment(), stdin=told,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield len(orders)
            child.wait()
        finally:
            child.kill()
            child.wait()


def _together(recipes: Sequence[Recipe]) -> list[_Order]:
    """Return the orders of graphs that are missing, of those that need the first one's packages."""
    missing = []
    for each in recipes:
        order = _Order(each.backbone, each.transform, each.pooling, None)
        record = _record(order.graph())
        if not _intact(order.graph()) and _REFUSED not in record:
            missing.append(order)
    packages = [order.backbone.family.packages for order in missing]
    return [order for order, needed in zip(missing, packages, strict=True) if needed == packages[0]]


def cache_folder() -> Path:
    """Return the folder of exported graphs: ``EMBEDLENS_CACHE``, or the user's cache folder.

    A home that cannot be written to is no reason to fail: then a temporary folder serves.
    """
    given = os.environ.get("EMBEDLENS_CACHE")
    base = (
        given_path(given)
        if given
        else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    )
    folder = base / "embedlens" / "openvino"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        folder = Path(tempfile.gettempdir()) / "embedlens" / "openvino"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _file_name(backbone: Backbone) -> str:
    """Return a name for people who look into the cache; the key is what counts."""
    name = backbone.short_name
    return re.sub(r"[^\w.+-]", "_", name if backbone.path is None else Path(name).stem)


def _refuse_again(graph: Path) -> None:
    record = _record(graph)
    if _REFUSED in record:
        raise ConversionError(record[_REFUSED])


def _record(graph: Path) -> dict[str, Any]:
    """Return what is kept beside a graph, or instead of it; empty where nothing is."""
    try:
        record = json.loads(graph.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _run_child(order: _Order, graph: Path) -> None:
    done = subprocess.run(
        _command([order]),
        env=_environment(),
        input=_pickled(order),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode == 2:
        kind, _, message = done.stdout.strip().splitlines()[-1].partition(": ")
        if kind == "ConversionError":
            with replacing(graph.with_suffix(".json")) as refusal:
                refusal.write_text(json.dumps({_REFUSED: message}), encoding="utf-8")
        raise _ERRORS[kind](message)
    if done.returncode != 0:
        raise RuntimeError(
            f"The export of {order.backbone.name} to OpenVINO failed:\n{done.stderr}"
        )


def _command(orders: Sequence[_Order]) -> list[str]:
    """Return what runs `main`, which reads an order a line for each of the files."""
    return [sys.executable, "-c", _CHILD, *(str(order.graph()) for order in orders)]


def _environment() -> dict[str, str]:
    # Keras exports to OpenVINO from its own OpenVINO backend only.
    return {**os.environ, "KERAS_BACKEND": "openvino", "PYTHONIOENCODING": "utf-8"}


def _pickled(order: _Order) -> str:
    try:
        return base64.b64encode(pickle.dumps(order)).decode()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BackboneError(_not_importable(order.backbone.family.name, error)) from error


def _not_importable(family: str, error: Exception) -> str:
    return (
        f"The family {family} does not reach the process that exports to OpenVINO ({error}). Put "
        "its class into a module that can be imported there, or use the engine 'keras'."
    )


def _write(order: _Order, graph: Path) -> None:
    """Build and save; the record comes last, by a rename."""
    import openvino

    built = order.backbone.family.build(
        order.backbone, "openvino", order.transform, order.pooling, order.tail
    )
    with tempfile.TemporaryDirectory(dir=graph.parent) as folder:
        saved = Path(folder) / "graph.xml"
        openvino.save_model(built.model, saved, compress_to_fp16=False)
        facts = asdict(replace(built, model=None))
        record = Path(folder) / "record.json"
        record.write_text(json.dumps({**facts, "checksum": _checksum(saved)}), encoding="utf-8")
        saved.with_suffix(".bin").rename(graph.with_suffix(".bin"))
        saved.rename(graph)
        record.rename(graph.with_suffix(".json"))


def _checksum(graph: Path) -> str:
    return checksum(graph, graph.with_suffix(".bin"))


def _intact(graph: Path) -> bool:
    """Whether a cached graph is there as it was written; it costs milliseconds."""
    try:
        return bool(_record(graph)["checksum"] == _checksum(graph))
    except (OSError, KeyError):
        return False


def main() -> None:
    """Export what each line of standard input says to the file that an argument names."""
    try:
        for graph, order in zip(sys.argv[1:], sys.stdin.read().splitlines(), strict=True):
            _write(_unpickled(base64.b64decode(order)), Path(graph))
    except EmbedlensError as error:
        kind = next((name for name, each in _ERRORS.items() if isinstance(error, each)), _OTHER)
        print(f"{kind}: {' '.join(str(error).split())}")
        sys.exit(2)


def _unpickled(order: bytes) -> _Order:
    try:
        return pickle.loads(order)  # type: ignore[no-any-return]
    except (ImportError, AttributeError) as error:
        raise BackboneError(_not_importable("of this backbone", error)) from error
