"""An image set with faults planted in it, and plain features of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from embedlens.images import ImageSet

COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (200, 50, 40)}


@dataclass
class Planted:
    """The folder, and the names of the faulty pictures by kind."""

    folder: Path
    faults: dict[str, set[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> None:
        self.faults.setdefault(kind, set()).add(name)


def draw(rng, colour):
    """A picture of a colour with soft spots of its own."""
    spots = rng.normal(0, 75, (6, 6, 3)) + np.array(colour)
    small = Image.fromarray(np.clip(spots, 0, 255).astype(np.uint8))
    return small.resize((96, 96), Image.Resampling.BICUBIC)


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """Three classes of 60 in given splits, with every fault a few times."""
    rng = np.random.default_rng(0)
    planted = Planted(tmp_path_factory.mktemp("planted"))
    kept = {}

    def save(name, picture, **options):
        path = planted.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, **options)

    for label, colour in COLOURS.items():
        for i in range(60):
            split = ("train", "train", "train", "val", "test")[i % 5]
            kept[label, i] = draw(rng, colour)
            save(f"{split}/{label}/{i:02}.png", kept[label, i])
    for i in range(0, 6):
        half = kept["blue", 5 * i].resize((48, 48))
        save(f"train/blue/copy{i}.jpg", half, quality=80)
        planted.add("duplicate", f"train/blue/copy{i}.jpg")
    for i in range(5):
        save(f"train/red/leak{i}.jpg", kept["red", 5 * i + 4], quality=60)
        planted.add("leak", f"train/red/leak{i}.jpg")
    for i in range(4):
        save(f"train/green/twin{i}.jpg", kept["red", 5 * i + 1].resize((150, 150)), quality=90)
        planted.add("two labels", f"train/green/twin{i}.jpg")
    for i in range(6):
        save(f"train/red/wrong{i}.png", draw(rng, COLOURS["blue"]))
        planted.add("suspect label", f"train/red/wrong{i}.png")
    for i in range(3):
        save(f"train/green/odd{i}.png", draw(rng, ((255, 0, 255), (0, 0, 0), (255, 255, 0))[i]))
        planted.add("outlier", f"train/green/odd{i}.png")
    for i, content in enumerate((b"", b"text", b"\xff\xd8\xff\xe0 cut off")):
        (planted.folder / f"train/blue/broken{i}.png").write_bytes(content)
        planted.add("unreadable", f"train/blue/broken{i}.png")
    return planted


@pytest.fixture(scope="session")
def planted_images(planted):
    return ImageSet.read(planted.folder)
