"""The settings of a study, and their file ``study.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w

from embedlens.backbones import (
    STUDY,
    Backbone,
    Pooling,
    Resize,
    get_backbone,
    list_backbones,
    parse_name,
    parse_pooling,
    transforms_for,
    weights_for,
)
from embedlens.backbones.naming import anchored, anchored_transform, anchored_weights, titles
from embedlens.errors import StudyError
from embedlens.features import Precision, Recipe
from embedlens.files import write_whole
from embedlens.given_path import given_path
from embedlens.images.kaggle import PREFIX
from embedlens.images.url import is_url
from embedlens.results.vocabulary import MAPS

PRESETS: dict[str, dict[str, Any]] = {
    # The published protocol: five backbones, 200 x 200 squashed, the flattened last feature map,
    # the study's top, fine-tuning from the last convolutional layer, 16 epochs of each.
    "paper": {
        "backbones": STUDY, "pooling": "none", "size": 200, "resize": "squash",
        "top": True, "finetune": True, "unfreeze": "last-conv", "epochs": 16,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Everything a study's numbers depend on, but for the pictures and the versions of software.

    Attributes
    ----------
    pictures : str
        Folder, zip or table, as for ``ImageSet.read``.
    backbones : tuple of str
        Names, as for ``get_backbone``; the paths of model files in full.
    weights : dict of str to str
        A file, or "random", by the name of the network or of a cut of it; the others have their
        ImageNet weights.
    transforms : dict of str to str
        What pictures are made into, as for ``get_backbone``, by the name of the network or of a cut
        of it; "*" for those whose transform nothing else says; the others have their own.
    pooling, size, resize, precision, engine
        As for ``embed``.
    test, validation : float
        Shares, as for ``ImageSet.read``: 20% of all, and 30% of the rest, the study's.
    unlabelled : str or None
        Pictures that are shown and predicted, and part of no figure: a folder, none of whose
        pictures counts as labelled; or ``pictures`` once more, for those in it without a label.
    group : str or None
        What no split may part: a column of the picture table, or a pattern on the path; as for
        ``ImageSet.read``.
    labels : sequence of str
        Columns of the picture table that give several labels a picture: one whose cells hold them,
        or a column a label. None named: what the table's own columns say.
    separator : str or None
        What stands between the labels of a cell; None, what the cells say.
    split_by_time : str or None
        The column that orders the pictures: earlier ones train, later ones test, in one split.
    repeats : int
        How many splits, drawn by ``seed``, ``seed + 1``, ..., the heads are trained and tested on.
        Five show how much of a difference is chance.
    seed : int
        Of everything that is random.
    top : bool
        Whether the study's top is trained as well, on the features as they are; it takes longer
        than all else on flattened features.
    finetune : bool
        Whether each backbone is fine-tuned on each split, and measured again; it brings the top.
    unfreeze, augment
        As for ``finetune``.
    epochs : int
        Of the top, and again of tail and top together; 16, the study's.
    maps : sequence of str or None
        Keys of `MAPS`, or one of them; None, all that can be made here.
    scores : bool
        Whether transferability scores are measured. No verdict needs them, and they take about as
        long as all maps.
    """

    pictures: str
    backbones: tuple[str, ...]
    weights: dict[str, str] = field(default_factory=dict)
    transforms: dict[str, str] = field(default_factory=dict)
    pooling: Pooling = "own"
    size: int | None = None
    resize: Resize | None = None
    precision: Precision = "float32"
    engine: str = "auto"
    test: float = 0.2
    validation: float = 0.3
    unlabelled: str | None = None
    group: str | None = None
    labels: Sequence[str] = ()
    separator: str | None = None
    split_by_time: str | None = None
    repeats: int = 5
    seed: int = 0
    top: bool = False
    finetune: bool = False
    unfreeze: str = "auto"
    augment: bool = False
    epochs: int = 16
    maps: Sequence[str] | None = None
    scores: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "pooling", parse_pooling(self.pooling))
        if self.maps is not None:
            maps = (self.maps,) if isinstance(self.maps, str) else tuple(self.maps)
            object.__setattr__(self, "maps", maps)
            if not maps:
                raise StudyError(f"maps names none; choose from {', '.join(MAPS)}.")
        labels = (self.labels,) if isinstance(self.labels, str) else tuple(self.labels)
        object.__setattr__(self, "labels", labels)
        named = {each.strip().casefold() for each in labels}
        if len(named) < len(labels) or "" in named:
            raise StudyError(f"labels is {labels!r}; name each column once.")
        if self.separator == "":
            raise StudyError("separator is empty; give what stands between labels, such as ';'.")
        if not self.backbones:
            raise StudyError(
                "A study needs at least one backbone; `embedlens backbones` lists them."
            )
        if self.repeats < 1:
            raise StudyError(f"repeats is {self.repeats}; give 1 or more.")
        if self.epochs < 1:
            raise StudyError(f"epochs is {self.epochs}; give 1 or more.")
        cuts = [(each, layer) for each in self.backbones if (layer := parse_name(each).layer)]
        if self.finetune and cuts:
            name, layer = cuts[0]
            raise StudyError(
                f"{name} is cut at a layer, and fine-tuning needs the whole backbone. Leave "
                f"@{layer} out, or leave fine-tuning out."
            )
        fixed = [
            each for each in self.backbones if (f := parse_name(each).family) and not f.tunable
        ]
        if self.finetune and fixed:
            raise StudyError(
                f"{fixed[0]} cannot be fine-tuned: files of that kind run as they are. Leave it "
                "out, or leave fine-tuning out."
            )
        self._expect_used()
        for name, share in (("test", self.test), ("validation", self.validation)):
            if not 0 < share < 1:
                raise StudyError(f"{name} is {share}; give a share between 0 and 1.")
        for name, text in (("group", self.group), ("split_by_time", self.split_by_time)):
            if text is not None and not text.strip():
                raise StudyError(
                    f"{name} is {text!r}; give a column of the table, or leave it out."
                )
        weights_for(self.backbones, self.weights)
        transforms_for(self.backbones, self.transforms)

    def _expect_used(self) -> None:
        """Refuse settings that would change nothing."""
        default = {each.name: each.default for each in fields(self)}
        of = {"unfreeze": "finetune", "augment": "finetune", "epochs": "top"}
        for name, needed in of.items():
            value = getattr(self, name)
            if value != default[name] and not (self.finetune or getattr(self, needed)):
                both = "fine-tuning" if needed == "finetune" else "the top or fine-tuning"
                raise StudyError(
                    f"{name} is {value!r}, but it is of {both}, which was not asked for. Add "
                    f"{'finetune (--finetune)' if needed == 'finetune' else 'top (--top)'}, or "
                    f"leave {name} out."
                )

    def weights_of(self, backbone: str) -> str | None:
        """Return the weights chosen for a backbone, or None for its own."""
        return weights_for(self.backbones, self.weights).get(backbone)

    def transform_of(self, backbone: str) -> str | None:
        """Return the transform chosen for a backbone, or None for its own."""
        return transforms_for(self.backbones, self.transforms).get(backbone)

    def title_of(self, name: str) -> str:
        """Return what one of the backbones is called in the results, however it is spelt.

        Raises
        ------
        StudyError
            If it is none of them.
        """
        shown = titles(self.backbones)
        asked = {each.casefold() for each in (name.strip(), anchored(name))}
        for spelt, title in shown.items():
            if asked & {spelt.casefold(), title.casefold()}:
                return title
        raise StudyError(f"The study has no backbone {name!r}; it has {', '.join(shown.values())}.")

    def weights_of_title(self, title: str) -> str | None:
        """Return the weights chosen for the backbone that the results call so."""
        return self.weights_of(self._spelt(title))

    def _spelt(self, title: str) -> str:
        return next(each for each, shown in titles(self.backbones).items() if shown == title)

    def backbone_of(self, title: str) -> Backbone:
        """Return the backbone that the results call so, with its weights and its transform."""
        spelt = self._spelt(title)
        return get_backbone(
            spelt, weights=self.weights_of(spelt), transform=self.transform_of(spelt)
        )

    def recipe(self, backbone: Backbone) -> Recipe:
        """Return all that the features of a backbone depend on, by these settings."""
        return Recipe.of(
            backbone,
            pooling=self.pooling,
            size=self.size,
            resize=self.resize,
            precision=self.precision,
            engine=self.engine,
        )

    def write(self, path: Path) -> None:
        """Write them as TOML; what is not set is left out."""
        values = {key: value for key, value in asdict(self).items() if value is not None}
        values |= {key: list(each) for key, each in values.items() if isinstance(each, tuple)}
        write_whole(path, tomli_w.dumps(values))

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read what `write` wrote; paths that somebody made relative begin at the file's folder.

        Raises
        ------
        StudyError
            If the file is absent or is not such a file.
        """
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise StudyError(
                f"{path.parent} is not a study folder: it has no {path.name}. Make one with "
                "`embedlens study PHOTOS --out FOLDER`."
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise StudyError(f"{path} is not valid TOML: {error}.") from error
        if not values.get("finetune"):
            values.pop("unfreeze", None)  # version 0.1.0 wrote it in every study
        known = {each.name for each in fields(cls)}
        if unknown := set(values) - known:
            raise StudyError(
                f"{path} has settings that mean nothing here: {', '.join(sorted(unknown))}. "
                f"Known are {', '.join(sorted(known))}."
            )
        try:
            return cls(**_anchored(values, path.parent))
        except (KeyError, TypeError, AttributeError) as error:
            raise StudyError(f"{path} lacks the setting {error}.") from error


def default_backbones(weights: dict[str, str]) -> tuple[str, ...]:
    """Name the backbones that need no download: embedded, in Keras's cache, or given by a file."""
    found = list_backbones(weights)
    return tuple(each.name for each in found if each.weights.here)


def _anchored(values: dict[str, Any], start: Path) -> dict[str, Any]:
    """Return settings with the relative paths in them begun at a folder."""
    weights, transforms = values.get("weights", {}), values.get("transforms", {})
    if "unlabelled" in values:
        values = {**values, "unlabelled": _anchored_pictures(values["unlabelled"], start)}
    return {
        **values,
        "pictures": _anchored_pictures(values["pictures"], start),
        "backbones": tuple(anchored(each, start) for each in values["backbones"]),
        "maps": tuple(values["maps"]) if "maps" in values else None,
        "weights": {name: anchored_weights(each, start) for name, each in weights.items()},
        "transforms": {n: anchored_transform(each, start) for n, each in transforms.items()},
    }


def _anchored_pictures(text: str, start: Path) -> str:
    if is_url(text) or text.startswith(PREFIX):
        return text
    whole = start / given_path(text)
    if "," not in text or whole.exists():
        return str(whole.resolve())
    return ",".join(_anchored_pictures(part, start) for part in text.split(",") if part.strip())
