"""A PyTorch module as an OpenVINO graph that has been found to give the same.

Needs torch and runs in a child process.
"""

from __future__ import annotations

import logging
import warnings

import numpy as np
import openvino
import torch
from torch import Tensor, nn

from embedlens.errors import ConversionError

COSINE = 0.9999
"""A graph is used if the features of four pictures have this cosine, at least, to the module's."""

LENGTH = 0.01
"""And if their lengths differ by this share, at most."""


def to_openvino(
    module: nn.Module, size: tuple[int, int], features: int | None = None
) -> tuple[openvino.Model, str]:
    """Convert a module from pixels (1, h, w, 3) to features, by tracing, else by exporting it.

    Parameters
    ----------
    module : torch.nn.Module
        In evaluation mode.
    size : (int, int)
        Height and width of the pictures.
    features : int, optional
        How many of a row's numbers are features, where others follow: both are compared.

    Returns
    -------
    openvino.Model, str
        For a batch of 1, in float32; and "trace" or "export", whichever did.

    Raises
    ------
    ConversionError
        If neither way gives a graph that agrees with the module; with both reasons.
    """
    pictures = _pictures(size)
    with torch.no_grad():
        expected = [module(torch.from_numpy(each)).numpy()[0] for each in pictures]
    reasons = []
    for name, way in (("trace", _traced), ("export", _exported)):
        try:
            graph = way(module, torch.zeros(1, *size, 3))
            reason = _disagreement(graph, pictures, expected, features)
        except Exception as error:
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            reason = f"{type(error).__name__}: {line[:200]}"
        else:
            if reason is None:
                return graph, name
        reasons.append(f"by {name}: {reason}")
    raise ConversionError("; ".join(reasons))


def _traced(module: nn.Module, example: Tensor) -> openvino.Model:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that sizes become constants, which is what is wanted
        return openvino.convert_model(module, example_input=example, input=[list(example.shape)])


def _exported(module: nn.Module, example: Tensor) -> openvino.Model:
    logging.getLogger("torch").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return openvino.convert_model(torch.export.export(module, (example,)))


def _disagreement(
    graph: openvino.Model,
    pictures: list[np.ndarray],
    expected: list[np.ndarray],
    features: int | None,
) -> str | None:
    """Say how a graph's features differ from the module's; None if they do not."""
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for picture, wanted in zip(pictures, expected, strict=True):
        given = compiled([picture])[0][0]
        if given.shape != wanted.shape:
            return f"its features have the shape {given.shape}, not {wanted.shape}"
        for part in (slice(features), slice(features or len(wanted), None)):
            both = given[part].astype(np.float64), wanted[part].astype(np.float64)
            if len(both[1]) and (reason := _difference(*both)):
                return reason
    return None


def _difference(given: np.ndarray, wanted: np.ndarray) -> str | None:
    if not np.isfinite(wanted).all():
        return (
            None if np.array_equal(given, wanted, equal_nan=True) else "it differs where not finite"
        )
    lengths = np.linalg.norm(given), np.linalg.norm(wanted)
    if max(lengths) == 0:
        return None
    cosine = float(given @ wanted / (lengths[0] * lengths[1])) if min(lengths) else 0.0
    if not cosine >= COSINE:
        return f"its features have a cosine of {cosine:.6f} to the module's"
    if abs(lengths[0] / lengths[1] - 1) > LENGTH:
        return f"its features are {lengths[0] / lengths[1]:.4f} times as long as the module's"
    return None


def _pictures(size: tuple[int, int]) -> list[np.ndarray]:
    """Four pictures: noise, blocks of colour, a ramp, and dark blocks with noise."""
    rng = np.random.default_rng(0)
    height, width = size
    rows, columns = np.arange(height) * 6 // height, np.arange(width) * 6 // width
    blocks = rng.integers(0, 256, (6, 6, 3))[rows][:, columns]
    noise = rng.integers(0, 256, (height, width, 3))
    ramp = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 3))
    dark = blocks // 4 + noise // 16
    return [each.astype(np.float32)[None] for each in (noise, blocks, ramp, dark)]
