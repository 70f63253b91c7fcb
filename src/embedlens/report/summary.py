"""A study on one page of text, to be pasted into a mail."""

from __future__ import annotations

from embedlens import __version__
from embedlens.report.sections.material import Material
from embedlens.results import (
    further_sentences,
    given_weights_sentence,
    judge_classes,
    judge_learned_maps,
    judge_tuning,
    learned_map_sentence,
    tuning_sentence,
)
from embedlens.results.samples import map_sample, sample_sentence

SUMMARY = "summary.md"
"""The study on one page of text, beside the report."""


def summarise(material: Material) -> str:
    """Return the verdict, what it stands on, what is confused and what more labels give.

    Plain text that is Markdown as well: a heading, and a paragraph a line.
    """
    verdict, results = material.verdict, material.results
    classes = judge_classes(results, material.best, verdict.head)
    named, share = material.guess
    cost = verdict.take.cost
    tuned = [each for each in judge_tuning(results) if each.backbone == material.best]
    told = [
        verdict.sentence(),
        given_weights_sentence(results),
        verdict.explanation(),
        f"Cost: {cost.milliseconds:.1f} ms a picture, computed on the study's machine."
        if cost else "",
        f"Naming {named} for every picture would be right for {share:.1%}.",
        "" if verdict.coverage.says_nothing else classes.sentence(),
        *further_sentences(results, material.best),
        tuning_sentence(tuple(tuned)),
        learned_map_sentence(judge_learned_maps(results)),
        " ".join(filter(None, [sample_sentence(results), map_sample(results)])),
        results.whole.sentence() if results.whole else "",
        f"Of {material.pictures:,} pictures in {len(material.classes):,} classes, "
        f"{verdict.pictures:,} of them held out, over {verdict.repeats} "
        f"{'split' if verdict.repeats == 1 else 'splits'}; backbones: "
        f"{', '.join(each.backbone for each in verdict.standings)}. embedlens {__version__}.",
    ]  # fmt: skip
    heading = f"# {results.name}: {material.question}"
    return "\n\n".join([heading, *(each for each in told if each)]) + "\n"
