"""The pictures that are judged by their features, and what is known of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlens.curation.neighborhood import Neighborhood
from embedlens.images import ImageSet
from embedlens.images.copy_groups import CopyGroups
from embedlens.images.grouping import united


@dataclass(frozen=True)
class Judged:
    """Pictures, or a sample of them, with features.

    Attributes
    ----------
    rows : ndarray of shape (m,), int64
        Which of all pictures they are.
    images : ImageSet
        These pictures.
    features : ndarray of shape (m, d)
        Theirs.
    near : Neighborhood
        Who is near whom among them.
    copies : CopyGroups
        What is a copy of what among them.
    """

    rows: NDArray[np.int64]
    images: ImageSet
    features: NDArray[np.floating]
    near: Neighborhood
    copies: CopyGroups

    @property
    def groups(self) -> list[str]:
        """Groups of pictures that must not tell of each other: copies, and those given."""
        return united(self.copies.names, self.images.given_groups.tolist())
