"""Claim: 100,000 malformed files do no harm: no crash, no hang, no file written, memory bounded.

Valid pictures of every format, zips, tars and tables are damaged at random (bytes changed, cut,
repeated, swapped between files, numbers in headers made huge) and read; what is not refused with an
`EmbedlensError` is reported with the bytes that did it. Each worker's memory is limited, and an
input that takes more than ten seconds counts as a hang.

    python benchmarks/fuzz.py [--inputs 100000] [--seed 0] [--workers 2]
"""

from __future__ import annotations

import argparse
import io
import resource
import signal
import tarfile
import tempfile
import time
import traceback
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, features

from embedlens.errors import EmbedlensError
from embedlens.images import ImageSet, decode, probe
from embedlens.images.source import ZipSource
from embedlens.images.tar import TarSource

SECONDS = 10
MEMORY = 4 * 2**30
_CHUNK = 500


class Hang(BaseException):
    """An input took too long; no reader may take it for a broken file."""


def pictures() -> list[bytes]:
    """Return small pictures in every format and several modes."""
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (24, 31, 3), dtype=np.uint8))
    wide = Image.fromarray(rng.integers(0, 65536, (24, 31), dtype=np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    kinds = [
        (noise, "JPEG", {"exif": exif}), (noise.convert("CMYK"), "JPEG", {}),
        (noise, "JPEG", {"progressive": True}), (noise, "PNG", {}), (wide, "PNG", {}),
        (noise.convert("RGBA"), "PNG", {}), (noise.convert("P"), "GIF", {}),
        (noise, "GIF", {"save_all": True, "append_images": [noise.rotate(90)]}),
        (noise, "BMP", {}), (noise, "TIFF", {}), (noise, "TIFF", {"compression": "tiff_lzw"}),
        (wide, "TIFF", {}), (noise, "WEBP", {}), (noise, "PPM", {}),
    ]  # fmt: skip
    kinds += [(noise, "JPEG2000", {})] if features.check("jpg_2000") else []
    kinds += [(noise, "AVIF", {})] if features.check("avif") else []
    found = []
    for image, kind, options in kinds:
        file = io.BytesIO()
        image.save(file, kind, **options)
        found.append(file.getvalue())
    return found


def archives(members: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Return zips and tars of a few pictures."""
    zips, tars = [], []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", method) as packed:
            for i, data in enumerate(members[:3]):
                packed.writestr(f"{'ab'[i % 2]}/{i}.png", data)
        zips.append(file.getvalue())
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode=mode) as tar:
            for i, data in enumerate(members[:3]):
                info = tarfile.TarInfo(f"{'ab'[i % 2]}/{i}.png")
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        tars.append(file.getvalue())
    return zips, tars


def tables() -> list[tuple[str, bytes]]:
    """Return tables in every format, with the suffix of each."""
    import pandas as pd

    frame = pd.DataFrame({"path": ["a/0.png", "b/1.png"], "label": ["a", "b"]})
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    return [
        (".csv", frame.to_csv(index=False).encode()),
        (".tsv", frame.to_csv(index=False, sep="\t").encode()),
        (".parquet", parquet.getvalue()),
        (".csv", "path,label,split\na/0.png,ä,train\nb/1.png,b,test\n".encode("utf-16")),
    ]


def damage(data: bytes, other: bytes, rng: np.random.Generator) -> bytes:
    """Change a file in one of the ways that files are broken, or made to break readers."""
    array = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        place = int(rng.integers(0, max(len(array), 1)))
        kind = rng.integers(0, 7)
        if kind == 0:
            array[place : place + 1] = rng.bytes(1)
        elif kind == 1:
            del array[place:]
        elif kind == 2:
            # Lengths and sizes stand near the start.
            place = int(rng.integers(0, min(len(array), 64) or 1))
            array[place : place + 4] = (b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4))[
                int(rng.integers(3))
            ]
        elif kind == 3:
            array[place:place] = array[: int(rng.integers(1, 200))]
        elif kind == 4:
            array[place:] = other[place:]
        elif kind == 5:
            end = place + int(rng.integers(1, 40))
            array[place:end] = rng.bytes(max(0, min(end, len(array)) - place))
        else:
            del array[place : place + int(rng.integers(1, 40))]
    return bytes(array)


def look_at(data: bytes) -> None:
    probe(data)
    decode(data, 16)


def open_archive(make: Callable[[Path], ZipSource | TarSource], folder: Path, data: bytes) -> None:
    path = folder / "archive"
    path.write_bytes(data)
    source = make(path)
    for name in source.names()[:5]:
        assert not name.startswith("/"), name
        assert ".." not in name.split("/"), name
        source.stamp(name)
        try:
            source.read(name)
        except EmbedlensError:
            continue


def read_table(folder: Path, suffix: str, data: bytes) -> None:
    path = folder / f"table{suffix}"
    path.write_bytes(data)
    try:
        ImageSet.read(path)
    finally:
        path.unlink()


def one(rng: np.random.Generator, folder: Path, seeds: Seeds) -> tuple[str, bytes, Callable]:
    """Return what an input is, its bytes, and what to do with it."""
    kind = rng.choice(["picture", "zip", "tar", "table"], p=[0.85, 0.06, 0.05, 0.04])
    if kind == "picture":
        a, b = rng.integers(0, len(seeds.pictures), 2)
        data = damage(seeds.pictures[a], seeds.pictures[b], rng)
        return kind, data, lambda: look_at(data)
    if kind == "table":
        suffix, table = seeds.tables[rng.integers(len(seeds.tables))]
        data = damage(table, seeds.tables[0][1], rng)
        return kind, data, lambda: read_table(folder, suffix, data)
    pool, make = (seeds.zips, ZipSource) if kind == "zip" else (seeds.tars, TarSource)
    data = damage(pool[rng.integers(len(pool))], pool[rng.integers(len(pool))], rng)
    return kind, data, lambda: open_archive(make, folder, data)


class Seeds:
    """The valid files that inputs are made from."""

    def __init__(self) -> None:
        self.pictures = pictures()
        self.zips, self.tars = archives(self.pictures)
        self.tables = tables()


def run(seed: int, inputs: int) -> tuple[Counter[str], list[str]]:
    """Try some inputs; return how each ended, and reports of those that did harm."""

    def too_long(*_: object) -> None:
        raise Hang

    signal.signal(signal.SIGALRM, too_long)
    rng, seeds, ends, harm = np.random.default_rng(seed), Seeds(), Counter(), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "inside"
        folder.mkdir()
        for _ in range(inputs):
            kind, data, act = one(rng, folder, seeds)
            signal.alarm(SECONDS)
            try:
                act()
                ends[f"{kind}: read"] += 1
            except EmbedlensError:
                ends[f"{kind}: refused with a sentence"] += 1
            except BaseException:  # a traceback of any kind is a bug
                ends[f"{kind}: HARM"] += 1
                harm.append(f"{kind} {data.hex()[:2000]}\n{traceback.format_exc()}")
            finally:
                signal.alarm(0)
            written = {each.name for each in folder.iterdir()} - {"archive"}
            if written or len(list(Path(name).iterdir())) > 1:
                ends["written: HARM"] += 1
                harm.append(f"{kind} wrote {written}")
    return ends, harm


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def fuzz(inputs: int, seed: int, workers: int) -> tuple[Counter[str], list[str]]:
    """Try many inputs, a process a worker; a worker that dies raises."""
    chunks = [(seed * 1_000_003 + i, min(_CHUNK, inputs - i)) for i in range(0, inputs, _CHUNK)]
    ends, harm = Counter(), []
    with ProcessPoolExecutor(workers, initializer=limit_memory) as pool:
        for some, reports in pool.map(run, *zip(*chunks, strict=True)):
            ends += some
            harm += reports
    return ends, harm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    start = time.perf_counter()
    ends, harm = fuzz(args.inputs, args.seed, args.workers)
    for report in harm[:20]:
        print(report)
    for end, count in sorted(ends.items()):
        print(f"{count:8,} {end}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    seconds = time.perf_counter() - start
    print(
        f"{sum(ends.values()):,} inputs, {len(harm)} did harm; {seconds:.0f} s, "
        f"a worker's memory at most {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
