"""The settings of a study, and their file ``study.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import tomli_w

from embedlens.backbones import STUDY, Pooling, list_backbones
from embedlens.errors import StudyError
from embedlens.features import Precision

Resize = Literal["squash", "crop", "pad"]
EngineChoice = Literal["auto", "openvino", "keras"]

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
        Names, as for ``get_backbone``.
    weights : dict of str to str
        A file, or "random", by the name of the network; the others have their ImageNet weights.
    pooling, size, resize, precision, engine
        As for ``embed``.
    test, validation : float
        Shares, as for ``ImageSet.read``: 20% of all, and 30% of the rest, the study's.
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
    """

    pictures: str
    backbones: tuple[str, ...]
    weights: dict[str, str] = field(default_factory=dict)
    pooling: Pooling = "avg"
    size: int | None = None
    resize: Resize = "squash"
    precision: Precision = "float32"
    engine: EngineChoice = "auto"
    test: float = 0.2
    validation: float = 0.3
    repeats: int = 5
    seed: int = 0
    top: bool = False
    finetune: bool = False
    unfreeze: str = "last-conv"
    augment: bool = False
    epochs: int = 16

    def __post_init__(self) -> None:
        if not self.backbones:
            raise StudyError(
                "A study needs at least one backbone; `embedlens backbones` lists them."
            )
        if self.repeats < 1:
            raise StudyError(f"repeats is {self.repeats}; give 1 or more.")
        if self.epochs < 1:
            raise StudyError(f"epochs is {self.epochs}; give 1 or more.")
        cut = [each for each in self.backbones if "@" in each]
        if self.finetune and cut:
            raise StudyError(
                f"{cut[0]} is cut at a layer, and fine-tuning needs the whole backbone. Leave "
                f"@{cut[0].rpartition('@')[2]} out, or leave fine-tuning out."
            )
        for name, share in (("test", self.test), ("validation", self.validation)):
            if not 0 < share < 1:
                raise StudyError(f"{name} is {share}; give a share between 0 and 1.")
        unused = set(map(str.lower, self.weights)) - {_network(b).lower() for b in self.backbones}
        if unused:
            raise StudyError(
                f"Weights are given for {', '.join(sorted(unused))}, which is not among the "
                f"backbones {', '.join(self.backbones)}."
            )

    def weights_of(self, backbone: str) -> str | None:
        """Return the weights chosen for a backbone, or None for its own."""
        by_lower = {name.lower(): value for name, value in self.weights.items()}
        return by_lower.get(_network(backbone).lower())

    def write(self, path: Path) -> None:
        """Write them as TOML; what is not set is left out."""
        values = {key: value for key, value in asdict(self).items() if value is not None}
        values["backbones"] = list(self.backbones)
        temporary = path.with_suffix(".tmp")
        temporary.write_text(tomli_w.dumps(values))
        temporary.replace(path)

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read what `write` wrote.

        Raises
        ------
        StudyError
            If the file is absent or is not such a file.
        """
        try:
            values = tomllib.loads(path.read_text())
        except FileNotFoundError:
            raise StudyError(
                f"{path.parent} is not a study folder: it has no {path.name}. Make one with "
                "`embedlens study PHOTOS --out FOLDER`."
            ) from None
        except tomllib.TOMLDecodeError as error:
            raise StudyError(f"{path} is not valid TOML: {error}.") from error
        known = {each.name for each in fields(cls)}
        if unknown := set(values) - known:
            raise StudyError(
                f"{path} has settings that mean nothing here: {', '.join(sorted(unknown))}. "
                f"Known are {', '.join(sorted(known))}."
            )
        try:
            return cls(**{**values, "backbones": tuple(values["backbones"])})
        except (KeyError, TypeError) as error:
            raise StudyError(f"{path} lacks the setting {error}.") from error


def default_backbones(weights: dict[str, str]) -> tuple[str, ...]:
    """Name the backbones that need no download: embedded, in Keras's cache, or given by a file."""
    found = list_backbones(weights)
    return tuple(each.name for each in found if each.weights.here)


def _network(backbone: str) -> str:
    return backbone.partition("@")[0]
