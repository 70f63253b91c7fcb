"""Pictures on which there is nothing to see."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from PIL import Image

from embedlens.curation.finding import Finding
from embedlens.images import ImageSet
from embedlens.images.blank import blankness
from embedlens.images.likeness import looker
from embedlens.images.perceptual_hash import NO_HASH

_BLOCK = 1024


def describe_blanks(images: ImageSet) -> Iterator[Finding]:
    """Name pictures that are all but black, white or of one shade.

    Only pictures without a hash are looked at: reading gave none to blank and to tiny ones.
    """
    look = looker(partial(images.pixels, reduced=True))
    rows = np.flatnonzero(images.hashes == NO_HASH)
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK].tolist()
        for row, small in zip(some, look(some), strict=True):
            what = blankness(np.asarray(Image.fromarray(small).convert("L")))
            if what:
                yield Finding(
                    "blank",
                    str(images.paths[row]),
                    f"it is all but {what}",
                    "look whether the file is what it should be, and was read as it was meant",
                    str(images.labels[row]),
                    str(images.splits[row]),
                )
