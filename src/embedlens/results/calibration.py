"""How far each backbone's confidences can be believed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from embedlens.metrics.calibration import Reliability, reliability
from embedlens.metrics.proportion import Interval, proportion_interval
from embedlens.results.results import Results, rows_by_backbone
from embedlens.results.units import units_of
from embedlens.results.vocabulary import CALIBRATED_COVERAGE

_MOST_BINS = 15
_PER_BIN = 30  # of fewer pictures the share that is right says little


@dataclass(frozen=True)
class Calibration:
    """How sure a linear probe says it is of test pictures, and how often it is right.

    Attributes
    ----------
    backbone : str
        Its name.
    temperature : float
        Mean over splits; below 1 the probe was not sure enough, above 1 too sure.
    before, after : Reliability
        Of the confidences as they were, and at that temperature.
    by_chance : float
        The calibration error that true confidences would show with as many pictures.
    held : Interval
        Share of test pictures whose conformal set holds their class.
    size : float
        Classes in a set, mean.
    empty : float
        Share of sets of no class.
    """

    backbone: str
    temperature: float
    before: Reliability
    after: Reliability
    by_chance: float
    held: Interval
    size: float
    empty: float

    def words(self) -> str:
        """Say what its confidences and its sets are worth."""
        empty = f" ({self.empty:.0%} of them none)" if self.empty >= 0.005 else ""
        return (
            f"The confidence of a linear probe on {self.backbone} is off by "
            f"{100 * self.after.error:.1f} points on average at temperature {self.temperature:.2f} "
            f"({100 * self.before.error:.1f} as it comes; {100 * self.by_chance:.1f} is chance). "
            f"Sets that are to hold the class of {CALIBRATED_COVERAGE:.0%} of new pictures held "
            f"{self.held.estimate:.1%} ({self.held.low:.1%} to {self.held.high:.1%}) and name "
            f"{self.size:.2f} classes on average{empty}."
        )


def judge_calibration(results: Results) -> tuple[Calibration, ...]:
    """Compare confidences and sets with the classes of test pictures, of all splits together.

    Parameters
    ----------
    results : Results
        Of a study.

    Returns
    -------
    tuple of Calibration
        In the order of the study; empty for a study of an earlier version.
    """
    rows = rows_by_backbone(results, results.calibrations)
    return tuple(_of(results, name, own) for name, own in rows.items())


def _of(results: Results, backbone: str, rows: pd.DataFrame) -> Calibration:
    right = rows["right"].to_numpy(bool)
    units = units_of(results.pictures)[rows["picture"]]
    by_unit = rows["in_set"].astype(float).groupby(units).agg(["sum", "size"])
    bins = int(np.clip(rows["picture"].nunique() // _PER_BIN, 1, _MOST_BINS))
    before, after = (
        reliability(rows[each].to_numpy(float), right, bins)
        for each in ("confidence", "calibrated")
    )
    # A picture that is tested in several splits is one: chance is that of so many.
    often = float(np.sqrt(len(rows) / rows["picture"].nunique()))
    sizes = rows["set_size"].to_numpy(float)
    return Calibration(
        backbone,
        float(results.mean("linear_probe.temperature", "validation")[backbone]),
        before,
        after,
        after.by_chance * often,
        proportion_interval(by_unit["sum"], by_unit["size"]),
        float(sizes.mean()),
        float((sizes == 0).mean()),
    )


def calibration_sentence(results: Results, backbone: str) -> str:
    """Say how far the confidences of a backbone can be believed; empty where it is not known."""
    found = {each.backbone: each for each in judge_calibration(results)}
    return found[backbone].words() if backbone in found else ""
