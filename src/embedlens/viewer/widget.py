"""The viewer in a notebook."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from embedlens.errors import EmbedlensError
from embedlens.given_path import given_path
from embedlens.results.results import results_of_any
from embedlens.viewer.arrays import arrays_scene
from embedlens.viewer.bundle import read_bundle
from embedlens.viewer.scene import Scene
from embedlens.viewer.whole_scene import whole_study_scene


def view(
    coordinates: ArrayLike | Mapping[str, ArrayLike],
    labels: ArrayLike | None = None,
    images: Sequence[Any] | None = None,
    *,
    features: ArrayLike | None = None,
    paths: Sequence[str] | None = None,
    columns: Mapping[str, ArrayLike] | pd.DataFrame | None = None,
    title: str = "map",
    height: int = 640,
) -> Any:
    """Show coordinates in a notebook; ``.selection`` of the result is what is selected.

    Parameters
    ----------
    coordinates, labels, images, features, paths, columns, title
        As for `arrays_scene`.
    height : int, default 640
        Pixels.

    Returns
    -------
    anywidget.AnyWidget
        Its ``selection`` is a list of rows, and may be set.

    Raises
    ------
    EmbedlensError
        If anywidget is not installed, or the arrays do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> widget = view(np.random.default_rng(0).normal(size=(5, 3)), list("aabbb"))
    >>> widget.selection = [0, 2]
    >>> widget.selection
    [0, 2]
    """
    scene = arrays_scene(
        coordinates, labels, images, features=features, paths=paths, columns=columns, title=title
    )
    return scene_widget(scene, height)


def view_study(folder: Path, height: int = 640) -> Any:
    """Show a study in a notebook; see `view`.

    Parameters
    ----------
    folder : Path
        The study folder.
    height : int, default 640
        Pixels.

    Raises
    ------
    EmbedlensError
        If anywidget is not installed, it is no study folder, or its study did not run to the end.
    """
    folder = given_path(folder)
    return scene_widget(whole_study_scene(folder, results_of_any(folder)), height)


def scene_widget(scene: Scene, height: int = 640) -> Any:
    """Return a scene as a widget, all its blobs made now."""
    try:
        anywidget, traitlets = map(importlib.import_module, ("anywidget", "traitlets"))
    except ImportError:
        raise EmbedlensError(
            'The notebook viewer needs anywidget: pip install "embedlens[notebook]". Without it, '
            "`embedlens view STUDY` shows a study in the browser."
        ) from None

    class SceneWidget(anywidget.AnyWidget):  # type: ignore[misc, name-defined]
        """The viewer of one scene."""

        _esm = read_bundle()
        scene = traitlets.Dict().tag(sync=True)
        blobs = traitlets.Dict().tag(sync=True)
        selection = traitlets.List(traitlets.Int()).tag(sync=True)
        height = traitlets.Int(640).tag(sync=True)

    return SceneWidget(
        scene=scene.manifest(),
        blobs={name: bytes(scene.blob(name)) for name in scene.blobs},
        height=height,
    )
