"""A study's embeddings as files for TensorBoard's Embedding Projector."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlens.errors import StudyError
from embedlens.features.store import read_features
from embedlens.files import replacing, write_whole
from embedlens.given_path import given_path
from embedlens.results import Results
from embedlens.results.pictures import Pictures
from embedlens.results.provenance import expect_folder
from embedlens.results.results import feature_folders, results_of_any
from embedlens.results.vocabulary import MAPS
from embedlens.viewer.scene import backbone_key
from embedlens.viewer.sprites import mosaic

SPRITE_LIMIT = 8_192
"""Pixels a side, the largest picture that the Projector takes."""

_LARGEST_SIDE, _SMALLEST_SIDE = 64, 16


def export_tensorboard(study: Path, out: Path) -> Path:
    """Write the features and maps of a study for ``tensorboard --logdir OUT``.

    Parameters
    ----------
    study : Path
        The study folder.
    out : Path
        The folder to write to.

    Returns
    -------
    Path
        ``projector_config.pbtxt``. Beside it lie a ``.bytes`` file a tensor (float32, row by row),
        ``metadata.tsv`` and, where the pictures still are there and a cell has room for 16 pixels,
        ``sprite.jpg`` of at most 8,192 pixels a side.

    Raises
    ------
    StudyError
        If it is no finished study, or there is nothing to export.
    """
    study, out = given_path(study), given_path(out)
    expect_folder(out)
    results = results_of_any(study)
    out.mkdir(parents=True, exist_ok=True)
    tensors = _tensors(Path(study), results)
    if not tensors:
        raise StudyError(f"{study} has no features and no maps to export; run the study again.")
    write_whole(out / "metadata.tsv", _metadata(results))
    side = _write_sprite(Pictures.of_study(results), out / "sprite.jpg")
    entries = []
    for number, (name, values) in enumerate(tensors.items()):
        path = f"tensor-{number}.bytes"
        _write_tensor(values, out / path)
        entries.append(_entry(name, values.shape, path, side))
    config = out / "projector_config.pbtxt"
    write_whole(config, "\n".join(entries))
    return config


def _tensors(study: Path, results: Results) -> dict[str, NDArray[np.float32]]:
    """Return features, memory-mapped, and maps by name."""
    found = {
        f"{backbone_key(*key)}: features": read_features(folder)
        for key, folder in feature_folders(study, results).items()
    }
    for key, maps in results.maps.items():
        for method, points in maps.items():
            found[f"{backbone_key(*key)}: {MAPS.title(method)}"] = points
    return found


def _metadata(results: Results) -> str:
    kept = results.pictures[results.pictures["kept"]].reset_index(drop=True)
    sets, one = results.label_sets, "class" if results.label_sets is None else "labels"
    columns = {"path": kept["path"], one: kept["label"], "split": kept["split"]}
    if sets is not None:
        columns |= {str(name): sets[name].map({True: "yes", False: "no"}) for name in sets}
    rows = zip(*(column.map(_one_line) for column in columns.values()), strict=True)
    lines = ["\t".join(row) for row in [map(_one_line, columns), *rows]]
    return "\n".join([*lines, ""])


def _one_line(text: str) -> str:
    """The format has no way to write a tab or a line end."""
    return " ".join(str(text).split())


def _write_tensor(values: NDArray[np.float32], path: Path) -> None:
    with replacing(path) as partial, partial.open("wb") as file:
        for start in range(0, len(values), 1_024):
            file.write(np.ascontiguousarray(values[start : start + 1_024], "<f4").tobytes())


def _write_sprite(pictures: Pictures, path: Path) -> int:
    """Write all pictures in a square; return a cell's side, 0 where there is no sprite."""
    path.unlink(missing_ok=True)
    across = math.isqrt(len(pictures) - 1) + 1
    side = min(_LARGEST_SIDE, SPRITE_LIMIT // across)
    if not pictures.here or side < _SMALLEST_SIDE:
        return 0
    canvas = mosaic(pictures.pixels, range(len(pictures)), side, (across, across))
    with replacing(path) as partial:
        Image.fromarray(canvas).save(partial, "JPEG", quality=85)
    return side


def _entry(name: str, shape: tuple[int, ...], path: str, side: int) -> str:
    lines = [
        "embeddings {",
        f"  tensor_name: {json.dumps(name)}",
        f"  tensor_shape: {shape[0]}",
        f"  tensor_shape: {shape[1]}",
        f'  tensor_path: "{path}"',
        '  metadata_path: "metadata.tsv"',
    ]
    if side:
        cell = f"single_image_dim: {side}"
        lines.append(f'  sprite {{ image_path: "sprite.jpg" {cell} {cell} }}')
    return "\n".join([*lines, "}"])
