"""The steps that a study will come to, and a first guess of what each takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from embedlens.backbones import Backbone
from embedlens.images import ImageSet
from embedlens.results.cost import costs_of
from embedlens.results.folder import StudyFolder
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import MAPS
from embedlens.study.analysis import steps_of_heads, steps_of_spaces
from embedlens.study.cost import COST, costs_before
from embedlens.study.splits import repeats_of
from embedlens.study.time_left import PlannedStep

PREPARATION = "getting ready"
CHECK, LEARNING_CURVE, SCORES = "check of the pictures", "learning curve", "scores"

# Measured on two cores; only the first of a kind is guessed by them.
_SECONDS = 0.5  # of a step, however few the pictures
_MILLISECONDS = {  # a picture
    "distances": 0.5,
    "heads": 1.0,
    LEARNING_CURVE: 5.0,
    MAPS["pca"].title: 0.1,
    MAPS["tsne"].title: 2.5,
    MAPS["silhouette_projection"].title: 2.0,
    "silhouettes": 0.2,
    "distortion": 0.2,
    "heads on the maps": 1.0,
    SCORES: 2.0,
    CHECK: 4.0,
}
# A million parameters at 224 x 224 pixels: from MobileNetV4 to a vision transformer, 0.7 to 2.7.
_MILLISECONDS_OF_A_MILLION = 1.5
_PIXELS = 224 * 224


def plan_of(
    folder: StudyFolder, settings: Settings, backbones: Sequence[Backbone], images: ImageSet
) -> list[PlannedStep]:
    """Return the steps of a study in the order in which they come.

    Parameters
    ----------
    folder : StudyFolder
        Costs that an earlier run measured are the best guess of embedding.
    settings : Settings
        Of the study.
    backbones : sequence of Backbone
        Its backbones, by the names that they are told by.
    images : ImageSet
        Its pictures.
    """
    repeats = repeats_of(images, settings)
    spaces = steps_of_spaces(settings, repeats)
    return plan_of_steps(
        folder, settings, backbones, len(images),
        heads=[*steps_of_heads(repeats), LEARNING_CURVE],
        rest=[*spaces, SCORES] if settings.scores else spaces,
        trained=repeats if settings.top or settings.finetune else 0,
    )  # fmt: skip


def plan_of_steps(
    folder: StudyFolder,
    settings: Settings,
    backbones: Sequence[Backbone],
    pictures: int,
    *,
    heads: Sequence[str],
    rest: Sequence[str],
    trained: int = 0,
) -> list[PlannedStep]:
    """Return the steps of all backbones, and the check: embedding, heads of each, then the rest.

    Parameters
    ----------
    folder, settings, backbones
        As for `plan_of`.
    pictures : int
        How many.
    heads, rest : sequence of str
        Names of a backbone's steps before and after the verdict.
    trained : int, default 0
        Splits on which the top is trained.
    """
    scale = pictures / 1000
    known = {name: cost.milliseconds for name, cost in costs_of(costs_before(folder)).items()}

    def steps(prefix: str, names: Sequence[str]) -> Iterator[PlannedStep]:
        for name in names:
            kind = re.sub(r", split \d+$", "", name)
            rate = _MILLISECONDS.get(kind)
            guess = None if rate is None else _SECONDS + rate * scale
            yield PlannedStep(prefix + name, kind, guess)

    planned = [PlannedStep(PREPARATION, PREPARATION, 20.0)]
    for each in backbones:
        rate = known.get(each.name) or _milliseconds(each, settings)
        guess = None if rate is None else rate * scale
        planned.append(PlannedStep(f"{each.name}: embedding", "embedding", guess))
    planned.append(PlannedStep(COST, COST, 3.0 * len(backbones)))
    for each in backbones:
        planned += steps(f"{each.name}: ", heads)
    for each in backbones:
        planned += steps(f"{each.name}: ", rest)
        planned += (
            PlannedStep(f"{each.name}: split {number + 1}", "training", None)
            for number in range(trained)
        )
    return [*planned, PlannedStep(CHECK, CHECK, _SECONDS + _MILLISECONDS[CHECK] * scale)]


def _milliseconds(backbone: Backbone, settings: Settings) -> float | None:
    """Guess what embedding a picture takes; None where the size of the network is not known."""
    size = settings.size or backbone.size
    if backbone.parameters is None or size is None:
        return None
    height, width = (size, size) if isinstance(size, int) else size
    return _MILLISECONDS_OF_A_MILLION * backbone.parameters / 1e6 * height * width / _PIXELS
