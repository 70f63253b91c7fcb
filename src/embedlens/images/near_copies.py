"""Candidates for copies: pictures whose perceptual hashes are near each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from embedlens.images.perceptual_hash import NO_HASH

# Of 64 bits. Measured on 1,420 photographs: of copies in half or twice the size, in grey, as PNG or
# as JPEG of quality 50, 98 to 100 of 100 differ in at most 4 bits. So do different pictures of one
# background or in one frame, which is why candidates are compared directly.
RADIUS = 4
_BITS = 13  # of each of five parts


def near_copies(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Return pairs of pictures whose perceptual hashes differ in at most `RADIUS` bits.

    Two such hashes agree in at least one of five parts of 13 bits, so that only pictures that
    share a part are compared: exact, and for 100,000 pictures a matter of a second.

    Parameters
    ----------
    hashes : ndarray of shape (n,), uint64
        0 where there is none.

    Returns
    -------
    ndarray of shape (pairs, 2), int64
        Rows, the lower first; enough of them to link each picture with all that are near it:
        pictures of one and the same hash are linked in a row, not each with each.
    """
    known = np.flatnonzero(hashes != NO_HASH)
    values, first, inverse = np.unique(hashes[known], return_index=True, return_inverse=True)
    row_of = known[first]
    same = np.flatnonzero(row_of[inverse] != known)
    found = [np.stack([row_of[inverse[same]], known[same]], axis=1)]
    for band in range(RADIUS + 1):
        part = (values >> np.uint64(_BITS * band)) & np.uint64(2**_BITS - 1)
        order = np.argsort(part, kind="stable")
        starts = np.flatnonzero(np.diff(part[order], prepend=-1.0))
        for bucket in np.split(order, starts[1:]):
            for i, one in enumerate(bucket[:-1]):
                others = bucket[i + 1 :]
                near = others[np.bitwise_count(values[others] ^ values[one]) <= RADIUS]
                found.append(np.stack([np.full(len(near), row_of[one]), row_of[near]], axis=1))
    return np.unique(np.sort(np.concatenate(found), axis=1), axis=0).astype(np.int64)
