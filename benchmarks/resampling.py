"""Claim: photographs become pixels at least 1.5 times as fast as by Pillow's own resize, and the
pixels are the same bytes.

    python benchmarks/resampling.py PHOTOS [--pictures 200] [--rounds 5] [--json FILE]

Each photograph is brought to the sizes below, JPEG of quality 90, and decoded to the middle 224 of
256 pixels by bicubic interpolation, as the published evaluation of many networks wants it: once by
embedlens, once by Pillow's ``open``, ``convert``, ``resize`` and ``crop``, in turns, on one core.
Resizing alone is timed too.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from embedlens.images import decode
from embedlens.images.fitting import Fitting
from embedlens.images.resampling import prepare, resized

SIZES = ((256, 192), (500, 375), (1600, 1200), (4000, 3000))
TARGET, SIDE = 224, 256
SUFFIXES = {".jpg", ".jpeg", ".png"}
BICUBIC = Image.Resampling.BICUBIC
FITTING = Fitting((TARGET, TARGET), "crop", shorter_side=SIDE)


def by_pillow(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(pillow_resizes(image.convert("RGB")))


def pillow_resizes(image: Image.Image) -> Image.Image:
    size, box = place(image)
    return image.resize(size, BICUBIC).crop(box)


def embedlens_resizes(image: Image.Image) -> np.ndarray:
    return resized(image, *place(image), BICUBIC)


def place(image: Image.Image) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    size = FITTING.scaled(image.size)
    left, top = FITTING.corner(size)
    return size, (left, top, left + TARGET, top + TARGET)


def by_embedlens(data: bytes) -> np.ndarray:
    return decode(data, TARGET, "crop", shorter_side=SIDE, interpolation="bicubic")


def encoded(path: Path, size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").resize(size, BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def seconds(work: Callable[[object], object], given: Sequence[object]) -> float:
    begun = time.perf_counter()
    for each in given:
        work(each)
    return (time.perf_counter() - begun) / len(given)


def ratio(
    ours: Callable[..., object], peers: Callable[..., object], given: Sequence[object], rounds: int
) -> tuple[float, float, float]:
    """Return milliseconds of both, and the median of the rounds' ratios."""
    pairs = [(seconds(ours, given), seconds(peers, given)) for _ in range(rounds)]
    own, other = (1000 * median(each) for each in zip(*pairs, strict=True))
    return own, other, median(peer / our for our, peer in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    paths = [path for path in sorted(given.photos.rglob("*")) if path.suffix.lower() in SUFFIXES]
    paths = paths[:: max(1, len(paths) // given.pictures)][: given.pictures]
    prepare()
    lines = []
    print("| pixels | decoded: ms, Pillow | ratio | resized: ms, Pillow | ratio | other bytes |")
    for size in SIZES:
        chosen = paths[: max(5, round(len(paths) * min(1, 500 * 375 / (size[0] * size[1]))))]
        data = [encoded(path, size) for path in chosen]
        other = sum(int((by_embedlens(each) != by_pillow(each)).sum()) for each in data)
        whole = ratio(by_embedlens, by_pillow, data, given.rounds)
        images = [Image.open(io.BytesIO(each)).convert("RGB") for each in data]
        alone = ratio(embedlens_resizes, pillow_resizes, images, given.rounds)
        lines.append({"size": size, "decode": whole, "resize": alone, "other_bytes": other})
        print(
            f"| {size[0]} x {size[1]} | {whole[0]:.2f}, {whole[1]:.2f} | **{whole[2]:.2f}** | "
            f"{alone[0]:.2f}, {alone[1]:.2f} | **{alone[2]:.1f}** | {other} |",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(lines, indent=2))


if __name__ == "__main__":
    main()
