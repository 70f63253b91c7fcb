"""The 3-D viewer: scenes made of results or arrays, its built files, its server, the widget.

Its source (TypeScript) stands in ``viewer/`` at the root of the repository.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_NAMES = {
    "Scene": "scene",
    "Served": "application",
    "add_columns": "given_columns",
    "arrays_scene": "arrays",
    "serve": "server",
    "served_check": "server",
    "served_file": "server",
    "served_study": "server",
    "view": "widget",
    "view_study": "widget",
}

__all__ = [
    "Scene",
    "Served",
    "add_columns",
    "arrays_scene",
    "serve",
    "served_check",
    "served_file",
    "served_study",
    "view",
    "view_study",
]

if TYPE_CHECKING:
    from embedlens.viewer.application import Served
    from embedlens.viewer.arrays import arrays_scene
    from embedlens.viewer.given_columns import add_columns
    from embedlens.viewer.scene import Scene
    from embedlens.viewer.server import serve, served_check, served_file, served_study
    from embedlens.viewer.widget import view, view_study


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"embedlens.viewer.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'embedlens.viewer' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
