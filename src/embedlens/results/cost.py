"""What a backbone costs: computing a picture, measured with all backbones in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

COST_COLUMNS = ("backbone", "round", "milliseconds", "operations")


@dataclass(frozen=True)
class Cost:
    """What one picture costs one backbone, decoding apart.

    Attributes
    ----------
    milliseconds, low, high : float
        The median of the rounds, and their quartiles.
    rounds : tuple of float
        Milliseconds of each round; in each all backbones took their turn on the same pictures.
    operations : int or None
        Multiply-adds of the network; None where they cannot be counted.
    """

    milliseconds: float
    low: float
    high: float
    rounds: tuple[float, ...]
    operations: int | None

    def over(self, other: Cost) -> float:
        """Return how many times the other's cost this is.

        It is the median over rounds, so that what slows the machine for a while slows both.
        """
        return float(np.median(np.divide(self.rounds, other.rounds)))


def costs_of(table: pd.DataFrame | None) -> dict[str, Cost]:
    """Return what each backbone costs.

    Parameters
    ----------
    table : DataFrame or None
        ``Results.costs``: a row a backbone and round, columns `COST_COLUMNS`. None where nothing
        was measured.
    """
    found: dict[str, Cost] = {}
    for name, rows in [] if table is None else table.groupby("backbone", sort=False):
        took = rows.sort_values("round")["milliseconds"].to_numpy(float)
        low, middle, high = map(float, np.quantile(took, (0.25, 0.5, 0.75)))
        count = rows["operations"].iloc[0]
        operations = None if pd.isna(count) else int(count)
        found[str(name)] = Cost(middle, low, high, tuple(took.tolist()), operations)
    return found
