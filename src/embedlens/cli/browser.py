"""Opening a page in the user's browser, where there is one to see it."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path


def open_page(path: Path) -> None:
    """Open a file in the browser, unless nobody would see it."""
    if has_display(os.environ, sys.platform, sys.stdout.isatty()):
        webbrowser.open(path.resolve().as_uri())


def has_display(environment: Mapping[str, str], platform: str, terminal: bool) -> bool:
    """Whether a browser that opens now would be seen by who started this.

    Parameters
    ----------
    environment : mapping of str to str
        Of this process.
    platform : str
        ``sys.platform``.
    terminal : bool
        Whether the output is a terminal; a pipe or a file means that nobody looks.

    Examples
    --------
    >>> has_display({"DISPLAY": ":0"}, "linux", True), has_display({}, "linux", True)
    (True, False)
    """
    if not terminal or "CI" in environment:
        return False
    if platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in environment
    # Without either, Python may start a browser of the terminal, which would take it over.
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
