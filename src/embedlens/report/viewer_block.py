"""The viewer inside the page: its scene, its data and its script, all inline."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from embedlens.results import Results
from embedlens.viewer import Scene
from embedlens.viewer.bundle import is_built, read_bundle, script_hash
from embedlens.viewer.whole_scene import rounded, whole_study_scene

MAX_PICTURES = 200_000
"""Of more pictures it is not tried."""

MAX_BYTES = 10_000_000
"""What the scene may take in the page, so that a report stays below 15 MB."""

_LOADER = Path(__file__).parent / "templates" / "viewer_loader.js"


@dataclass(frozen=True)
class ViewerBlock:
    """What the page holds for the viewer.

    Attributes
    ----------
    scene : str
        The manifest, as JSON that may stand in a script element.
    blobs : mapping of str to str
        Base64 of gzip, by name.
    bundle : str
        The viewer's module, likewise.
    loader : str
        The page's one script: it starts the viewer when it comes near the window.
    maps : int
        How many maps the scene has.
    """

    scene: str
    blobs: Mapping[str, str]
    bundle: str
    loader: str
    maps: int

    @property
    def policy(self) -> str:
        """The page's Content-Security-Policy: this script, and nothing from any other place."""
        return (
            f"default-src 'none'; script-src {script_hash(self.loader)} blob:; worker-src blob:; "
            "style-src 'unsafe-inline'; img-src data: blob:; connect-src data: blob:; "
            "base-uri 'none'; form-action 'none'"
        )


def viewer_block(folder: Path, results: Results) -> ViewerBlock | None:
    """Return the viewer of a study for its page.

    Parameters
    ----------
    folder : Path
        The study folder.
    results : Results
        What was read from it; the backbones in the order that they are offered.

    Returns
    -------
    ViewerBlock or None
        None where the scene takes more than `MAX_BYTES`, or the viewer is not built.
    """
    if not is_built() or int(results.pictures["kept"].sum()) > MAX_PICTURES:
        return None
    scene = whole_study_scene(folder, results)
    blobs = {name: packed(_short(scene, name)) for name in scene.blobs}
    if sum(map(len, blobs.values())) > MAX_BYTES:
        return None
    return ViewerBlock(
        scene=in_script(json.dumps(scene.manifest(), separators=(",", ":"))),
        blobs=blobs,
        bundle=packed(read_bundle().encode()),
        loader=_LOADER.read_text(encoding="utf-8"),
        maps=len(scene.maps),
    )


def in_script(text: str) -> str:
    """Return JSON without what could end the script element it stands in."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _short(scene: Scene, name: str) -> bytes | memoryview:
    """Return a blob; numbers that only colour points without the digits nobody sees."""
    content = scene.blob(name)
    if any(column.blob == name and column.kind == "number" for column in scene.columns):
        return rounded(np.frombuffer(content, np.float32)).tobytes()
    return content


def packed(content: bytes | memoryview) -> str:
    """Return bytes as text that may stand in a script element: base64 of gzip."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
