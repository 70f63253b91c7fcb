"""Weights of a fine-tuned network of PyTorch, with the transform that they were tuned with.

They are safetensors: the transform is in the header, which holds free text, so that it goes
wherever the file goes. It is read without torch.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from embedlens.backbones.transform import Transform
from embedlens.backbones.transform_file import recorded_transform
from embedlens.backbones.weights import Weights
from embedlens.errors import WeightsError

_KEY = "embedlens"
_LONGEST = 100_000_000  # bytes of a header, as the format bounds it


def write_tuned(module: Any, transform: Transform, file: Path) -> None:
    """Write all tensors of a module, and a transform."""
    from safetensors.torch import save_file

    state = {name: each.detach().contiguous().clone() for name, each in module.state_dict().items()}
    told = json.dumps({"transform": transform.record()})
    save_file(state, file, metadata={"format": "pt", _KEY: told})


def tuned_transform(weights: Weights, published: Transform) -> Transform:
    """Return the transform that a user's file of weights states, else the network's published one.

    Raises
    ------
    WeightsError
        If what the file states is no transform.
    """
    file = weights.file
    if weights.kind != "file" or file is None or file.suffix != ".safetensors":
        return published
    told = _metadata(file).get(_KEY)
    if told is None:
        return published
    try:
        return recorded_transform(json.loads(told)["transform"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{file}: what it says of its pictures cannot be read ({error})."
        ) from error


def _metadata(file: Path) -> dict[str, Any]:
    """Return the free text of a header; empty where there is none: loading the file tells why."""
    try:
        with file.open("rb") as opened:
            (length,) = struct.unpack("<Q", opened.read(8))
            header = json.loads(opened.read(length)) if length <= _LONGEST else {}
    except (OSError, ValueError, struct.error):
        return {}
    held = header.get("__metadata__") if isinstance(header, dict) else None
    return held if isinstance(held, dict) else {}
