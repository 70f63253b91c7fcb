"""The viewer's built files."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from embedlens.errors import EmbedlensError

STATIC = Path(__file__).parent / "static"


def is_built() -> bool:
    """Whether the files are there; in a checkout they may not be."""
    return (STATIC / "viewer.js").is_file()


def read_bundle() -> str:
    """Return the viewer as one ES module.

    Raises
    ------
    EmbedlensError
        If it is not built.
    """
    return _read("viewer.js")


def read_check_script() -> str:
    """Return the script of the page that a check writes, an ES module.

    Raises
    ------
    EmbedlensError
        If it is not built.
    """
    return _read("check.js")


def read_index() -> str:
    """Return the page of the served viewer.

    Raises
    ------
    EmbedlensError
        If it is not built.
    """
    return _read("index.html")


def _read(name: str) -> str:
    try:
        return (STATIC / name).read_text(encoding="utf-8")
    except OSError:
        raise EmbedlensError(
            f"The viewer is not built: {STATIC} has no {name}. Run `npm ci && npm run build` in "
            "viewer/, or install a released embedlens."
        ) from None


def script_hashes(page: str) -> list[str]:
    """Return what a Content-Security-Policy calls each script that a page holds within itself."""
    scripts = re.findall(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", page, flags=re.DOTALL)
    return [script_hash(script) for script in scripts]


def script_hash(script: str) -> str:
    """Return what a Content-Security-Policy calls a script within a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
