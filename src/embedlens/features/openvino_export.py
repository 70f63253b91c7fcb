"""A backbone as an OpenVINO graph, made once and cached.

Keras exports to OpenVINO from its own OpenVINO backend, and a process has one backend for life:
so this module is also a program, which a child process runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embedlens.backbones import Backbone, Pooling, get_backbone
from embedlens.errors import BackboneError, EmbedlensError, WeightsError
from embedlens.features.engine import feature_map, frontier_size
from embedlens.given_path import given_path

_FORMAT = 4


@dataclass(frozen=True)
class Export:
    """An exported backbone: from uint8-valued pixels (1, h, w, 3) to (1, features + frontier)."""

    path: Path
    size: tuple[int, int]
    features: int
    frontier: int
    feature_map: tuple[int, ...]
    parameters: int


def export(
    backbone: Backbone,
    size: int | tuple[int, int] | None,
    pooling: Pooling,
    tail: str | None = None,
) -> Export:
    """Return the OpenVINO graph of a backbone, from the cache or from a child process.

    Parameters
    ----------
    backbone : Backbone
        What to export; its weights are downloaded if need be.
    size : int or (int, int), optional
        Height and width of the pictures, in pixels; by default the backbone's own.
    pooling : {"avg", "max", "none"}
        As for ``Backbone.build``.
    tail : str, optional
        As for ``Backbone.build``.

    Raises
    ------
    WeightsError, BackboneError
        As ``Backbone.build``.
    """
    backbone.weights.fetch(backbone.network)
    request = {
        "name": backbone.name,
        "weights": _weights_argument(backbone),
        "preprocessing": backbone.preprocessing,
        "size": size or backbone.size,
        "pooling": pooling,
        "tail": tail,
    }
    versions = [_FORMAT, version("keras"), version("openvino"), backbone.weights.digest()]
    key = hashlib.blake2b(json.dumps([request, versions]).encode(), digest_size=12).hexdigest()
    graph = cache_folder() / f"{Path(backbone.network).stem}-{key}.xml"
    record = graph.with_suffix(".json")
    if not _intact(graph):
        _run_child(request, graph)
    found = json.loads(record.read_text(encoding="utf-8"))
    return Export(
        graph,
        (found["size"][0], found["size"][1]),
        found["features"],
        found["frontier"],
        tuple(found["feature_map"]),
        found["parameters"],
    )


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


def _weights_argument(backbone: Backbone) -> str | None:
    if backbone.weights.kind == "random":
        return "random"
    return str(backbone.weights.file) if backbone.weights.kind == "file" else None


def _run_child(request: dict[str, Any], graph: Path) -> None:
    environment = {**os.environ, "KERAS_BACKEND": "openvino"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "embedlens.features.openvino_export",
            json.dumps(request),
            str(graph),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 2:
        kind, _, message = done.stdout.strip().splitlines()[-1].partition(": ")
        raise WeightsError(message) if kind == "WeightsError" else BackboneError(message)
    if done.returncode != 0:
        raise RuntimeError(f"The export of {request['name']} to OpenVINO failed:\n{done.stderr}")


def _write(request: dict[str, Any], graph: Path) -> None:
    """Build, export, sink the transposes and save; the record comes last, by a rename."""
    import openvino

    from embedlens.features.transpose_sinking import sink_transposes

    name = request["name"]
    weights = request["weights"]
    if get_backbone(name).family == "file":
        weights = None
    backbone = get_backbone(name, weights=weights, preprocessing=request["preprocessing"])
    size = tuple(request["size"]) if isinstance(request["size"], list) else request["size"]
    model = backbone.build(size, request["pooling"], request["tail"])
    with tempfile.TemporaryDirectory(dir=graph.parent) as folder:
        exported = Path(folder) / graph.name
        model.export(str(exported), format="openvino", verbose=False)
        compact = Path(folder) / "compact.xml"
        core = openvino.Core()
        openvino.save_model(
            sink_transposes(core.read_model(exported)), compact, compress_to_fp16=False
        )
        record = Path(folder) / "record.json"
        record.write_text(
            json.dumps({**_record(model, request["tail"]), "checksum": _checksum(compact)}),
            encoding="utf-8",
        )
        compact.with_suffix(".bin").rename(graph.with_suffix(".bin"))
        compact.rename(graph)
        record.rename(graph.with_suffix(".json"))


def _checksum(graph: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for file in (graph, graph.with_suffix(".bin")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _intact(graph: Path) -> bool:
    """Whether a cached graph is there as it was written; it costs milliseconds."""
    try:
        record = json.loads(graph.with_suffix(".json").read_text(encoding="utf-8"))
        return bool(record["checksum"] == _checksum(graph))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _record(model: Any, tail: str | None) -> dict[str, Any]:
    frontier = frontier_size(model, tail)
    return {
        "size": model.input_shape[1:3],
        "features": model.output_shape[1] - frontier,
        "frontier": frontier,
        "feature_map": feature_map(model),
        "parameters": model.count_params(),
    }


def main() -> None:
    """Export what the first argument says to the file the second names."""
    request, graph = json.loads(sys.argv[1]), Path(sys.argv[2])
    try:
        _write(request, graph)
    except EmbedlensError as error:
        kind = "WeightsError" if isinstance(error, WeightsError) else "BackboneError"
        print(f"{kind}: {' '.join(str(error).split())}")
        sys.exit(2)


if __name__ == "__main__":
    main()
