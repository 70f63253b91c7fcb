"""Image sets: reading labelled pictures from wherever they are, decoding them, splitting them.

Nothing here knows of networks or features.
"""

from __future__ import annotations

from embedlens.images.decode import ImageError, Probe, decode, probe
from embedlens.images.image_set import ImageSet
from embedlens.images.location import open_source, resolved
from embedlens.images.problem import KINDS, Problem
from embedlens.images.source import FolderSource, Source, ZipSource
from embedlens.images.split import Splits, stratified_split

__all__ = [
    "KINDS",
    "FolderSource",
    "ImageError",
    "ImageSet",
    "Probe",
    "Problem",
    "Source",
    "Splits",
    "ZipSource",
    "decode",
    "open_source",
    "probe",
    "resolved",
    "stratified_split",
]
