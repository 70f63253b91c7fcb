"""What was found wrong with one picture or class of an image set."""

from __future__ import annotations

from dataclasses import dataclass

# unreadable    the bytes are no picture, or a broken, encrypted or absurdly large one
# missing       a table names a file that is not there, or gives no label
# outside       a link out of the folder, or a zip member that climbs out of the zip
# loose         a picture that lies in no class folder
# duplicate     the same bytes as an earlier picture of its class
# leak          the same bytes as a picture in a later split
# two labels    the same bytes under another label
# other labels  the same bytes with other labels, where a picture has several
# small class   a class of fewer than three pictures, which cannot be in all three splits
# passed over   a folder that was not looked into
# layout        what the folders were taken for, where their names leave a doubt
# split         splits that the source gives and that are not used
# class names   names of classes that were read as one, or look like one, or like none
# group         pictures without a group, where groups were asked for
# time          pictures that a split by time trains on though they are of later
# levels        black and white of pictures that do not say them
KINDS = (
    "unreadable",
    "missing",
    "outside",
    "loose",
    "duplicate",
    "leak",
    "two labels",
    "other labels",
    "small class",
    "passed over",
    "layout",
    "split",
    "class names",
    "group",
    "time",
    "levels",
)
# Those that are of the whole set, and say how it was read.
NOTES = ("passed over", "layout", "split", "class names", "group", "time", "levels")


@dataclass(frozen=True, order=True)
class Problem:
    """One thing found wrong, which did not stop the reading.

    Attributes
    ----------
    path : str
        The picture, as in `ImageSet.paths`; the class, folder or table where it is of one.
    kind : str
        One of `KINDS`.
    reason : str
        What is wrong, in a few words.
    kept : bool
        Whether the picture is in the image set all the same.
    """

    path: str
    kind: str
    reason: str
    kept: bool
