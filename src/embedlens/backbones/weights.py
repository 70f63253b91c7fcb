"""Where a backbone's weights come from, whether they are here, and under which licence."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from embedlens.backbones.keras_backend import import_keras, keras_home
from embedlens.errors import WeightsError
from embedlens.files import content_key
from embedlens.given_path import given_path

if TYPE_CHECKING:
    import keras

RANDOM_SEED = 0
INSTALLED = ("EfficientNetLite0", "EfficientNetLite1", "EfficientNetLite2")
"""Networks whose weights are packages that embedlens requires."""


class Download(Protocol):
    """What would bring weights to this machine."""

    @property
    def file(self) -> Path:
        """Where they lie, or will lie."""

    def get(self) -> None:
        """Bring them there; any exception tells why it could not be."""


@dataclass(frozen=True)
class KerasDownload:
    """A file of weights that Keras downloads into its own cache."""

    name: str
    url: str
    md5: str

    @property
    def file(self) -> Path:
        """Where it lies, or will lie."""
        return keras_home() / "models" / self.name

    def get(self) -> None:
        """Download it."""
        import_keras().utils.get_file(
            self.name,
            self.url,
            cache_dir=str(keras_home()),
            cache_subdir="models",
            file_hash=self.md5 or None,
        )


@dataclass(frozen=True)
class Weights:
    """A backbone's weights: a file, or random numbers that say so.

    Attributes
    ----------
    kind : {"imagenet", "file", "random"}
        ``"imagenet"`` are the network's published weights, on whatever they were trained;
        ``"file"`` are the user's.
    given : Path or None
        Where they lie, unless a download says; None for random weights.
    download : Download or None
        What gets them where they are not here, and says where they then lie.
    licence : str or None
        Under which they were published; None where their publisher does not say, and for the
        user's own.
    trained_on : str, default "ImageNet"
        What published weights were trained on, for reports.
    beside : tuple of Path, default empty
        Further files that hold a part of them.
    configuration : str, default ""
        What besides the file settles the network, where that is not the program's: a digest of the
        configuration that lies beside it.
    """

    kind: Literal["imagenet", "file", "random"]
    given: Path | None = None
    download: Download | None = None
    licence: str | None = None
    trained_on: str = "ImageNet"
    beside: tuple[Path, ...] = ()
    configuration: str = ""

    @property
    def file(self) -> Path | None:
        """Where they lie, or will lie once downloaded; None for random weights."""
        return self.download.file if self.download is not None else self.given

    @property
    def here(self) -> bool:
        """Whether they can be used now, without a download."""
        return self.file is None or self.file.is_file()

    @property
    def origin(self) -> str:
        """Say in a few words where they come from, for reports."""
        if self.file is None:
            return f"random (seed {RANDOM_SEED}), not pretrained"
        if self.kind == "file":
            return f"file {self.file}"
        return f"{self.trained_on} ({self.file.name})"

    def digest(self) -> str:
        """Return the SHA-256 of the file, or a name for the random numbers.

        Of several files it is a digest of theirs, and so of the bytes of all.
        """
        parts = [_digest(each) for each in self.files()] or [f"random-{RANDOM_SEED}"]
        parts += [self.configuration] if self.configuration else []
        return parts[0] if len(parts) == 1 else content_key(parts, 32)

    def files(self) -> list[Path]:
        """Return the file and those beside it, and those that it lists if it is an index."""
        file = self.file
        if file is None:
            return []
        if not file.name.endswith(".index.json"):
            return [file, *self.beside]
        names = json.loads(file.read_text(encoding="utf-8"))["weight_map"].values()
        return [file, *(file.with_name(name) for name in sorted(set(names)))]

    def fetch(self, network: str) -> None:
        """Download the file if it is not here.

        Raises
        ------
        WeightsError
            If it cannot be had; the message names both ways out.
        """
        if self.here:
            return
        if self.download is None:
            raise WeightsError(f"The weights file {self.file} of {network} does not exist.")
        try:
            self.download.get()
        except Exception as error:
            raise WeightsError(
                f"The {self.trained_on} weights of {network} are not on this machine and could "
                f"not be downloaded ({_cause(error)}). Give a file of them, --weights "
                f"{network}=FILE, or take networks whose weights came with the install: "
                f"{', '.join(INSTALLED)}."
            ) from error


def chosen_weights(network: str, choice: str | Path | None, published: Weights) -> Weights:
    """Return the weights that a user chose for a network.

    Parameters
    ----------
    network : str
        For the message.
    choice : {"imagenet", "random"} or path, optional
        What was chosen.
    published : Weights
        Those of "imagenet", and of no choice.

    Raises
    ------
    WeightsError
        If the file does not exist.
    """
    if choice is None or choice == "imagenet":
        return published
    if choice == "random":
        return Weights("random")
    path = given_path(choice)
    if not path.is_file():
        raise WeightsError(
            f"The weights file {path} of {network} does not exist. "
            "Give a file, 'imagenet' or 'random'."
        )
    return Weights("file", path)


def randomize(model: keras.Model, seed: int = RANDOM_SEED) -> None:
    """Set kernels to He-normal numbers that are the same on every Keras backend.

    Vectors (biases, batch normalisation) keep the values that Keras starts from.
    """
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) < 2:
            continue
        depthwise = "depthwise" in variable.path
        fan_in = np.prod(shape[:2] if depthwise else shape[:-1])
        variable.assign(rng.standard_normal(shape, np.float32) * np.sqrt(2.0 / fan_in))


def _digest(file: Path) -> str:
    stat = file.stat()
    return _sha256(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=128)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cause(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line.rpartition(" -- ")[2]
