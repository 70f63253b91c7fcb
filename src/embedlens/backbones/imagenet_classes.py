"""The 1,000 classes of ImageNet by name, for the networks that keep their ImageNet top."""

from __future__ import annotations

import csv
import difflib
import functools
from dataclasses import dataclass
from pathlib import Path

from embedlens.errors import BackboneError

# Kinds that ImageNet has many classes of and names by none: indices of its own order.
GROUPS: dict[str, tuple[range, ...]] = {
    "bear": (range(294, 298),),
    "bird": (range(7, 25), range(80, 101), range(127, 147)),
    "butterfly": (range(321, 327),),
    "cat": (range(281, 286),),
    "dog": (range(151, 269),),
    "fox": (range(277, 281),),
    "monkey": (range(369, 383),),
    "snake": (range(52, 69),),
    "spider": (range(72, 78),),
    "wolf": (range(269, 272),),
}


@dataclass(frozen=True)
class ImageNetClass:
    """A class of ImageNet.

    Attributes
    ----------
    index : int
        Its place in a network's output, 0 to 999.
    wnid : str
        Its synset in WordNet 3.0: ``"n02119022"``.
    names : tuple of str
        WordNet's names of it, the usual one first.
    """

    index: int
    wnid: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The usual name."""
        return self.names[0]


@functools.cache
def imagenet_classes() -> tuple[ImageNetClass, ...]:
    """Return the 1,000 classes, in the order of a network's output.

    Examples
    --------
    >>> imagenet_classes()[277].names
    ('red fox', 'Vulpes vulpes')
    """
    table = Path(__file__).with_name("imagenet_classes.csv")
    with table.open(encoding="utf-8", newline="") as file:
        return tuple(
            ImageNetClass(int(row["index"]), row["wnid"], tuple(row["names"].split(", ")))
            for row in csv.DictReader(file)
        )


def find_imagenet_classes(name: str) -> tuple[int, ...]:
    """Find the classes that a plain word or a list of names means.

    In this order: a kind of which ImageNet has many classes (`GROUPS`); the classes of which it is
    a name or the synset; the classes whose usual name ends in it, as "African elephant" does.
    A word means what the first of these finds, so that "lion" is not a sea lion.

    Parameters
    ----------
    name : str
        A word, in any case of letters; or several names joined by ``"+"``.

    Returns
    -------
    tuple of int
        Indices, in ascending order.

    Raises
    ------
    BackboneError
        If nothing is found; the message names what is spelt alike.

    Examples
    --------
    >>> find_imagenet_classes("fox"), find_imagenet_classes("Lion")
    ((277, 278, 279, 280), (291,))
    >>> find_imagenet_classes("timber wolf+white wolf")
    (269, 270)
    """
    found: set[int] = set()
    for word in (part.strip() for part in name.split("+")):
        found.update(_meant(word))
    return tuple(sorted(found))


def _meant(word: str) -> list[int]:
    wanted = word.casefold()
    if wanted in GROUPS:
        return [index for part in GROUPS[wanted] for index in part]
    exact = [
        each.index
        for each in imagenet_classes()
        if wanted == each.wnid or wanted in map(str.casefold, each.names)
    ]
    last = [
        each.index for each in imagenet_classes() if each.name.casefold().endswith(" " + wanted)
    ]
    if not wanted or not (exact or last):
        raise BackboneError(_unknown(word))
    return exact or last


def _unknown(word: str) -> str:
    names = {name.casefold(): name for each in imagenet_classes() for name in each.names}
    near = difflib.get_close_matches(word.casefold(), [*names, *GROUPS], 3, cutoff=0.6)
    hint = f"Did you mean {', '.join(names.get(each, each) for each in near)}? " if near else ""
    return (
        f"ImageNet has no class {word!r}. {hint}Say which of its classes are meant, by name or "
        f"synset: {word or 'NAME'}=CLASS+CLASS."
    )
