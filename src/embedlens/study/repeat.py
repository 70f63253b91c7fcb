"""One split of one backbone: the study's top, and fine-tuning that begins with it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from embedlens.classify.kept import keep_top
from embedlens.features import Features
from embedlens.features.store import is_sealed, seal
from embedlens.files import content_key
from embedlens.images import ImageSet
from embedlens.learn import FineTuned, LazyRows, TopClassifier, finetune
from embedlens.results.folder import StudyFolder
from embedlens.results.measurements import Measurements, Tuning
from embedlens.results.nearest import keep_neighbors
from embedlens.results.results import read_maps, write_measurements
from embedlens.results.settings import Settings
from embedlens.results.vocabulary import PRETRAINED, TUNED
from embedlens.study.analysis import analyse, steps_of
from embedlens.study.heads import fit_top, fit_top_on_maps, history_of, judge_top
from embedlens.study.splits import split_of
from embedlens.study.step_progress import StepProgress, counted


@dataclass(frozen=True)
class Repeat:
    """One split of one backbone, in a study's folder.

    Attributes
    ----------
    folder : StudyFolder
        The study's.
    name : str
        The backbone's folders.
    features : Features
        Of all pictures, by the backbone as it was pretrained.
    settings : Settings
        Of the study.
    number : int
        Which split, from 0.
    key : str
        Names all that features and splits depend on.
    progress : callable
        Called with (step, done, total).
    """

    folder: StudyFolder
    name: str
    features: Features
    settings: Settings
    number: int
    key: str
    progress: StepProgress

    def run(self) -> list[str]:
        """Train the top and, if it is asked for, fine-tune; do what is missing of it.

        Returns
        -------
        list of str
            The folders in ``results/``.
        """
        top_name, tuned_name = (f"{self.name}.{part}-{self.number}" for part in ("top", "tuned"))
        wanted = [top_name, tuned_name] if self.settings.finetune else [top_name]
        has_top, has_tuned = self.folder.holds(top_name, self._top_key), self._has_tuned(tuned_name)
        if not has_top or (self.settings.finetune and not has_tuned):
            # Fine-tuning begins with the trained top: when it is missing, that is trained again.
            measured, top = self.train_top()
            if not has_top:
                self._write(top_name, self._top_key, PRETRAINED.key, measured, None)
            if self.settings.finetune and not has_tuned:
                measured = self.tune(top)
                kept = self._tuned_features.name if self.number == 0 else None
                self._write(tuned_name, self._tuned_key, TUNED.key, measured, kept)
        return wanted

    def train_top(self) -> tuple[Measurements, TopClassifier]:
        """Train the study's top on the features, and on each map."""
        label = self._label("top")
        measured, top = fit_top(
            self.features.values, self.split, self.number, self.settings,
            lambda done, total: self.progress(label, done, total),
        )  # fmt: skip
        self.progress(self._label("top on the maps"), 0, 0)
        maps = read_maps(self.folder, self.name)
        on_maps = fit_top_on_maps(maps, self.split, self.number, self.settings, learned_on=0)
        return measured + on_maps, top

    def tune(self, top: TopClassifier) -> Measurements:
        """Fine-tune, and measure all that was measured before.

        Features, network and top of the first split are kept, and its maps.
        """
        folder, settings, first = self._tuned_features, self.settings, self.number == 0
        folder.mkdir(parents=True, exist_ok=True)
        out = folder / ("features.npy" if first else "other.npy")
        start = time.perf_counter()
        tuned = finetune(
            self.split, self.features.recipe, unfreeze=settings.unfreeze, head=top,
            epochs=settings.epochs, augment=settings.augment,
            random_state=settings.seed + self.number, store=self.folder.trunks, out=out,
            progress=lambda step, done, total: self.progress(self._label(step), done, total),
        )  # fmt: skip
        seconds = time.perf_counter() - start
        step = counted(self._label("tuned"), len(steps_of(settings, 1)), self.progress)
        measured = analyse(tuned.features, self.split, settings, [self.number], step)
        measured += self._measure_tuning(tuned, seconds)
        self.progress(self._label("tuned: top on the maps"), 0, 0)
        measured += fit_top_on_maps(
            measured.maps, self.split, self.number, settings, learned_on=self.number
        )
        if not first:
            out.unlink()
            return replace(measured, maps={}, silhouettes=pd.DataFrame())
        seal(folder, self._tuned_key, self.split.ids.tolist())
        if measured.neighbors is not None:
            keep_neighbors(folder, measured.neighbors)
        network = self._tuned_network
        network.parent.mkdir(exist_ok=True)
        keep_top(self.folder.tuned_top(self.name), tuned.head)
        tuned.save(network)
        return measured

    @cached_property
    def split(self) -> ImageSet:
        """The pictures as this repeat splits them."""
        return split_of(self.features.images, self.settings, self.number)

    @property
    def _top_key(self) -> str:
        return content_key([self.key, version("keras"), self.settings.epochs, self.number])

    @property
    def _tuned_key(self) -> str:
        return content_key([self._top_key, self.settings.unfreeze, self.settings.augment])

    @property
    def _tuned_features(self) -> Path:
        return self.folder.features / f"{self.name}.{TUNED.key}"

    @property
    def _tuned_network(self) -> Path:
        suffix = self.features.backbone.family.tuned_suffix
        return self.folder.tuned_network(self.name, suffix)

    def _has_tuned(self, name: str) -> bool:
        if not self.folder.holds(name, self._tuned_key):
            return False
        if self.number > 0:
            return True
        kept = (self._tuned_network, self.folder.tuned_top(self.name))
        return all(each.exists() for each in kept) and is_sealed(
            self._tuned_features, self._tuned_key
        )

    def _measure_tuning(self, tuned: FineTuned, seconds: float) -> Measurements:
        settings = self.settings
        tuning = Tuning(
            self.number, settings.unfreeze, tuned.layer, tuned.parameters, tuned.best_epoch,
            settings.epochs, settings.augment, seconds,
        )  # fmt: skip
        history = history_of(tuned.history.reset_index(), self.number)
        test = LazyRows(tuned.features, self.split.where("test"))
        judged = judge_top(tuned.head, test, self.split, self.number, seconds)
        return Measurements(histories=(history,), tunings=(tuning,)) + judged

    def _write(
        self, name: str, key: str, stage: str, measured: Measurements, features: str | None
    ) -> None:
        whose = {"backbone": self.features.backbone.name}
        write_measurements(self.folder, name, key, whose, stage, measured, features)

    def _label(self, step: str) -> str:
        return f"{self.features.backbone.name}: split {self.number + 1}, {step}"
