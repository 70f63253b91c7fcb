"""What is to be said of a study beside its verdict, in the order that people need it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from embedlens.metrics.learning_curve import LearningCurve
from embedlens.results.calibration import Calibration, calibration_sentence, judge_calibration
from embedlens.results.groups import groups_sentence, judge_groups
from embedlens.results.learning_curve import (
    best_with_few_labels,
    judge_learning_curves,
    learning_curve_sentence,
)
from embedlens.results.results import Results
from embedlens.results.retrieval import judge_retrieval, retrieval_sentence
from embedlens.results.zero_shot import judge_zero_shot, zero_shot_sentence


def further_sentences(results: Results, backbone: str) -> list[str]:
    """Say what groups or time changed, what more labels would give, how sure answers are, and
    what search finds.

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
    say = (
        groups_sentence, learning_curve_sentence, calibration_sentence, retrieval_sentence,
        zero_shot_sentence,
    )  # fmt: skip
    return [said for each in say if (said := each(results, backbone))]


def further_record(results: Results, backbone: str) -> dict[str, Any]:
    """Return the same for programs: numbers of every backbone, and the sentences.

    Parameters are those of `further_sentences`.
    """
    few = best_with_few_labels(results, backbone)
    return {
        "zero_shot": {
            "sentence": zero_shot_sentence(results, backbone),
            "backbones": [asdict(each) for each in judge_zero_shot(results)],
        },
        "groups": {
            "sentence": groups_sentence(results, backbone),
            "backbones": [
                {
                    "backbone": each.backbone,
                    "random_split": each.random,
                    "held": each.held,
                    "overstated": asdict(each.excess),
                }
                for each in judge_groups(results)
            ],
        },
        "labels": {
            **learning_curve_record(results, backbone),
            "few": None if few is None else asdict(few),
        },
        "calibration": {
            "sentence": calibration_sentence(results, backbone),
            "backbones": [_calibration_record(each) for each in judge_calibration(results)],
        },
        "retrieval": {
            "sentence": retrieval_sentence(results, backbone),
            "backbones": [each.record() for each in judge_retrieval(results)],
        },
    }


def learning_curve_record(results: Results, backbone: str) -> dict[str, Any]:
    """Return the learning curve of every backbone, and what is said of one."""
    of = "accuracy" if results.label_sets is None else "mean_average_precision"
    return {
        "sentence": learning_curve_sentence(results, backbone),
        "backbones": {
            name: _curve_record(curve, of) for name, curve in judge_learning_curves(results).items()
        },
    }


def _curve_record(curve: LearningCurve, of: str) -> dict[str, Any]:
    labels = curve.labels.tolist()
    return {
        "labels": labels,
        of: [asdict(each) for each in curve.intervals],
        "law": None if curve.law is None else asdict(curve.law),
        "twice": None if curve.law is None else asdict(curve.expect(2 * labels[-1])),
        "gain": None if curve.law is None else asdict(curve.gain(2 * labels[-1])),
    }


def _calibration_record(each: Calibration) -> dict[str, Any]:
    return {
        "backbone": each.backbone,
        "temperature": each.temperature,
        "error_before": each.before.error,
        "error": each.after.error,
        "error_by_chance": each.by_chance,
        "sets_hold": asdict(each.held),
        "set_size": each.size,
        "empty_sets": each.empty,
    }
