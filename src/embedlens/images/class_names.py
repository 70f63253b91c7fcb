"""Names of classes: one spelling for each, and what looks like two spellings of one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from embedlens.images.problem import Problem

# What programs write for "no value"; a class may be called so all the same.
_LIKE_MISSING = frozenset({"na", "n/a", "nan", "none", "null", "<na>", "nil", "#n/a"})


def class_name(text: str) -> str:
    r"""Return a label without spaces around it, its accents composed.

    macOS writes accents decomposed, others composed: nobody can see the difference.

    Examples
    --------
    >>> class_name(" cafe\\u0301 ") == "caf\\u00e9"
    True
    """
    return unicodedata.normalize("NFC", text).strip()


def describe_class_names(given: Iterable[str]) -> list[Problem]:
    """Tell which labels were read as one, which look like one, and which look like none.

    Parameters
    ----------
    given : iterable of str
        Labels as they are written in the source.

    Returns
    -------
    list of Problem
        Of kind "class names".
    """
    spellings: dict[str, set[str]] = {}
    for label in set(given):
        spellings.setdefault(class_name(label), set()).add(label)
    problems = []
    for name, written in spellings.items():
        if len(written) > 1:
            shown = " and ".join(ascii(each) for each in sorted(written))
            problems.append(_told(name, f"written in {len(written)} ways, read as one: {shown}"))
        if name.casefold() in _LIKE_MISSING:
            reason = "read as a class of this name; leave the label empty where there is none"
            problems.append(_told(name, reason))
    alike: dict[str, list[str]] = {}
    for name in sorted(spellings):
        alike.setdefault(_looks(name), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            shown = " and ".join(map(repr, names))
            reason = f"{shown} are read as {len(names)} classes; rename them if they are one"
            problems.append(_told(names[0], reason))
    return problems


def _looks(name: str) -> str:
    """Return what is left of a name without case, spaces, hyphens and what cannot be seen."""
    seen = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(each for each in seen if unicodedata.category(each) not in ("Cf", "Cc"))
    return re.sub(r"[\s_\-]+", " ", seen).strip()


def _told(name: str, reason: str) -> Problem:
    return Problem(name, "class names", reason, kept=True)
