"""What was decided of pictures in the viewer: kept, given another label, or set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

_LONGEST_LABEL = 200


@dataclass(frozen=True)
class Decisions:
    """Rows of pictures, by what was decided of each.

    Attributes
    ----------
    kept : tuple of int
        They stay as they are: somebody has looked.
    labelled : mapping of str to tuple of int
        They get another label, by its name.
    aside : tuple of int
        They are dropped: they have no label, and are in no study of the table.
    undecided : tuple of int
        What was decided of them before is taken back.

    Examples
    --------
    >>> Decisions.read({"kept": [2], "labelled": {"cat": [0, 1]}}, 3).labelled
    {'cat': (0, 1)}
    """

    kept: tuple[int, ...] = ()
    labelled: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    aside: tuple[int, ...] = ()
    undecided: tuple[int, ...] = ()

    @classmethod
    def read(cls, asked: Any, count: int) -> Decisions:
        """Return what a request asks for.

        Parameters
        ----------
        asked : object
            Of JSON: lists of rows under the names of the attributes, each of which may be missing.
        count : int
            How many pictures there are.

        Raises
        ------
        ValueError
            If it is anything else, names a picture twice or none at all, or a label is longer than
            200 letters.
        """
        if not isinstance(asked, dict) or set(asked) - set(cls.__dataclass_fields__):
            raise ValueError(f"lists are wanted: {', '.join(cls.__dataclass_fields__)}")
        labelled = asked.get("labelled", {})
        if not isinstance(labelled, dict):
            raise ValueError("labelled must hold lists of rows by their label")
        for label in labelled:
            if not label.strip() or len(label) > _LONGEST_LABEL:
                raise ValueError(f"a label has 1 to {_LONGEST_LABEL} letters")
        made = cls(
            *(_rows(asked.get("kept", []), count),
              {label: _rows(rows, count) for label, rows in labelled.items()},
              _rows(asked.get("aside", []), count), _rows(asked.get("undecided", []), count))
        )  # fmt: skip
        named = [*made.kept, *made.aside, *made.undecided]
        named += [row for rows in made.labelled.values() for row in rows]
        if not named or len(set(named)) < len(named):
            raise ValueError("each picture is decided once, and one at least")
        return made

    def told(self) -> dict[str, Any]:
        """Return them as JSON has them."""
        return asdict(self)


def _rows(given: Any, count: int) -> tuple[int, ...]:
    if not isinstance(given, list) or not all(
        type(row) is int and 0 <= row < count for row in given
    ):
        raise ValueError(f"pictures must be whole numbers below {count:,}")
    return tuple(given)
