"""What the page of a check needs for decisions on its findings: the image set, and a script."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from embedlens.errors import EmbedlensError
from embedlens.files import content_key
from embedlens.images import ImageSet
from embedlens.report.viewer_block import MAX_PICTURES, in_script, packed
from embedlens.viewer import Scene
from embedlens.viewer.bundle import read_check_script, script_hash
from embedlens.viewer.labels import columns_of


@dataclass(frozen=True)
class DecisionBlock:
    """What the page holds.

    Attributes
    ----------
    scene : str
        JSON that may stand in a script element: the image set as the viewer's scene, with classes
        and the table that decisions change, and no map.
    blobs : mapping of str to str
        Base64 of gzip, by name.
    script : str
        The page's one script.
    key : str
        Names the pictures and their labels: decisions that a browser kept are of these alone.
    """

    scene: str
    blobs: Mapping[str, str]
    script: str
    key: str

    @property
    def policy(self) -> str:
        """The page's Content-Security-Policy: this script, and nothing from any other place."""
        return (
            f"default-src 'none'; script-src {script_hash(self.script)}; "
            "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
        )


def decision_block(images: ImageSet, folder: Path) -> DecisionBlock | None:
    """Return what lets a page in a folder decide on pictures of an image set.

    Parameters
    ----------
    images : ImageSet
        The pictures.
    folder : Path
        Where the page lies, and the table that comes of it.

    Returns
    -------
    DecisionBlock or None
        None where no table can point at the pictures, there are more than `MAX_PICTURES`, or the
        script is not built.
    """
    if len(images) > MAX_PICTURES:
        return None
    try:
        columns, script = columns_of(images, folder), read_check_script()
    except EmbedlensError:
        return None
    scene = Scene(folder.name, len(images), images.classes)
    scene.add_category("class", "class", images.codes, images.classes, role="class")
    scene.add_table(columns)
    return DecisionBlock(
        scene=in_script(json.dumps(scene.manifest(), separators=(",", ":"))),
        blobs={name: packed(scene.blob(name)) for name in scene.blobs},
        script=script,
        key=content_key([images.labels.tolist(), columns]),
    )
