"""What licences of weights allow, as far as their names tell."""

from __future__ import annotations

import re

# SPDX names that allow any use, commercial too, for keeping the notice at most.
_PERMISSIVE = {
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "isc", "cc0-1.0", "cc-by-4.0",
    "cc-by-3.0", "unlicense",
}  # fmt: skip
_NON_COMMERCIAL = re.compile(r"\bnc\b|non-?commercial|research-only|amlr", re.IGNORECASE)


def is_permissive(licence: str | None) -> bool:
    """Whether a licence allows any use, commercial too; an unknown one is not taken to.

    Examples
    --------
    >>> is_permissive("Apache-2.0"), is_permissive("cc-by-nc-4.0"), is_permissive(None)
    (True, False, False)
    """
    return licence is not None and licence.strip().lower() in _PERMISSIVE


def is_non_commercial(licence: str | None) -> bool:
    """Whether a licence's name says that it forbids commercial use.

    Apple's licence for research models (apple-amlr) is one.

    Examples
    --------
    >>> is_non_commercial("cc-by-nc-4.0"), is_non_commercial("mit")
    (True, False)
    """
    return licence is not None and _NON_COMMERCIAL.search(licence) is not None
