"""A study: many backbones on one image set, planned, run, resumed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from os import fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from embedlens.backbones import Backbone, expand, get_backbone
from embedlens.backbones.keras_backend import LEARNING_HINT, learns, require_learning
from embedlens.backbones.naming import ANY, anchored, anchored_transform, anchored_weights, titles
from embedlens.errors import StudyError
from embedlens.features import Features, Recipe, Trunk, embed
from embedlens.files import content_key, text_key
from embedlens.given_path import given_path
from embedlens.images import ImageSet, resolved
from embedlens.learn import trunk_of
from embedlens.results.folder import StudyFolder
from embedlens.results.nearest import keep_neighbors
from embedlens.results.provenance import (
    Provenance,
    claim,
    content_of,
    default_folder,
    expect_folder,
    read_provenance,
)
from embedlens.results.results import (
    Results,
    gather,
    read_results,
    read_some_results,
    write_measurements,
)
from embedlens.results.settings import PRESETS, Settings, default_backbones
from embedlens.results.verdict import Verdict, judge
from embedlens.results.vocabulary import LINEAR_PROBE, PRETRAINED
from embedlens.study.analysis import (
    measure_data,
    measure_heads,
    measure_spaces,
    steps_of_heads,
    steps_of_spaces,
)
from embedlens.study.cost import measure_costs
from embedlens.study.findings import write_findings
from embedlens.study.geometry import measure_geometry
from embedlens.study.maps import chosen_maps
from embedlens.study.repeat import Repeat
from embedlens.study.reuse import Stored
from embedlens.study.scores import measure_scores
from embedlens.study.search import search_study
from embedlens.study.splits import check_splits, repeats_of
from embedlens.study.step_progress import StepProgress, counted, told
from embedlens.study.unlabelled import new_to, read_pictures_without_label, show_unlabelled
from embedlens.study.zero_shot import measure_zero_shot

if TYPE_CHECKING:
    from embedlens.classify import Classifier

_FORMAT = 6  # raise it when the same features begin to give other results


class Study:
    """A study and its folder.

    Parameters
    ----------
    pictures : path
        Folder, zip or table, as for ``ImageSet.read``.
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
        progress = progress or told()
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = StudyFolder(self.folder)
        with folder.hold():
            images = self._read_images(folder, progress)
            check_splits(images, self.settings)
            unlabelled = self._read_unlabelled(images, progress)
            if self.settings.maps is None and not learns():
                progress(f"the learned map is left out: {LEARNING_HINT}", 0, 0)
            for backbone in self.backbones:
                if not backbone.weights.here:
                    progress(f"{self.titles[backbone.name]}: weights", 0, 0)
                    backbone.weights.fetch(backbone.network)
            embedded = [self._embed(folder, each, images, progress) for each in self.backbones]
            measure_costs(folder, [each.features for each in embedded], images, progress)
            for each in embedded:
                self._heads(folder, each, images, progress)
            if early is not None and not all(each.analysed for each in embedded):
                early(read_some_results(folder, self.settings, _held(embedded)))
            done = [self._rest(folder, each, images, progress) for each in embedded]
            gather(folder, [name for names in done for name in names])
            progress("check of the pictures", 0, 0)
            write_findings(folder, embedded[0].name, images, self.settings.seed)
            self.settings.write(folder.settings)
            if unlabelled is not None:
                show_unlabelled(folder, unlabelled, self.results(), progress)
        return self.results()

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

    def verdict(self) -> Verdict:
        """Rank the backbones; see `judge`."""
        return judge(self.results())

    def report(self) -> Path:
        """Write tables, figures and ``report.html`` into the folder; return the report's path."""
        from embedlens.report import write_report

        return write_report(self.folder)

    def classifier(self, backbone: str | None = None, head: str = LINEAR_PROBE.key) -> Classifier:
        """Return a classifier of all labelled pictures; its ``expected`` is the verdict's.

        Parameters
        ----------
        backbone : str, optional
            By default the one that the verdict takes.
        head : {"linear_probe", "knn", "tuned"}, default "linear_probe"
            Which. "tuned" is what the study fine-tuned on its first split, tail and top.

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

    def _read_images(self, folder: StudyFolder, progress: StepProgress) -> ImageSet:
        index, place = folder.images, self.settings.pictures
        before = read_provenance(self.folder)
        # Files of another place may have the names, sizes and times of those that were here.
        here = index.is_file() and before is not None and before.pictures == place
        images = ImageSet.read(
            place,
            test=self.settings.test,
            validation=self.settings.validation,
            seed=self.settings.seed,
            group=self.settings.group,
            split_by_time=self.settings.split_by_time,
            known=index if here else None,
            progress=lambda done, total: progress("reading pictures", done, total),
        )
        claim(self.folder, Provenance("study", place, content_of(images.ids)))
        images.write(index)
        folder.results.mkdir(exist_ok=True)
        problems = pd.DataFrame(
            [asdict(problem) for problem in images.problems],
            columns=["path", "kind", "reason", "kept"],
        )
        problems.astype({"kept": bool}).to_parquet(folder.problems, index=False)
        return images

    def _read_unlabelled(self, images: ImageSet, progress: StepProgress) -> ImageSet | None:
        place = self.settings.unlabelled
        if place is None:
            return None
        return new_to(read_pictures_without_label(place, self.settings.pictures, progress), images)

    def _embed(
        self, folder: StudyFolder, backbone: Backbone, images: ImageSet, progress: StepProgress
    ) -> Embedded:
        """Embed with one backbone, and say what of it was here."""
        name, title = folder_name(backbone), self.titles[backbone.name]
        stored = Stored.of(folder.features / name)
        recipe = self.settings.recipe(backbone)
        features = embed(
            images,
            recipe,
            store=folder.features / name,
            trunk=None if stored.meta else self._trunk(folder, recipe),
            progress=lambda done, total: progress(f"{title}: embedding", done, total),
        )
        # What is kept of features depends on no title: another model beside it may change that.
        features = replace(features, recipe=recipe.titled(title))
        key = self._key(features, images, self.settings.repeats)
        maps = [space.key for space in chosen_maps(self.settings)]
        whole = content_key([key, maps, self.settings.scores])
        one = Embedded(name, title, features, key, whole, folder.holds(name, whole))
        reuse = stored.explain(features.record, images.ids.tolist(), analysed=one.analysed)
        progress(f"{title}: {reuse}", 0, 0)
        return one

    def _heads(
        self, folder: StudyFolder, one: Embedded, images: ImageSet, progress: StepProgress
    ) -> None:
        """Train the heads that a verdict needs, on all splits, unless that was done."""
        if folder.holds(one.heads, one.key):
            return
        step = counted(one.title, steps_of_heads(repeats_of(images, self.settings)) + 1, progress)
        step("distances")
        points = measure_geometry(one.features.values).points
        measured = measure_heads(points, images, self.settings, step=step)
        measured += measure_data(points, images, self.settings, measured, step)
        measured += measure_zero_shot(one.features, images, self.settings)
        facts = _facts(one.features)
        write_measurements(folder, one.heads, one.key, facts, PRETRAINED.key, measured, None)

    def _rest(
        self, folder: StudyFolder, one: Embedded, images: ImageSet, progress: StepProgress
    ) -> list[str]:
        """Do what the verdict does not wait for; return the names of folders in ``results/``."""
        repeats = repeats_of(images, self.settings)
        if not one.analysed:
            settings = self.settings
            steps = steps_of_spaces(settings, repeats) + settings.scores
            step = counted(one.title, steps, progress)
            measured = measure_spaces(one.features.values, images, settings, step=step)
            if settings.scores:
                step("scores")
                measured += measure_scores(one.features)
            whose = {"backbone": one.features.backbone.name}
            write_measurements(
                folder, one.name, one.whole_key, whose, PRETRAINED.key, measured, features=one.name
            )
            if measured.neighbors is not None:
                keep_neighbors(folder.features / one.name, measured.neighbors)
        names, key = [one.heads, one.name], self._key(one.features, images)
        if self.settings.top or self.settings.finetune:
            for number in range(repeats):
                names += Repeat(
                    folder, one.name, one.features, self.settings, number, key, progress
                ).run()
        return names

    def _trunk(self, folder: StudyFolder, recipe: Recipe) -> Trunk | None:
        """Return what fine-tuning will need of the network, to be had in the run that embeds."""
        settings = self.settings
        if not settings.finetune or settings.augment:
            return None
        return trunk_of(recipe, settings.unfreeze, folder.trunks)

    def _key(self, features: Features, images: ImageSet, *others: Any) -> str:
        settings = self.settings
        parts = [
            _FORMAT, version("embedlens"), version("scikit-learn"), version("numpy"),
            features.record["key"], features.backbone.name, images.fingerprint, settings.seed,
            settings.test,
            settings.validation, images.groups.tolist(), images.by_time, *others,
        ]  # fmt: skip
        return content_key(parts)


@dataclass(frozen=True)
class Embedded:
    """A backbone of a study whose features are there.

    Attributes
    ----------
    name, title : str
        Of its folders, and for people.
    features : Features
        Of all pictures.
    key : str
        Names all that its heads depend on.
    whole_key : str
        Names all that its other results depend on.
    analysed : bool
        Whether these were here already.
    """

    name: str
    title: str
    features: Features
    key: str
    whole_key: str
    analysed: bool

    @property
    def heads(self) -> str:
        """The folder in ``results/`` of the heads that the verdict needs."""
        return f"{self.name}.heads"


def _held(embedded: list[Embedded]) -> list[str]:
    """Name the folders in ``results/`` that are there before the verdict."""
    return [
        name
        for each in embedded
        for name in ([each.heads, each.name] if each.analysed else [each.heads])
    ]


def folder_name(backbone: Backbone) -> str:
    """Name a backbone's folders: its name, without what file systems refuse.

    Where that alone might name another's, as with model files of one name in two folders, a hash of
    the whole name follows.
    """
    name = backbone.short_name
    name = f"{name}@{backbone.layer}" if backbone.layer else name
    plain = re.sub(r"[^\w.@+-]", "_", name)
    if plain == name and backbone.path is None:
        return name
    return f"{plain}-{text_key(backbone.name, 4)}"


def _named(weights: Mapping[str, str | Path] | None) -> Mapping[str, str | Path]:
    if weights is not None and not isinstance(weights, Mapping):
        raise StudyError(
            f"weights is {weights!r}; give them by the network's name, {{'Xception': FILE}}."
        )
    return weights or {}


def _facts(features: Features) -> dict[str, Any]:
    """Gather what a report says of a backbone."""
    record, backbone = features.record, features.backbone
    analysis = {name: version(name) for name in ("embedlens", "numpy", "scikit-learn")}
    versions = {**record["versions"], **analysis}
    return {
        "backbone": backbone.name,
        "network": backbone.network,
        "family": backbone.family.name,
        "weights": backbone.weights.origin,
        "pretrained": backbone.weights.kind != "random",
        "size": "x".join(map(str, record["size"])),
        "pooling": record["vector"],
        "resize": record["resize"],
        "transform": features.recipe.transform.of_size(tuple(record["size"])).describe(),
        "precision": record["precision"],
        "engine": record["engine"],
        "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "features": features.values.shape[1],
        "feature_map": "x".join(map(str, record["feature_map"])),
        "parameters": backbone.parameters or record["parameters_to_cut"],
        "parameters_to_cut": record["parameters_to_cut"],
        "pictures_per_second": features.pictures_per_second,
        "embedded": record["embedded"],
        "seconds": record["seconds"],
    }
