"""A file that is a network with its weights."""

from __future__ import annotations

from pathlib import Path

from embedlens.errors import BackboneError, WeightsError
from embedlens.given_path import given_path


def model_file(network: str, weights: str | Path | None) -> Path:
    """Return the path of a model file.

    Raises
    ------
    WeightsError
        If weights were given besides, which the file holds.
    BackboneError
        If there is no such file.
    """
    if weights is not None:
        raise WeightsError(f"{network} holds its own weights; leave out {str(weights)!r}.")
    path = given_path(network)
    if path.is_dir():
        raise BackboneError(f"{network} is a folder; name the model file in it.")
    if not path.is_file():
        raise BackboneError(f"The model file {network} does not exist.")
    return path
