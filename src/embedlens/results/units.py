"""What counts as one in an interval: a picture, or a group of pictures that go together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def units_of(pictures: pd.DataFrame) -> NDArray[np.int64]:
    """Number the units that pictures are of.

    A group is what no split parts: copies of one picture, and the pictures of one patient where the
    study was told of patients. They are right or wrong together. Most groups are one picture, which
    is one in however many splits it is tested.

    Parameters
    ----------
    pictures : DataFrame
        ``Results.pictures``.

    Returns
    -------
    ndarray of shape (pictures,), int64
        A number for each row.

    Examples
    --------
    >>> units_of(pd.DataFrame({"group": ["a", "b", "a"]})).tolist()
    [0, 1, 0]
    >>> units_of(pd.DataFrame({"label": ["a", "b", "a"]})).tolist()
    [0, 1, 2]
    """
    if "group" not in pictures:  # as in a study of 0.1.0
        return np.arange(len(pictures))
    names = pictures["group"].to_numpy(str)
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
