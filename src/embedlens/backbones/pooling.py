"""What becomes of a network's output: a row of features a picture."""

from __future__ import annotations

from typing import Literal

from embedlens.errors import BackboneError

Pooling = Literal["own", "cls", "mean", "cls+mean", "max", "none"]
POOLINGS: tuple[Pooling, ...] = ("own", "cls", "mean", "cls+mean", "max", "none")

Output = Literal["vector", "map", "tokens", "class and tokens", "other"]
"""What a network gives for a picture: a vector; a feature map; tokens, of which the first may stand
for the class; or an array of another kind, such as the tensors at a layer in its midst."""

# What there is to choose for each kind of output, and what to call it in words.
_VECTORS: dict[Output, dict[Pooling, str]] = {
    "vector": {"none": "the output, a vector"},
    "map": {
        "mean": "average of the feature map",
        "max": "maximum of the feature map",
        "none": "the feature map, flattened",
    },
    "tokens": {
        "mean": "average of the tokens",
        "max": "maximum of the tokens",
        "none": "all tokens, flattened",
    },
    "class and tokens": {
        "cls": "class token",
        "mean": "average of the patch tokens",
        "cls+mean": "class token, and average of the patch tokens",
        "max": "maximum of the patch tokens",
        "none": "all tokens, flattened",
    },
    "other": {"none": "the output, flattened"},
}
_KINDS: dict[Output, str] = {
    "vector": "a vector",
    "map": "a feature map",
    "tokens": "tokens without a class token",
    "class and tokens": "tokens with a class token",
    "other": "an array that is no feature map",
}


def parse_pooling(text: str | None) -> Pooling:
    """Return the pooling that a user means; "own" where nothing is said.

    Parameters
    ----------
    text : str or None
        One of `POOLINGS`; "avg", as Keras and version 0.1.0 spell it, is "mean".

    Raises
    ------
    BackboneError
        If there is no such pooling; it names those there are.

    Examples
    --------
    >>> parse_pooling("avg"), parse_pooling(None)
    ('mean', 'own')
    """
    wanted = {None: "own", "avg": "mean"}.get(text, text)
    for pooling in POOLINGS:
        if wanted == pooling:
            return pooling
    raise BackboneError(f"There is no pooling {text!r}; choose from {', '.join(POOLINGS)}.")


def poolings_of(output: Output) -> tuple[Pooling, ...]:
    """Return what can be asked for of an output of a kind, "own" among it."""
    return ("own", *_VECTORS[output])


def vector_of(name: str, output: Output, pooling: Pooling) -> str:
    """Say in words what a pooling makes of a network's output, for records and reports.

    Parameters
    ----------
    name : str
        The backbone, for the message.
    output : Output
        What the network gives.
    pooling : Pooling
        Not "own": that is the family's to say.

    Raises
    ------
    BackboneError
        If the pooling does not suit such an output; it names those that do.

    Examples
    --------
    >>> vector_of("ViT", "class and tokens", "cls")
    'class token'
    """
    words = _VECTORS[output]
    if pooling not in words:
        raise BackboneError(
            f"{name} gives {_KINDS[output]}, which the pooling {pooling!r} does not suit; leave it "
            f"out, or choose from {', '.join(words)}."
        )
    return words[pooling]
