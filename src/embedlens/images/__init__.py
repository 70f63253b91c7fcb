"""Image sets: reading labelled pictures from wherever they are, decoding them, splitting them.

Nothing here knows of networks or features.
"""

from __future__ import annotations

from embedlens.images.decode import ImageError, Probe, decode, probe
from embedlens.images.image_set import ImageSet
from embedlens.images.location import open_source, resolved
from embedlens.images.multilabel_set import MultilabelSet
from embedlens.images.problem import KINDS, NOTES, Problem
from embedlens.images.source import FolderSource, Source, ZipSource
from embedlens.images.split import SPLITS, complete_split, stratified_split
from embedlens.images.split_names import splits_of_rows
from embedlens.images.table import text_of

__all__ = [
    "KINDS",
    "NOTES",
    "SPLITS",
    "FolderSource",
    "ImageError",
    "ImageSet",
    "MultilabelSet",
    "Probe",
    "Problem",
    "Source",
    "ZipSource",
    "complete_split",
    "decode",
    "open_source",
    "probe",
    "resolved",
    "splits_of_rows",
    "stratified_split",
    "text_of",
]
