"""What a study does with each of its backbones: embed, train heads, then all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from embedlens.backbones import Backbone
from embedlens.features import Features, Recipe, Trunk, embed
from embedlens.features.engines import preparing
from embedlens.files import content_key
from embedlens.images import ImageSet
from embedlens.learn import trunk_of
from embedlens.results.folder import StudyFolder
from embedlens.results.nearest import keep_neighbors
from embedlens.results.results import write_measurements
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import PRETRAINED
from embedlens.study.analysis import (
    measure_data,
    measure_heads,
    measure_spaces,
    steps_of_heads,
    steps_of_spaces,
)
from embedlens.study.embedded import Embedded, facts_of, folder_name
from embedlens.study.geometry import measure_geometry
from embedlens.study.maps import chosen_maps
from embedlens.study.plan import PREPARATION
from embedlens.study.rehearsal import rehearse
from embedlens.study.repeat import Repeat
from embedlens.study.reuse import Stored
from embedlens.study.scores import measure_scores
from embedlens.study.splits import repeats_of
from embedlens.study.step_progress import StepProgress, counted
from embedlens.study.zero_shot import measure_zero_shot

_PREPARED = 4  # networks: to make more takes longer than kernels, and the first would wait
_FORMAT = 8  # raise it when the same features begin to give other results


@dataclass(frozen=True)
class BackboneSteps:
    """The steps of a backbone in a study, each of which is done once.

    Attributes
    ----------
    folder : StudyFolder
        The study's.
    settings : Settings
        Of the study.
    images : ImageSet
        Its pictures.
    progress : callable
        Called with (step, done, total).
    besides : sequence, default ()
        What else results depend on.
    """

    folder: StudyFolder
    settings: Settings
    images: ImageSet
    progress: StepProgress
    besides: Sequence[Any] = ()

    def prepare(self, backbones: Sequence[Backbone]) -> None:
        """Have networks made ready and kernels compiled, each meanwhile.

        Only where a network must be made ready: a machine that has it has the kernels too.
        Fine-tuning asks for networks in another form, as it comes to them.
        """
        if self.settings.finetune:
            return
        kept = self.folder.features
        new = [each for each in backbones if not (kept / folder_name(each)).exists()]
        with preparing([self.settings.recipe(each) for each in new[:_PREPARED]]) as begun:
            if begun:
                self.progress(PREPARATION, 0, 0)
                rehearse()

    def embed(self, backbone: Backbone, title: str) -> Embedded:
        """Embed with one backbone, and say what of it was here."""
        name = folder_name(backbone)
        store = self.folder.features / name
        stored, recipe = Stored.of(store), self.settings.recipe(backbone)
        features = embed(
            self.images,
            recipe,
            store=store,
            trunk=None if stored.meta else self._trunk(recipe),
            progress=lambda done, total: self.progress(f"{title}: embedding", done, total),
        )
        # What is kept of features depends on no title: another model beside it may change that.
        features = replace(features, recipe=recipe.titled(title))
        key = self._key(features, self.settings.repeats)
        maps = [space.key for space in chosen_maps(self.settings)]
        whole = content_key([key, maps, self.settings.scores])
        one = Embedded(name, title, features, key, whole, self.folder.holds(name, whole))
        reuse = stored.explain(features.record, self.images.ids.tolist(), analysed=one.analysed)
        self.progress(f"{title}: {reuse}", 0, 0)
        return one

    def train_heads(self, one: Embedded) -> None:
        """Train the heads that a verdict needs, on all splits, unless that was done."""
        if self.folder.holds(one.heads, one.key):
            return
        images, settings = self.images, self.settings
        steps = len(steps_of_heads(repeats_of(images, settings))) + 1  # the learning curve
        step = counted(one.title, steps, self.progress)
        step("distances")
        points = measure_geometry(one.features.values).points
        measured = measure_heads(points, images, settings, step=step)
        measured += measure_data(points, images, settings, measured, step)
        measured += measure_zero_shot(one.features, images, settings)
        facts = facts_of(one.features)
        write_measurements(self.folder, one.heads, one.key, facts, PRETRAINED.key, measured, None)

    def measure_rest(self, one: Embedded) -> list[str]:
        """Do what the verdict does not wait for; return the names of folders in ``results/``."""
        if not one.analysed:
            self._measure_spaces(one)
        names, key = [one.heads, one.name], self._key(one.features)
        if self.settings.top or self.settings.finetune:
            for number in range(repeats_of(self.images, self.settings)):
                names += Repeat(
                    self.folder, one.name, one.features, self.settings, number, key, self.progress
                ).run()
        return names

    def _measure_spaces(self, one: Embedded) -> None:
        settings = self.settings
        steps = len(steps_of_spaces(settings, repeats_of(self.images, settings))) + settings.scores
        step = counted(one.title, steps, self.progress)
        measured = measure_spaces(one.features.values, self.images, settings, step=step)
        if settings.scores:
            step("scores")
            measured += measure_scores(one.features)
        whose = {"backbone": one.features.backbone.name}
        write_measurements(
            self.folder, one.name, one.whole_key, whose, PRETRAINED.key, measured,
            features=one.name,
        )  # fmt: skip
        if measured.neighbors is not None:
            keep_neighbors(self.folder.features / one.name, measured.neighbors)

    def _trunk(self, recipe: Recipe) -> Trunk | None:
        """Return what fine-tuning will need of the network, to be had in the run that embeds."""
        settings = self.settings
        if not settings.finetune or settings.augment:
            return None
        return trunk_of(recipe, settings.unfreeze, self.folder.trunks)

    def _key(self, features: Features, *others: Any) -> str:
        settings, images = self.settings, self.images
        parts = [
            _FORMAT, version("embedlens"), version("scikit-learn"), version("numpy"),
            features.record["key"], features.backbone.name, images.fingerprint, settings.seed,
            settings.test,
            settings.validation, images.groups.tolist(), images.by_time, *self.besides, *others,
        ]  # fmt: skip
        return content_key(parts)
