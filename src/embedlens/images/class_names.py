"""Names of classes and groups: one spelling each, and what looks like two spellings of one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from embedlens.images.problem import Problem

# What programs write for "no value"; a class may be called so all the same.
_LIKE_MISSING = frozenset({"na", "n/a", "nan", "none", "null", "<na>", "nil", "#n/a", "?", "-"})

# A number with zeros that say nothing of it: 01, 1.0.
_NUMBER = re.compile(r"0*(\d+?)(\.0*)?")
_BREAKS = re.compile(r"\s*[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+\s*")


def class_name(text: str) -> str:
    r"""Return a label on one line, without spaces around it, its accents composed.

    macOS writes accents decomposed, others composed: nobody can see the difference. Line breaks and
    tabs, as a spreadsheet's cell may hold them, would end rows and cells of what is written.

    Examples
    --------
    >>> class_name(" cafe\u0301 ") == "caf\u00e9"
    True
    >>> class_name("red\nfox")
    'red fox'
    """
    return " ".join(_BREAKS.split(unicodedata.normalize("NFC", text))).strip()


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
        if looks_missing(name):
            reason = "read as a class of this name; leave the label empty where there is none"
            problems.append(_told(name, reason))
    for names in alike(spellings):
        shown = " and ".join(map(repr, names))
        reason = f"{shown} are read as {len(names)} classes; rename them if they are one"
        problems.append(_told(names[0], reason))
    return problems


def looks_missing(name: str) -> bool:
    """Whether a name is what programs and people write where there is no value."""
    return name.casefold() in _LIKE_MISSING


def alike(names: Iterable[str]) -> list[list[str]]:
    """Return names that look like spellings of one, two or more at a time.

    Examples
    --------
    >>> alike(["Cat", "cat", "dog", "01", "1", "1.0", "10"])
    [['01', '1', '1.0'], ['Cat', 'cat']]
    """
    looks: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        looks.setdefault(_looks(name), []).append(name)
    return [those for those in looks.values() if len(those) > 1]


def _looks(name: str) -> str:
    """Return what is left of a name without case, spaces, hyphens and what cannot be seen.

    Of a number its zeros go that say nothing.
    """
    seen = unicodedata.normalize("NFKC", name).casefold()
    seen = "".join(each for each in seen if unicodedata.category(each) not in ("Cf", "Cc"))
    seen = re.sub(r"[\s_\-]+", " ", seen).strip()
    number = _NUMBER.fullmatch(seen)
    return number.group(1) if number else seen


def _told(name: str, reason: str) -> Problem:
    return Problem(name, "class names", reason, kept=True)
