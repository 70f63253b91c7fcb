"""A study: plans, runs and resumes the embedding and judging of many backbones on one image set.

It holds the results as tidy tables; how they are shown is ``embedlens.report``.
"""

from embedlens.study.results import Results, read_results
from embedlens.study.settings import PRESETS, Settings
from embedlens.study.single import map_features, score_features
from embedlens.study.study import Study
from embedlens.study.tuning import Progress
from embedlens.study.verdict import Standing, Verdict, judge

__all__ = [
    "PRESETS",
    "Progress",
    "Results",
    "Settings",
    "Standing",
    "Study",
    "Verdict",
    "judge",
    "map_features",
    "read_results",
    "score_features",
]
