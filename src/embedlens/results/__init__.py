"""What a study is, apart from what runs it: its folder, its measurements, its verdict.

Nothing here trains: those who only read (report, viewer) import this and not ``embedlens.study``.
"""

from embedlens.results.calibration import (
    Calibration,
    calibration_sentence,
    judge_calibration,
)
from embedlens.results.class_coverage import ClassCoverage, class_coverage
from embedlens.results.class_verdict import ClassVerdict, Confusion, judge_classes
from embedlens.results.correlation import (
    Correlation,
    correlate,
    correlation_sentence,
    correlations,
    reduced_features,
)
from embedlens.results.cost import Cost, costs_of
from embedlens.results.folder import StudyFolder
from embedlens.results.further import (
    further_record,
    further_sentences,
    learning_curve_record,
)
from embedlens.results.given_weights import given_weights_sentence
from embedlens.results.groups import Overstatement, groups_sentence, judge_groups
from embedlens.results.judged_labels import LeftOut
from embedlens.results.label_verdict import (
    LabelPrecision,
    LabelStanding,
    LabelVerdict,
    judge_labels,
)
from embedlens.results.learned_map import LearnedMap, judge_learned_maps, learned_map_sentence
from embedlens.results.learning_curve import (
    FewLabels,
    best_with_few_labels,
    gain_of_all,
    judge_learning_curves,
    learning_curve_sentence,
)
from embedlens.results.measurements import Measure, Measurements
from embedlens.results.results import Results, read_results, results_of_any
from embedlens.results.retrieval import Retrieval, judge_retrieval, retrieval_sentence
from embedlens.results.settings import PRESETS, Settings
from embedlens.results.tuning_verdict import Change, judge_tuning, tuning_sentence
from embedlens.results.verdict import Standing, Verdict, judge
from embedlens.results.vocabulary import HEADS, MAPS, SCORES, STAGES, Head, Score, Space, Stage
from embedlens.results.zero_shot import ZeroShot, judge_zero_shot, zero_shot_sentence

__all__ = [
    "HEADS",
    "MAPS",
    "PRESETS",
    "SCORES",
    "STAGES",
    "Calibration",
    "Change",
    "ClassCoverage",
    "ClassVerdict",
    "Confusion",
    "Correlation",
    "Cost",
    "FewLabels",
    "Head",
    "LabelPrecision",
    "LabelStanding",
    "LabelVerdict",
    "LearnedMap",
    "LeftOut",
    "Measure",
    "Measurements",
    "Overstatement",
    "Results",
    "Retrieval",
    "Score",
    "Settings",
    "Space",
    "Stage",
    "Standing",
    "StudyFolder",
    "Verdict",
    "ZeroShot",
    "best_with_few_labels",
    "calibration_sentence",
    "class_coverage",
    "correlate",
    "correlation_sentence",
    "correlations",
    "costs_of",
    "further_record",
    "further_sentences",
    "gain_of_all",
    "given_weights_sentence",
    "groups_sentence",
    "judge",
    "judge_calibration",
    "judge_classes",
    "judge_groups",
    "judge_labels",
    "judge_learned_maps",
    "judge_learning_curves",
    "judge_retrieval",
    "judge_tuning",
    "judge_zero_shot",
    "learned_map_sentence",
    "learning_curve_record",
    "learning_curve_sentence",
    "read_results",
    "reduced_features",
    "results_of_any",
    "retrieval_sentence",
    "tuning_sentence",
    "zero_shot_sentence",
]
