"""How a user names backbones and their weights."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from embedlens.backbones.families.registered import parse_name
from embedlens.errors import BackboneError, WeightsError
from embedlens.files import text_key
from embedlens.given_path import absolute

NAMED_WEIGHTS = ("imagenet", "random")
"""Weights that are no file."""

ANY = "*"
"""For every backbone that does not say it."""

_LISTED = 6


def anchored(name: str | os.PathLike[str], start: Path | None = None) -> str:
    """Return a backbone's name, a model file's path in full, to be understood from any folder.

    Parameters
    ----------
    name : str or path
        As for ``get_backbone``.
    start : Path, optional
        Where a relative path begins; by default the current folder.

    Raises
    ------
    BackboneError
        If it is empty.

    Examples
    --------
    >>> anchored("Xception@avg_pool"), anchored("/models/../best.keras@pool")
    ('Xception@avg_pool', '/best.keras@pool')
    """
    network, layer, family = parse_name(os.fspath(name).strip())
    if not network.strip():
        raise BackboneError(
            f"A backbone has no name ({name!r}); give one of `embedlens backbones`, or a model "
            "file."
        )
    if family is not None and (path := family.path(network)) is not None:
        network = family.anchored(network, absolute(path, start))
    return f"{network}@{layer}" if layer else network


def titles(names: Sequence[str]) -> dict[str, str]:
    """Return what people read instead of each `anchored` name.

    A model file is its own name, and as many folders besides as tell it from others of that name.

    Examples
    --------
    >>> list(titles(["/runs/a/best.keras", "/runs/b/best.keras", "Xception"]).values())
    ['best.keras (a)', 'best.keras (b)', 'Xception']
    """
    files = dict.fromkeys(
        network
        for network, _, family in map(parse_name, names)
        if family is not None and family.path(network) is not None
    )
    folders = {}
    for file in files:
        others = [other for other in files if other != file]
        folders[file] = next(
            (f" ({depth})" if depth else "" for depth in _folders(file)
             if all(_written(depth, file) not in _labels(other) for other in others)),
            f" ({text_key(file, 4)})",
        )  # fmt: skip
    found = {}
    for name in names:
        network, layer, _ = parse_name(name)
        if network in folders:
            found[name] = Path(network).name + (f"@{layer}" if layer else "") + folders[network]
        else:
            found[name] = name
    return found


def weights_for(
    backbones: Iterable[str], given: Mapping[str, str | os.PathLike[str]]
) -> dict[str, str]:
    """Look up the weights that are given by name.

    Parameters
    ----------
    backbones : iterable of str
        The names of those that are used, as for ``get_backbone``.
    given : mapping of str to str or path
        A file, "random" or "imagenet", by the network's name or, for a cut of it alone, by
        NAME@LAYER; the case of letters does not matter.

    Returns
    -------
    dict of str to str
        By the names in ``backbones``; those without weights of their own are left out. Paths are in
        full.

    Raises
    ------
    WeightsError
        If a name is of none of the backbones, is given twice, or has nothing beside it.

    Examples
    --------
    >>> weights_for(["Xception", "ResNet50V2@avg_pool"], {"resnet50v2": "random"})
    {'ResNet50V2@avg_pool': 'random'}
    """
    values = {name: _value(name, value) for name, value in given.items()}
    try:
        return _by_name(backbones, values, "weights")
    except BackboneError as error:
        raise WeightsError(str(error)) from None


def transforms_for(backbones: Iterable[str], given: Mapping[str, str]) -> dict[str, str]:
    """Look up the transforms that are given by name.

    Parameters
    ----------
    backbones : iterable of str
        The names of those that are used.
    given : mapping of str to str
        What `parse_transform` reads, by names as for `weights_for`; under "*" that of all whose
        transform nothing else says.

    Returns
    -------
    dict of str to str
        By the names in ``backbones``.

    Raises
    ------
    BackboneError
        If a name is of none of the backbones or is given twice, or there is a "*" that none of
        them needs.
    """
    names = list(backbones)
    named = {name: value for name, value in given.items() if name != ANY}
    found = _by_name(names, named, "a transform")
    if ANY in given:
        open_ones = [name for name in names if name not in found and not states_transform(name)]
        if not open_ones:
            raise BackboneError(
                f"The transform {given[ANY]!r} is for backbones that have none of their own, and "
                f"each used here has; write NAME={given[ANY]!r} to change one."
            )
        found |= dict.fromkeys(open_ones, given[ANY])
    return found


def states_transform(name: str) -> bool:
    """Whether a backbone's transform is known without its user."""
    network, layer, family = parse_name(name)
    return family is None or family.backbone(network, layer).transform_from is not None


def anchored_transform(text: str, start: Path | None = None) -> str:
    """Return a transform as it was given, a file's path in full."""
    text = text.strip()
    return str(absolute(text, start)) if text.lower().endswith(".json") else text


def _by_name(backbones: Iterable[str], given: Mapping[str, str], what: str) -> dict[str, str]:
    """Return what is given for each backbone, by its network's name or its own."""
    names = list(backbones)
    by_key: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in given.items():
        key = _spelt(name.strip()).casefold()
        if key in by_key:
            raise BackboneError(
                f"{_are(what)} given twice, for {by_key[key]} and for {name.strip()}; give one."
            )
        by_key[key], values[key] = name.strip(), value
    used = {name: key for name in names for key in _keys(name) if key in values}
    for key, name in by_key.items():
        if key not in used.values():
            raise BackboneError(_unused(name, names, what))
    return {name: values[key] for name, key in used.items()}


def _spelt(name: str) -> str:
    """Return a name as its family spells it, with the tag that it takes where none is given.

    Of a file that is named with a folder it is the path in full.
    """
    network, layer, family = parse_name(name)
    if family is None:
        return name
    if family.path(network) is not None and network != Path(network).name:
        network = str(absolute(network))
    return f"{network}@{layer}" if layer else network


def _are(what: str) -> str:
    return f"{what.capitalize()} {'are' if what.endswith('s') else 'is'}"


def _keys(name: str) -> list[str]:
    """Under what a backbone's values may be given; the last that is there counts."""
    network, layer, family = parse_name(name)
    own = [network]
    if family is not None and family.path(network) is not None:
        own = [Path(network).name, str(absolute(network))]
    with_layer = [f"{each}@{layer}" for each in own if layer]
    return [each.casefold() for each in (*own, *with_layer, name)]


def anchored_weights(value: str | os.PathLike[str], start: Path | None = None) -> str:
    """Return weights that were chosen, a file's path in full."""
    text = os.fspath(value).strip()
    return text if text in NAMED_WEIGHTS else str(absolute(text, start))


def _value(name: str, value: str | os.PathLike[str]) -> str:
    if not name.strip():
        raise WeightsError(f"Weights are given for no name (={value}); write NAME=FILE.")
    if not os.fspath(value).strip():
        raise WeightsError(f"The weights of {name} are empty; give a file, 'imagenet' or 'random'.")
    return anchored_weights(value)


def _unused(name: str, backbones: Sequence[str], what: str) -> str:
    would_do = list(dict.fromkeys(parse_name(b).network for b in backbones))
    if len(would_do) > _LISTED:
        near = difflib.get_close_matches(name, would_do, 3, cutoff=0.4)
        would_do = [*near, f"{len(would_do) - len(near)} others"]
    return (
        f"{_are(what)} given for {name}, which is none of the backbones used here: "
        f"{', '.join(would_do)}. Name one of these, or leave the {what.split()[-1]} of {name} out."
    )


def _folders(file: str) -> list[str]:
    """Return the folders above a file as they may stand beside its name: none, one, two, ..."""
    parts = Path(file).parent.parts
    return ["", *("/".join(parts[-n:]) for n in range(1, len(parts)))]


def _labels(file: str) -> set[str]:
    return {_written(folders, file) for folders in _folders(file)}


def _written(folders: str, file: str) -> str:
    """Return a label as file systems take it: those that differ there are told apart anywhere."""
    return re.sub(r"[^\w.@+-]", "_", f"{Path(file).name} {folders}").casefold()
