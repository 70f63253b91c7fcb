"""Where a backbone's weights come from, and whether they are here."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from embedlens.backbones.applications import WeightsFile
from embedlens.backbones.keras_backend import import_keras, keras_home
from embedlens.errors import WeightsError

if TYPE_CHECKING:
    import keras

RANDOM_SEED = 0


@dataclass(frozen=True)
class Weights:
    """A backbone's weights: a file, or random numbers that say so.

    Attributes
    ----------
    kind : {"imagenet", "file", "random"}
        ``"imagenet"`` are the network's published weights, ``"file"`` are the user's.
    file : Path or None
        Where they lie, or will lie once downloaded; None for random weights.
    download : WeightsFile or None
        What Keras would download to get them.
    """

    kind: Literal["imagenet", "file", "random"]
    file: Path | None = None
    download: WeightsFile | None = None

    @property
    def here(self) -> bool:
        """Whether they can be used now, without a download."""
        return self.file is None or self.file.is_file()

    @property
    def origin(self) -> str:
        """Say in a few words where they come from, for reports."""
        if self.file is None:
            return f"random (seed {RANDOM_SEED}), not pretrained"
        return f"ImageNet ({self.file.name})" if self.kind == "imagenet" else f"file {self.file}"

    def digest(self) -> str:
        """Return the SHA-256 of the file, or a name for the random numbers."""
        if self.file is None:
            return f"random-{RANDOM_SEED}"
        stat = self.file.stat()
        return _sha256(self.file, stat.st_size, stat.st_mtime_ns)

    def fetch(self, network: str) -> None:
        """Let Keras download the file if it is not here.

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
            import_keras().utils.get_file(
                self.download.name,
                self.download.url,
                cache_dir=str(keras_home()),
                cache_subdir="models",
                file_hash=self.download.md5 or None,
            )
        except Exception as error:
            raise WeightsError(
                f"The ImageNet weights of {network} are not on this machine and could not be "
                f"downloaded ({_cause(error)}). Give a file of them, --weights "
                f"{network}=FILE, or run without pretraining, --weights {network}=random."
            ) from error


def keras_download(file: WeightsFile) -> Weights:
    """Return the ImageNet weights that Keras keeps in, or downloads to, its own cache."""
    return Weights("imagenet", keras_home() / "models" / file.name, file)


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


@lru_cache(maxsize=128)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cause(error: Exception) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line.rpartition(" -- ")[2]
