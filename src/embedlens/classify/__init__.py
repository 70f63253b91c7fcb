"""Classifiers: what a study ends in, ready for new pictures."""

from embedlens.classify.classifier import Answers, Classifier, Expected
from embedlens.classify.export import export_classifier
from embedlens.classify.heads import HEADS, LinearHead, NeighborsHead
from embedlens.classify.of_study import classifier_of, open_classifier
from embedlens.classify.prediction import Predicted, predict
from embedlens.classify.training import Trained, train
from embedlens.classify.unknown import Unknown

__all__ = [
    "HEADS",
    "Answers",
    "Classifier",
    "Expected",
    "LinearHead",
    "NeighborsHead",
    "Predicted",
    "Trained",
    "Unknown",
    "classifier_of",
    "export_classifier",
    "open_classifier",
    "predict",
    "train",
]
