"""Which backbone to take: all that a reader of one screen must know."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from embedlens.curation.finding import KINDS
from embedlens.report.confused import find_confused
from embedlens.report.next_steps import next_steps, place
from embedlens.report.sections.material import Material
from embedlens.report.sections.section import TEMPLATES, Section
from embedlens.results import (
    given_weights_sentence,
    groups_sentence,
    judge_classes,
    judge_learned_maps,
    judge_tuning,
    learned_map_sentence,
    tuning_sentence,
)

_PAIRS = 3
_PICTURES = 4  # of a pair

# What makes the figure of the verdict doubtful, not only the pictures.
_GRAVE = ("leak", "groups", "file facts", "two labels")


class VerdictSection(Section):
    """The decision, what it costs, what it confuses, and what to do next."""

    key = "verdict"
    title = link = "Verdict"
    template = TEMPLATES / "verdict.html"
    folded = False
    early = True

    def context(self, material: Material) -> dict[str, Any]:
        """Return what is to be said beside the verdict, the confusions, and the next steps."""
        says_nothing = material.verdict.coverage.says_nothing
        tuned = [each for each in judge_tuning(material.results) if each.backbone == material.best]
        return {
            "confused": [] if says_nothing else _confused(material),
            "given_weights": given_weights_sentence(material.results),
            "mistakes": judge_classes(
                material.results, material.best, material.verdict.head
            ).mistakes,
            "groups": groups_sentence(material.results, material.best),
            "tuning": tuning_sentence(tuple(tuned)),
            "failed_maps": learned_map_sentence(judge_learned_maps(material.results)),
            "grave": _grave(material),
            "guess": material.guess,
            "place": place(material),
            "steps": next_steps(material),
        }


def _confused(material: Material) -> list[dict[str, Any]]:
    """Return the pairs of classes with thumbnails, as many of each direction as there is room."""
    pairs = find_confused(material.results, material.best, material.verdict.head, _PAIRS)
    shown = [
        (pair, [(way, way.rows[: _PICTURES // len(pair.directions)]) for way in pair.directions])
        for pair in pairs
    ]
    rows = [row for _, ways in shown for _, own in ways for row in own]
    made = material.thumbnails.make(list(dict.fromkeys(rows)))
    paths = material.results.pictures["path"].map(str).map(material.short)
    return [
        {
            "confusion": pair.confusion,
            "ways": [
                {
                    **asdict(way),
                    "thumbnails": [(made[row], paths[row]) for row in own if row in made],
                }
                for way, own in ways
            ],
        }
        for pair, ways in shown
    ]


def _grave(material: Material) -> list[tuple[str, int]]:
    """Return title and number of the findings that make the figure itself doubtful."""
    findings = material.results.findings
    if findings is None:
        return []
    counts = findings["kind"].value_counts()
    return [(KINDS[kind], int(counts[kind])) for kind in _GRAVE if kind in counts]
