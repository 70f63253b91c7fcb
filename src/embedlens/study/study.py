"""A study: many backbones on one image set, planned, run, resumed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from embedlens.backbones import Backbone, expand, get_backbone
from embedlens.backbones.keras_backend import LEARNING_HINT, learns, require_learning
from embedlens.backbones.naming import ANY, anchored, anchored_transform, anchored_weights, titles
from embedlens.errors import StudyError
from embedlens.given_path import given_path
from embedlens.images import ImageSet, MultilabelSet, resolved
from embedlens.results.folder import StudyFolder
from embedlens.results.label_verdict import LabelVerdict, verdict_of
from embedlens.results.provenance import default_folder, expect_folder
from embedlens.results.results import Results, gather, read_results, read_some_results
from embedlens.results.settings import PRESETS, Settings, default_backbones
from embedlens.results.verdict import Verdict
from embedlens.results.vocabulary import LINEAR_PROBE
from embedlens.study.backbone_steps import BackboneSteps
from embedlens.study.cost import measure_costs
from embedlens.study.embedded import Embedded
from embedlens.study.findings import write_findings
from embedlens.study.maps import chosen_maps
from embedlens.study.multilabel import (
    LabelSteps,
    expect_judgeable,
    expect_label_settings,
    steps_of_maps,
    steps_of_probes,
    write_label_sets,
)
from embedlens.study.plan import CHECK, plan_of, plan_of_steps
from embedlens.study.reading import read_pictures, read_unlabelled_of
from embedlens.study.search import search_study
from embedlens.study.splits import check_splits, repeats_of
from embedlens.study.step_progress import StepProgress, told
from embedlens.study.time_left import TimeLeft
from embedlens.study.unlabelled import show_unlabelled

if TYPE_CHECKING:
    from embedlens.classify import Classifier, LabelClassifier


class Study:
    """A study and its folder.

    Its ``time_left`` says about how long a run still takes while it goes on: ``sentence()`` in
    words, ``seconds()`` and ``share()`` in numbers.

    Parameters
    ----------
    pictures : path
        Folder, zip or table, as for ``ImageSet.read``; or a table of several labels a picture, as
        for ``MultilabelSet.read``: then each label is judged by itself, by average precision.
    backbones : iterable of str, optional
        Names, as for ``get_backbone``. By default all whose weights need no download: those that
        come with the install, those in Keras's cache, and those in ``weights``. "@small" and other
        shortlists stand for theirs.
    out : path, optional
        The study folder; by default ``embedlens-<name of the pictures>`` in the current folder.
    weights : mapping of str to str or path, optional
        A file, or "random", by the name of the network or of a cut of it, in any case of letters.
    transforms : str or mapping of str to str, optional
        What pictures are made into, as ``get_backbone`` reads it, by names like those of
        ``weights``; one alone, or under "*", is for all backbones that nothing says it of.
    preset : {"paper"}, optional
        The published study's protocol; settings given beside it win.
    **settings
        The other fields of `Settings`.

    Raises
    ------
    BackboneError, WeightsError
        If a backbone or a weights file does not exist.
    StudyError
        If a setting is wrong.

    Examples
    --------
    >>> study = Study("photos/", backbones=["EfficientNetLite0"])  # doctest: +SKIP
    >>> print(study.run().mean("knn.accuracy", "test"))  # doctest: +SKIP
    """

    def __init__(
        self,
        pictures: str | Path,
        backbones: Iterable[str] | None = None,
        *,
        out: str | Path | None = None,
        weights: Mapping[str, str | Path] | None = None,
        transforms: Mapping[str, str] | str | None = None,
        preset: str | None = None,
        **settings: Any,
    ) -> None:
        if preset is not None and preset not in PRESETS:
            raise StudyError(f"There is no preset {preset!r}; there is {', '.join(PRESETS)}.")
        given = {name: anchored_weights(file) for name, file in _named(weights).items()}
        chosen = {**PRESETS.get(preset or "", {}), **settings, "weights": given}
        said = {ANY: transforms} if isinstance(transforms, str) else transforms or {}
        chosen["transforms"] = {name: anchored_transform(each) for name, each in said.items()}
        if backbones is not None:
            names = (backbones,) if isinstance(backbones, str) else map(fspath, backbones)
            expanded = expand(names)
            if expanded.note:
                warnings.warn(expanded.note, stacklevel=2)
            chosen["backbones"] = tuple(map(anchored, expanded.names))
        elif "backbones" not in chosen:
            chosen["backbones"] = default_backbones(given)
        try:
            if chosen.get("unlabelled") is not None:
                chosen["unlabelled"] = resolved(chosen["unlabelled"])
            self.settings = Settings(pictures=resolved(pictures), **chosen)
        except TypeError as error:
            raise StudyError(f"A setting is unknown: {error}.") from error
        self._expect_makeable()
        self.backbones = self._look_up()
        self.titles = titles([each.name for each in self.backbones])
        self.time_left = TimeLeft()
        if out is None:
            self.folder = default_folder("embedlens", self.settings.pictures)
        else:
            self.folder = given_path(out)
        expect_folder(self.folder)

    @classmethod
    def open(cls, folder: str | Path) -> Study:
        """Open a study folder by its ``study.toml``.

        Raises
        ------
        StudyError
            If it is none.
        """
        folder = given_path(folder)
        settings = asdict(Settings.read(StudyFolder(folder).settings))
        return cls(settings.pop("pictures"), out=folder, **settings)

    def run(
        self,
        progress: StepProgress | None = None,
        early: Callable[[Results], None] | None = None,
    ) -> Results:
        """Do all that is not yet in the study folder, and return the results.

        It may be stopped at any moment: what was computed is kept, and the next run goes on.

        Parameters
        ----------
        progress : callable, optional
            Called with (step, done, total) as the work goes on. By default steps are told on
            standard error.
        early : callable, optional
            Called with what is known as soon as that is enough for a verdict, if more is to be
            computed then: maps, scores and checks follow, and change nothing of the verdict.

        Raises
        ------
        ImageSetError
            If the pictures cannot be read as an image set.
        StudyError
            If the folder holds a study of other pictures.
        EmbedlensError
            If weights cannot be had, the disk is full, or another run holds the folder.
        """
        progress = self._timed(progress or told(self.time_left))
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = StudyFolder(self.folder)
        with folder.hold():
            found = read_pictures(folder, self.settings, progress)
            if isinstance(found, MultilabelSet):
                self._run_labels(folder, found, progress, early)
            else:
                self._run_classes(folder, found, progress, early)
            self.time_left.plan([])
        return self.results()

    def _run_classes(
        self,
        folder: StudyFolder,
        images: ImageSet,
        progress: StepProgress,
        early: Callable[[Results], None] | None,
    ) -> None:
        """Study pictures of one class each."""
        check_splits(images, self.settings)
        unlabelled = read_unlabelled_of(self.settings, images, progress)
        self.time_left.plan(plan_of(folder, self.settings, self._titled(), images))
        if self.settings.maps is None and not learns():
            progress(f"the learned map is left out: {LEARNING_HINT}", 0, 0)
        steps = BackboneSteps(folder, self.settings, images, progress)
        embedded = self._embed(steps)
        measure_costs(folder, [each.features for each in embedded], images, progress)
        for each in embedded:
            steps.train_heads(each)
        self._tell_early(early, folder, embedded, None)
        done = [steps.measure_rest(each) for each in embedded]
        folder.label_sets.unlink(missing_ok=True)
        gather(folder, [name for names in done for name in names])
        progress(CHECK, 0, 0)
        write_findings(folder, embedded[0].name, images, self.settings.seed)
        self.settings.write(folder.settings)
        if unlabelled is not None:
            show_unlabelled(folder, unlabelled, self.results(), progress)

    def _run_labels(
        self,
        folder: StudyFolder,
        labelled: MultilabelSet,
        progress: StepProgress,
        early: Callable[[Results], None] | None,
    ) -> None:
        """Study pictures of several labels each."""
        settings, images = self.settings, labelled.images
        expect_label_settings(settings)
        expect_judgeable(labelled, settings)
        unlabelled = read_unlabelled_of(settings, images, progress)
        plan = plan_of_steps(
            folder, settings, self._titled(), len(labelled),
            heads=steps_of_probes(repeats_of(images, settings)), rest=steps_of_maps(settings),
        )  # fmt: skip
        self.time_left.plan(plan)
        steps = LabelSteps(folder, settings, labelled, progress)
        embedded = self._embed(steps.embedding)
        measure_costs(folder, [each.features for each in embedded], images, progress)
        for each in embedded:
            steps.train_probes(each)
        self._tell_early(early, folder, embedded, labelled.to_frame())
        done = [steps.map_pictures(each) for each in embedded]
        write_label_sets(folder, labelled)
        gather(folder, [name for names in done for name in names])
        progress(CHECK, 0, 0)
        write_findings(folder, embedded[0].name, labelled, settings.seed)
        settings.write(folder.settings)
        if unlabelled is not None:
            show_unlabelled(folder, unlabelled, self.results(), progress)

    def _tell_early(
        self,
        early: Callable[[Results], None] | None,
        folder: StudyFolder,
        embedded: list[Embedded],
        label_sets: pd.DataFrame | None,
    ) -> None:
        """Tell what is enough for a verdict, where more is to be computed.

        Of the labels these pictures have: those in the folder may be of an earlier study.
        """
        if early is not None and not all(each.analysed for each in embedded):
            some = read_some_results(folder, self.settings, _held(embedded))
            early(replace(some, label_sets=label_sets))

    def _titled(self) -> list[Backbone]:
        """Return the backbones by the names that people are told."""
        return [replace(each, name=self.titles[each.name]) for each in self.backbones]

    def _embed(self, steps: BackboneSteps) -> list[Embedded]:
        """Embed with all backbones, once their weights are here."""
        for backbone in self.backbones:
            if not backbone.weights.here:
                steps.progress(f"{self.titles[backbone.name]}: weights", 0, 0)
                backbone.weights.fetch(backbone.network)
        steps.prepare(self.backbones)
        return [steps.embed(each, self.titles[each.name]) for each in self.backbones]

    def results(self) -> Results:
        """Return the stored results.

        Raises
        ------
        StudyError
            If the study has not been run to its end.
        """
        unfinished = StudyError(
            f"{self.folder} has no results yet. "
            f"Run `embedlens study {self.settings.pictures} --out {self.folder}`."
        )
        folder = StudyFolder(self.folder)
        if folder.path.is_dir() and not folder.settings.is_file():  # which is written at the end
            raise unfinished
        try:
            return read_results(self.folder)
        except FileNotFoundError as error:
            raise unfinished from error

    def verdict(self) -> Verdict | LabelVerdict:
        """Rank the backbones; see `judge`, and `judge_labels` for several labels a picture."""
        return verdict_of(self.results())

    def report(self) -> Path:
        """Write tables, figures and ``report.html`` into the folder; return the report's path."""
        from embedlens.report import write_report

        return write_report(self.folder)

    def classifier(
        self, backbone: str | None = None, head: str = LINEAR_PROBE.key
    ) -> Classifier | LabelClassifier:
        """Return a classifier of all labelled pictures; its ``expected`` is the verdict's.

        Of several labels a picture it is a logistic probability a label.

        Parameters
        ----------
        backbone : str, optional
            By default the one that the verdict takes.
        head : {"linear_probe", "knn", "tuned"}, default "linear_probe"
            Which. "tuned" is what the study fine-tuned on its first split, tail and top. Several
            labels have the linear probe alone.

        Raises
        ------
        StudyError
            If the study has not been run to its end, has no such backbone or head, or has not
            fine-tuned.
        """
        from embedlens.classify import classifier_of

        return classifier_of(self.folder, backbone, head)

    def view(self, height: int = 640) -> Any:
        """Show the study in a notebook; ``.selection`` of what is returned is what is selected.

        Parameters
        ----------
        height : int, default 640
            Pixels.

        Raises
        ------
        EmbedlensError
            If anywidget, of the extra ``notebook``, is not installed.
        """
        from embedlens.viewer import view_study

        return view_study(self.folder, height)

    def search(
        self, picture: str | Path, k: int = 12, *, backbone: str | None = None
    ) -> pd.DataFrame:
        """Find the study's pictures that are nearest to a picture; see `search_study`."""
        return search_study(self.folder, picture, k, backbone=backbone)

    def _timed(self, progress: StepProgress) -> StepProgress:
        """Return it such that what is left is known before it is called."""

        def tell(step: str, done: int, total: int) -> None:
            self.time_left.tell(step, done, total)
            progress(step, done, total)

        return tell

    def _expect_makeable(self) -> None:
        """Refuse what cannot be made or trained here, before anything is read."""
        chosen_maps(self.settings)
        if self.settings.finetune:
            require_learning("Fine-tuning")
        elif self.settings.top:
            require_learning("The study's top")

    def _look_up(self) -> list[Backbone]:
        found = [
            get_backbone(
                name,
                weights=self.settings.weights_of(name),
                transform=self.settings.transform_of(name),
            )
            for name in self.settings.backbones
        ]
        twice = {each.name for each in found if [x.name for x in found].count(each.name) > 1}
        if twice:
            raise StudyError(f"{', '.join(sorted(twice))} is named twice among the backbones.")
        return found


def _held(embedded: list[Embedded]) -> list[str]:
    """Name the folders in ``results/`` that are there before the verdict."""
    return [
        name
        for each in embedded
        for name in ([each.heads, each.name] if each.analysed else [each.heads])
    ]


def _named(weights: Mapping[str, str | Path] | None) -> Mapping[str, str | Path]:
    if weights is not None and not isinstance(weights, Mapping):
        raise StudyError(
            f"weights is {weights!r}; give them by the network's name, {{'Xception': FILE}}."
        )
    return weights or {}
