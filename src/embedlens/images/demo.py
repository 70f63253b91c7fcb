"""Pictures that come with the install, for trying things without pictures of one's own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from embedlens.errors import ImageSetError

_CLOTHES = Path(__file__).with_name("demo_pictures")


def write_demo_pictures(folder: Path, data: str = "clothes") -> Path:
    """Write a small image set of real pictures into a folder, one folder a class.

    Parameters
    ----------
    folder : Path
        Where to; what an earlier call left there is replaced.
    data : {"clothes", "digits"}, default "clothes"
        "clothes": 320 photographs of clothes in 8 classes, in the public domain; long sleeves,
        shirts and t-shirts are hard to tell apart. "digits": scikit-learn's 1,797 handwritten
        digits of 8 x 8 pixels.

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
    >>> folder = write_demo_pictures(Path(tempfile.mkdtemp()) / "clothes")
    >>> len(ImageSet.read(folder).classes)
    8
    """
    sets: dict[str, Callable[[Path], None]] = {"clothes": _clothes, "digits": _digits}
    if data not in sets:
        raise ImageSetError(f"There is no demo data {data!r}; choose from {', '.join(sets)}.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sets[data](folder)
    return folder


def _clothes(folder: Path) -> None:
    for path in sorted(_CLOTHES.glob("*/*.jpg")):
        copy = folder / path.parent.name / path.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())  # without the permissions of the install


def _digits(folder: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    for i, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / str(label) / f"{i:04d}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray((image * 255 / 16).astype(np.uint8)).save(path)
