"""What is to be said of a study beside its verdict, in the order that people need it."""

from __future__ import annotations

from embedlens.results.calibration import calibration_sentence
from embedlens.results.groups import groups_sentence
from embedlens.results.learning_curve import learning_curve_sentence
from embedlens.results.results import Results


def further_sentences(results: Results, backbone: str) -> list[str]:
    """Say what groups or time changed, what more labels would give, and how sure answers are.

    Parameters
    ----------
    results : Results
        Of a study.
    backbone : str
        The one that the verdict recommends.

    Returns
    -------
    list of str
        Those that the study bears.
    """
    say = (groups_sentence, learning_curve_sentence, calibration_sentence)
    return [said for each in say if (said := each(results, backbone))]
