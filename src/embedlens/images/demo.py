"""Pictures that come with the install, for trying things without pictures of one's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from embedlens.errors import ImageSetError

Picture = npt.NDArray[np.uint8]

# Photographs and micrographs in the scikit-image wheel that are of one stuff all over.
PHOTOGRAPHS = (
    "brick", "cell", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field",
    "immunohistochemistry", "moon", "motorcycle", "retina", "rocket", "text",
)  # fmt: skip

# Share of a photograph's width for each split, from left to right.
_STRIPS = {"train": (0.0, 0.56), "validation": (0.56, 0.78), "test": (0.78, 1.0)}
_TILE = 48
_TILES_A_CLASS = 80


def write_demo_pictures(folder: Path, data: str = "patches", seed: int = 0) -> Path:
    """Write a small image set of real pictures into a folder.

    Parameters
    ----------
    folder : Path
        Where to; what an earlier call left there is replaced.
    data : {"patches", "digits"}, default "patches"
        "patches": grey tiles of 48 x 48 pixels from 14 photographs that the scikit-image wheel
        carries, at most 80 a photograph, none overlapping; training, validation and test tiles
        come from separate strips of each photograph. Grey, as colour alone would give most
        away. "digits": scikit-learn's 1,797 handwritten digits of 8 x 8 pixels.
    seed : int, default 0
        Which tiles are taken where there are more.

    Returns
    -------
    Path
        ``folder``, for ``ImageSet.read``.

    Raises
    ------
    ImageSetError
        If ``data`` is neither.

    Examples
    --------
    >>> import tempfile
    >>> from embedlens.images import ImageSet
    >>> folder = write_demo_pictures(Path(tempfile.mkdtemp()) / "patches")
    >>> len(ImageSet.read(folder).classes)
    14
    """
    sets: dict[str, Callable[[int], Iterator[tuple[str, Picture]]]] = {
        "patches": _patches,
        "digits": _digits,
    }
    if data not in sets:
        raise ImageSetError(f"There is no demo data {data!r}; choose from {', '.join(sets)}.")
    shutil.rmtree(folder, ignore_errors=True)
    for name, picture in sets[data](seed):
        path = folder / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path)
    return folder


def _patches(seed: int) -> Iterator[tuple[str, Picture]]:
    import skimage.data
    from skimage.color import rgb2gray
    from skimage.util import img_as_ubyte

    for number, name in enumerate(PHOTOGRAPHS):
        photograph = _photograph(skimage.data, name)
        grey = img_as_ubyte(rgb2gray(photograph[..., :3])) if photograph.ndim == 3 else photograph
        width = grey.shape[1]
        rng = np.random.default_rng([seed, number])
        for split, (left, right) in _STRIPS.items():
            tiles = list(_tiles(grey[:, round(left * width) : round(right * width)]))
            wanted = round(_TILES_A_CLASS * (right - left))
            for i in sorted(rng.permutation(len(tiles))[:wanted]):
                yield f"{split}/{name}/{i:03d}", tiles[i]


def _photograph(data: object, name: str) -> Picture:
    if name == "motorcycle":
        name, pick = "stereo_motorcycle", 0
        left: Picture = getattr(data, name)()[pick]
        return left
    picture: Picture = getattr(data, name)()
    return picture


def _tiles(strip: Picture) -> Iterator[Picture]:
    rows, columns = (side // _TILE for side in strip.shape)
    for row in range(rows):
        for column in range(columns):
            tile = strip[row * _TILE :, column * _TILE :][:_TILE, :_TILE]
            # A tile of one shade shows nothing: the night sky, the black around a retina.
            if tile.std() > 2:
                yield tile


def _digits(seed: int) -> Iterator[tuple[str, Picture]]:
    from sklearn.datasets import load_digits

    digits = load_digits()
    for i, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        yield f"{label}/{i:04d}", (image * 255 / 16).astype(np.uint8)
