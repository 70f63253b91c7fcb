"""A study: plans, runs and resumes the embedding and judging of many backbones on one image set.

It holds the results as tidy tables; how they are shown is ``embedlens.report``.
"""

from embedlens.study.correlation import (
    Correlation,
    correlate,
    correlation_sentence,
    correlations,
    reduced_features,
)
from embedlens.study.results import Results, read_results
from embedlens.study.settings import PRESETS, Settings
from embedlens.study.single import held_out_silhouette, map_features, score_features
from embedlens.study.study import Study
from embedlens.study.tuning import Progress
from embedlens.study.verdict import (
    Change,
    Standing,
    Verdict,
    judge,
    judge_tuning,
    tuning_sentence,
)

__all__ = [
    "PRESETS",
    "Change",
    "Correlation",
    "Progress",
    "Results",
    "Settings",
    "Standing",
    "Study",
    "Verdict",
    "correlate",
    "correlation_sentence",
    "correlations",
    "held_out_silhouette",
    "judge",
    "judge_tuning",
    "map_features",
    "read_results",
    "reduced_features",
    "score_features",
    "tuning_sentence",
]
