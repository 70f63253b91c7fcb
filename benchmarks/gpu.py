"""Claim: on a GPU the engine ``torch`` takes JPEG files to features at least as fast as PyTorch
with its own data loader, and to the same features.

    python benchmarks/gpu.py PHOTOS [--pictures 8192] [--networks NAME,NAME] [--rounds 3]
        [--precisions NAME,NAME] [--json FILE]

The peer is timm's module in channels-last order and inference mode, under ``autocast`` for
bfloat16, with timm's own transform in a ``DataLoader`` of as many processes as there are
processors, pinned memory and batches of 256; its processes run already when it is timed, those of
embedlens are started in that time. Both
read the same files: each is one of PHOTOS brought to 500 x 375 pixels, JPEG of quality 90. Both
have the same random weights. They take turns; a figure is the median of the rounds. "Files" is
decoding and resizing alone, "network" the network alone on a batch that lies on the GPU: the
least of the two is what anybody can reach.
PyTorch rounds the factors of convolutions to TF32 by itself, embedlens in float32 does not: a line
``tf32`` is of the peer so, beside embedlens in float32.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from embedlens.arrays import processors
from embedlens.backbones import get_backbone
from embedlens.features import Precision, Recipe, embed
from embedlens.features.decoding import Decoding, decoded
from embedlens.images import ImageSet

NETWORKS = ("vit_base_patch16_224", "convnext_tiny", "resnet50")
# The peer's precision, and ours beside it.
PRECISIONS: dict[str, Precision] = {"float32": "float32", "tf32": "float32", "bf16": "bf16"}
THREADS = (8,)  # of embedlens, reading files and doing nothing with them
BATCH = 256
SUFFIXES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True)
class Line:
    """What one network and precision gave; pictures a second, and the least cosine."""

    network: str
    precision: str
    embedlens: float
    peer: float
    ratio: float
    network_alone: float
    cosine: float


class Files(torch.utils.data.Dataset):
    """Files of pictures by timm's transform, as its users load them."""

    def __init__(self, paths: list[Path], transform: Callable[[Image.Image], torch.Tensor]) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> torch.Tensor:
        with Image.open(self.paths[row]) as image:
            return self.transform(image.convert("RGB"))


class Peer:
    """timm's module behind PyTorch's data loader."""

    def __init__(self, name: str, weights: Path, paths: list[Path]) -> None:
        self.module = timm.create_model(name, checkpoint_path=str(weights))
        self.module.reset_classifier(0)
        config = timm.data.resolve_data_config({}, model=self.module)
        self.module = self.module.eval().cuda().to(memory_format=torch.channels_last)
        self.loader = torch.utils.data.DataLoader(
            Files(paths, timm.data.create_transform(**config)), batch_size=BATCH,
            num_workers=processors(), pin_memory=True, persistent_workers=True,
        )  # fmt: skip
        self.features = np.empty((len(paths), self.module.num_features), np.float32)

    def run(self, precision: str) -> None:
        place = 0
        for pixels in self.loader:
            found = self.forward(pixels.cuda(non_blocking=True), precision)
            self.features[place : place + len(found)] = found.cpu().numpy()
            place += len(found)

    def forward(self, pixels: torch.Tensor, precision: str) -> torch.Tensor:
        pixels = pixels.to(memory_format=torch.channels_last)
        tf32 = torch.backends.cudnn.flags(enabled=True, allow_tf32=precision == "tf32")
        cast = torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16")
        with torch.inference_mode(), tf32, cast:
            return self.module(pixels).float()

    def alone(self, precision: str) -> float:
        """Return pictures a second of the network on a batch that is there already."""
        side = self.loader.dataset[0].shape[-1]
        pixels = torch.randn(BATCH, 3, side, side, device="cuda")
        took = []
        for _ in range(8):
            torch.cuda.synchronize()
            begun = time.perf_counter()
            self.forward(pixels, precision)
            torch.cuda.synchronize()
            took.append(time.perf_counter() - begun)
        return BATCH / median(took[2:])


def files(photos: Path, count: int, folder: Path) -> list[Path]:
    """Write pictures of 500 x 375, each of other bytes, and return their paths in order."""
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    kept = []
    for path in found:
        scratch = folder / "one.jpg"
        with Image.open(path) as image:
            image.convert("RGB").resize((500, 375), Image.Resampling.BICUBIC).save(
                scratch, quality=90
            )
        kept.append(scratch.read_bytes())
    scratch.unlink()
    # Two classes, as a set of pictures has them, in the order of their paths.
    classes = ["first"] * (count // 2) + ["second"] * (count - count // 2)
    paths = [folder / "pictures" / own / f"{n:06d}.jpg" for n, own in enumerate(classes)]
    for own in set(classes):
        (folder / "pictures" / own).mkdir(parents=True)
    for number, path in enumerate(paths):
        path.write_bytes(kept[number % len(kept)] + number.to_bytes(4, "big"))
    return paths


def measure(
    name: str, paths: list[Path], images: ImageSet, rounds: int, precisions: dict[str, Precision]
) -> list[Line]:
    """Time one network at each precision, the two by turns."""
    weights = paths[0].parents[2] / f"{name}.safetensors"
    save_file(random_weights(name), weights)
    backbone = get_backbone(f"timm:{name}", weights=weights)
    peer, lines = Peer(name, weights, paths), []
    peer.run("float32")
    n = len(paths)
    print(f"{name}: files alone, pictures a second: {files_alone(backbone, images, peer)}")
    for theirs, ours in precisions.items():
        recipe = Recipe.of(backbone, precision=ours, engine="torch")
        own, other = [], []
        for _ in range(rounds):
            found = embed(images, recipe)
            own.append(n / found.record["seconds"])
            begun = time.perf_counter()
            peer.run(theirs)
            other.append(n / (time.perf_counter() - begun))
        ratio = median(a / b for a, b in zip(own, other, strict=True))
        cosine = least_cosine(found.values, peer.features)
        alone = peer.alone(theirs)
        lines.append(Line(name, theirs, median(own), median(other), ratio, alone, cosine))
        print(lines[-1], found.record["gpu"], flush=True)
    return lines


def random_weights(name: str) -> dict[str, torch.Tensor]:
    """Return weights of which all matter: fresh ones leave out whole blocks by scales near 0."""
    torch.manual_seed(0)
    module = timm.create_model(name)
    for parameter in module.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, 0.5, 0.2)
    return module.state_dict()


def files_alone(backbone: Any, images: ImageSet, peer: Peer) -> str:
    """Return what each side reads of files, and does nothing with."""
    transform, rows, said = Recipe.of(backbone).transform, range(len(images)), []
    for count in THREADS:
        begun = time.perf_counter()
        for _ in decoded(images, rows, transform, count):
            pass
        said.append(f"{count} threads {len(images) / (time.perf_counter() - begun):,.0f}")
    with Decoding() as decoding:
        decoding.start(len(images))
        begun = time.perf_counter()
        for _ in decoding.pictures(SimpleNamespace(gpu="any"), images, rows, transform):
            pass
    said.append(f"processes {len(images) / (time.perf_counter() - begun):,.0f}")
    begun = time.perf_counter()
    for _ in peer.loader:
        pass
    return ", ".join([*said, f"PyTorch {len(images) / (time.perf_counter() - begun):,.0f}"])


def least_cosine(A: np.ndarray, B: np.ndarray) -> float:
    A, B = A.astype(np.float64), B.astype(np.float64)
    norms = np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1)
    return float((np.einsum("ij,ij->i", A, B) / norms).min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--pictures", type=int, default=8192)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precisions", default=",".join(PRECISIONS))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    chosen = {each: PRECISIONS[each] for each in given.precisions.split(",")}
    if not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no GPU here; there is nothing to measure.")
    print(torch.cuda.get_device_name(), "PyTorch", torch.__version__, "processors", processors())
    with tempfile.TemporaryDirectory() as folder:
        paths = files(given.photos, given.pictures, Path(folder))
        images = ImageSet.read(paths[0].parents[1])
        lines = []
        for name in given.networks.split(","):
            lines += measure(name, paths, images, given.rounds, chosen)
    for line in lines:
        print(
            f"| {line.network} | {line.precision} | {line.embedlens:,.0f} | {line.peer:,.0f} | "
            f"{line.ratio:.2f} | {line.network_alone:,.0f} | {line.cosine:.6f} |"
        )
    if given.json:
        given.json.write_text(json.dumps([asdict(line) for line in lines], indent=2))


if __name__ == "__main__":
    main()
