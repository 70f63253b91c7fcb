"""The sections of the report of a study of several labels a picture, in the order of the page."""

from __future__ import annotations

import shlex
from typing import Any

from embedlens.report.next_steps import Step
from embedlens.report.sections.backbones import BackbonesSection
from embedlens.report.sections.check import CheckSection
from embedlens.report.sections.method import feature_words
from embedlens.report.sections.problems import ProblemsSection
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.report.sections.settings import SettingsSection
from embedlens.results import given_weights_sentence, learning_curve_sentence
from embedlens.results.shared_labels import shared_label_sentence


class LabelVerdictSection(Section):
    """The decision, and what it costs."""

    key = "verdict"
    title = link = "Verdict"
    template = TEMPLATES / "label_verdict.html"
    folded = False
    early = True

    def context(self, material: Any) -> dict[str, Any]:
        """Return what can be done next, with the study's name in each command."""
        study = shlex.quote(str(material.folder.path.resolve()))
        steps = [Step("Look at it in 3-D, by a label at a time", f"embedlens view {study}")]
        if material.verdict.take.pretrained:
            steps += [
                Step("Label new pictures", f"embedlens predict {study} NEW_PICTURES"),
                Step(
                    "Take the classifier elsewhere",
                    f"embedlens export {study} --to onnx --out model",
                ),
            ]
        steps += [
            Step("Find pictures like one", f"embedlens search {study} PICTURE"),
            Step(
                "Choose what to label next",
                f"embedlens label {study} --unlabelled MORE_PICTURES --out to-label",
            ),
        ]
        return {"steps": steps, "given_weights": given_weights_sentence(material.results)}


class LabelPrecisionSection(Section):
    """How well each label is found."""

    key = "labels"
    title = "How well is each label found?"
    link = "Labels"
    template = TEMPLATES / "label_precision.html"
    folded = False
    early = True


class LabelMapsSection(Section):
    """The viewer, where points are coloured by a label at a time."""

    key = "maps"
    title = "How does it look?"
    link = "Map"
    template = TEMPLATES / "label_maps.html"
    folded = False

    def context(self, material: Any) -> dict[str, Any]:
        """Return what the grey points are."""
        bare = material.results.unlabelled
        return {"unlabelled": bare.sentence() if bare else ""}


class MorePicturesSection(Section):
    """Learning curves, and what twice the pictures would give."""

    key = "more"
    title = "How many pictures more?"
    link = "More"
    template = TEMPLATES / "more_pictures.html"
    folded = False

    def applies(self, material: Any) -> bool:
        """Return whether there is a curve."""
        return material.figures.labels is not None

    def context(self, material: Any) -> dict[str, Any]:
        """Return the sentence of the backbone that is recommended."""
        return {"sentence": learning_curve_sentence(material.results, material.best)}


class MeanPrecisionSection(Section):
    """The table of backbones and heads."""

    key = "precision"
    title = "Mean average precision"
    link = "Precision"
    template = TEMPLATES / "mean_precision.html"
    early = True


class LabelRetrievalSection(Section):
    """What search by a picture finds that shares a label."""

    key = "retrieval"
    title = "Search by a picture"
    link = "Retrieval"
    template = TEMPLATES / "retrieval.html"
    early = True

    def applies(self, material: Any) -> bool:
        """Return whether it was measured."""
        return "retrieval" in material.tables

    def context(self, material: Any) -> dict[str, Any]:
        """Return the sentence of the backbone that is recommended."""
        return {"sentence": shared_label_sentence(material.results, material.best)}


class LabelMethodSection(Section):
    """How each number is computed, and what is left out."""

    key = "method"
    title = "How each number is computed"
    link = "Method"
    template = TEMPLATES / "label_method.html"

    def context(self, material: Any) -> dict[str, Any]:
        """Return what features are, of pictures made how."""
        return feature_words(material.results.backbones)


LABEL_SECTIONS: tuple[Section, ...] = (
    LabelVerdictSection(),
    LabelPrecisionSection(),
    LabelMapsSection(),
    CheckSection(),
    MorePicturesSection(),
    MeanPrecisionSection(),
    LabelRetrievalSection(),
    BackbonesSection(),
    ProblemsSection(),
    LabelMethodSection(),
    SettingsSection(),
)
