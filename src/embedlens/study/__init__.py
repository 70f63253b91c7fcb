"""A study: plans, runs and resumes the embedding and judging of many backbones on one image set.

What a study is when it has been run, its folder, tables and verdict, is ``embedlens.results``.
"""

from embedlens.study.from_file import held_out_silhouette, map_features, score_features
from embedlens.study.labelling import is_study, label_pictures, label_study
from embedlens.study.maps import register_map
from embedlens.study.scores import register_score
from embedlens.study.search import search_study
from embedlens.study.step_progress import StepProgress
from embedlens.study.study import Study
from embedlens.study.time_left import TimeLeft

__all__ = [
    "StepProgress",
    "Study",
    "TimeLeft",
    "held_out_silhouette",
    "is_study",
    "label_pictures",
    "label_study",
    "map_features",
    "register_map",
    "register_score",
    "score_features",
    "search_study",
]
