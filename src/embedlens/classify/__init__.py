"""Classifiers: what a study ends in, ready for new pictures."""

from embedlens.classify.classifier import Answers, Classifier, Expected
from embedlens.classify.export import export_classifier
from embedlens.classify.heads import HEADS, LinearHead, NeighborsHead
from embedlens.classify.label_classifier import ExpectedLabels, LabelAnswers, LabelClassifier
from embedlens.classify.label_prediction import PredictedLabels
from embedlens.classify.label_training import TrainedLabels, train_labels
from embedlens.classify.of_study import classifier_of, open_classifier
from embedlens.classify.prediction import Predicted, predict
from embedlens.classify.training import Trained, train
from embedlens.classify.unknown import Unknown, UnknownByDistance

__all__ = [
    "HEADS",
    "Answers",
    "Classifier",
    "Expected",
    "ExpectedLabels",
    "LabelAnswers",
    "LabelClassifier",
    "LinearHead",
    "NeighborsHead",
    "Predicted",
    "PredictedLabels",
    "Trained",
    "TrainedLabels",
    "Unknown",
    "UnknownByDistance",
    "classifier_of",
    "export_classifier",
    "open_classifier",
    "predict",
    "train",
    "train_labels",
]
