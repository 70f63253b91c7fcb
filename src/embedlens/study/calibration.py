"""How sure a linear probe says it is of test pictures, and what classes it would not rule out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlens.images import ImageSet
from embedlens.learn import LinearProbe
from embedlens.learn.out_of_fold import FEW, out_of_enough_folds, out_of_fold_anew
from embedlens.learn.softmax_regression import Coordinates
from embedlens.metrics.calibration import (
    at_temperature,
    conformal_sets,
    conformal_threshold,
    temperature,
)
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.vocabulary import CALIBRATED_COVERAGE, LINEAR_PROBE

_LEAST = 1e-30  # a share that rounds to 0 has no logarithm

# Of so many pictures, the share that a set of 90% holds has a standard error of 0.7 points.
_ENOUGH = 2_000


def calibrate(
    among: Coordinates,
    split: ImageSet,
    repeat: int,
    probe: LinearProbe,
    shares: NDArray[np.floating[Any]],
) -> Measurements:
    """Calibrate a probe, and say how sure it then is of each test picture.

    The probe was trained on training and validation pictures together, so that none of them is new
    to it. Temperature and threshold are therefore those of probes of the same strength that are
    each trained on four fifths of these pictures and asked of the rest, until 2,000 pictures or all
    have been. On a few hundred pictures of classes that lie far apart, validation pictures asked of
    a probe of the training pictures gave sets that held the class of 75 to 97% of new pictures
    instead of 90%; these gave 90 to 92%. Of 1,000 pictures or fewer the temperature is that of
    probes that each choose their strength: see `embedlens.learn.out_of_fold.out_of_fold_anew`.
    Sets by these would be of probes less and more sure than the one they are for.

    Parameters
    ----------
    among : Coordinates
        Features of all pictures, or points with the same distances; the probe was fitted among
        them.
    split : ImageSet
        The pictures as this repeat splits them.
    repeat : int
        Which one.
    probe : LinearProbe
        Trained on training and validation pictures.
    shares : ndarray of shape (test pictures, classes)
        What it gives the test pictures.
    """
    known, test = split.where(["train", "validation"]), split.where("test")
    codes = np.searchsorted(probe.classes_, split.labels[known])
    own, groups = among.part(known), split.groups[known].tolist()
    asked, found = out_of_enough_folds(
        own, codes, groups, enough=_ENOUGH, strength=probe.strength_, start=probe.solution_
    )
    apart = _log(found)
    if len(known) <= FEW:
        degree = temperature(_log(out_of_fold_anew(own, codes, groups)), codes)
    else:
        degree = temperature(apart, codes[asked])
    calm = at_temperature(apart, degree)
    threshold = conformal_threshold(calm, codes[asked], CALIBRATED_COVERAGE)
    calibrated = at_temperature(_log(shares), degree)
    sets = conformal_sets(calibrated, threshold)
    holds = probe.classes_ == split.labels[test][:, None]
    rows = pd.DataFrame(
        {
            "head": LINEAR_PROBE.key,
            "repeat": repeat,
            "picture": test,
            "right": holds[np.arange(len(test)), shares.argmax(axis=1)],
            "confidence": shares.max(axis=1),
            "calibrated": calibrated.max(axis=1),
            "in_set": (sets & holds).any(axis=1),
            "set_size": sets.sum(axis=1),
        }
    )
    measure = Measure(f"{LINEAR_PROBE.key}.temperature", degree, "validation", repeat)
    return Measurements((measure,), calibrations=(rows,))


def _log(shares: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    logarithms: NDArray[np.float64] = np.log(np.maximum(shares, _LEAST, dtype=np.float64))
    return logarithms
