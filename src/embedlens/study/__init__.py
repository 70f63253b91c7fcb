"""A study: plans, runs and resumes the embedding and judging of many backbones on one image set.

It holds the results as tidy tables; how they are shown is ``embedlens.report``.
"""

from embedlens.study.class_coverage import ClassCoverage, class_coverage
from embedlens.study.correlation import (
    Correlation,
    correlate,
    correlation_sentence,
    correlations,
    reduced_features,
)
from embedlens.study.learned_map import LearnedMap, judge_learned_maps, learned_map_sentence
from embedlens.study.results import Results, read_results
from embedlens.study.settings import PRESETS, Settings
from embedlens.study.single import held_out_silhouette, map_features, score_features
from embedlens.study.study import Study
from embedlens.study.tuning import Progress
from embedlens.study.tuning_verdict import Change, judge_tuning, tuning_sentence
from embedlens.study.verdict import Standing, Verdict, judge

__all__ = [
    "PRESETS",
    "Change",
    "ClassCoverage",
    "Correlation",
    "LearnedMap",
    "Progress",
    "Results",
    "Settings",
    "Standing",
    "Study",
    "Verdict",
    "class_coverage",
    "correlate",
    "correlation_sentence",
    "correlations",
    "held_out_silhouette",
    "judge",
    "judge_learned_maps",
    "judge_tuning",
    "learned_map_sentence",
    "map_features",
    "read_results",
    "reduced_features",
    "score_features",
    "tuning_sentence",
]
