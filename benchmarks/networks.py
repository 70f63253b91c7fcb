"""Claim: of one network of each architecture module of timm, with random weights, at least 95% run
as OpenVINO graphs, the others on PyTorch, and none fails; features from files of pictures have a
cosine of at least .9999 to those of timm's own transform and forward.

And: ViT-S/16, SigLIP-B/16, ConvNeXt-T, ResNet-50 and MobileNetV4-S run at least 2 times as fast as
on PyTorch in float32 and 5 times in bfloat16, geometric mean, on a CPU that has AMX.

    python benchmarks/networks.py [--json FILE] [--limit SECONDS] [--untimed] [--speed] [--only ...]

Each network is a line of the file, and a process of its own with a time limit; lines that are
there are not computed again. Of each module the network with the fewest weights is taken whose
pictures are of at most 288 pixels a side, if there is one: the size is in the line. A network
that neither tracing nor exporting brings to OpenVINO is run by PyTorch and counts as such; one
whose process ends in an error or at the limit counts as failed. The lightest networks come first.
Pictures a second are of the
network alone, float32, by turns in one process: PyTorch in batches of 8, OpenVINO a picture at a
time with as many at once as it asks for; ``--untimed`` leaves that out. With ``--speed`` they are
also given in multiplications a second, beside those of a large matrix product on all processors,
the most that any engine can reach.
Weights are random and are not said to be more.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import numpy as np
from PIL import Image

from embedlens.backbones import get_backbone
from embedlens.backbones.families.timm_family import architectures

SIDE = 288
SPEED = (
    "vit_small_patch16_224", "vit_base_patch16_siglip_224", "convnext_tiny", "resnet50",
    "mobilenetv4_conv_small",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("networks.jsonl"))
    parser.add_argument("--limit", type=float, default=600.0)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--untimed", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--child")
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(given.child, given.speed, not given.untimed)), flush=True)
        return
    chosen = SPEED if given.speed else one_of_each_module()
    if given.only:
        chosen = given.only.split(",")
    flags = [each for each in ("--speed", "--untimed") if getattr(given, each[2:])]
    done = {row["network"] for row in rows_of(given.json)}
    for name in chosen:
        if name in done:
            continue
        row = in_a_child(name, given.limit, flags)
        with given.json.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(row, flush=True)
    summary(rows_of(given.json))


def one_of_each_module() -> list[str]:
    """The lightest network of each module of timm that the table describes."""
    from timm.models import list_models, list_modules

    found = []
    for module in list_modules():
        names = [each for each in list_models(module=module) if each in architectures()]
        small = [each for each in names if max(_size(each)) <= SIDE] or names
        real = [each for each in small if not each.startswith("test_")] or small
        if real:
            found.append(min(real, key=lambda each: architectures()[each].parameters))
    return sorted(found, key=lambda each: architectures()[each].parameters)


def _size(name: str) -> tuple[int, int]:
    row = architectures()[name]
    each = row.pretrained.get(row.default) or next(iter(row.pretrained.values()), None)
    return each.input_size if each else (10**6, 10**6)


def in_a_child(name: str, limit: float, flags: list[str]) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", name, *flags]
    begun = time.perf_counter()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return {"network": name, "failed": f"not done after {limit:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"network": name, "failed": lines[-1] if lines else f"exit {done.returncode}"}
    seconds = time.perf_counter() - begun
    return {**json.loads(done.stdout.strip().splitlines()[-1]), "seconds": round(seconds, 1)}


def measure(name: str, speed: bool, timed: bool) -> dict[str, Any]:
    """Convert one network, compare it with timm's pipeline, and time both."""
    import torch

    from embedlens.backbones.torch_conversion import to_openvino
    from embedlens.errors import ConversionError
    from embedlens.images.decode import decode

    backbone = get_backbone(f"timm:{name}", weights="random")
    transform = backbone.transform
    built = backbone.family.build(backbone, "torch", transform, "own", None)
    model = built.model
    row: dict[str, Any] = {
        "network": name, "module": architecture_module(name), "parameters": built.parameters,
        "size": list(built.size), "features": built.features, "vector": built.vector,
    }  # fmt: skip
    graph, row["how"] = None, "torch"
    try:
        graph, row["how"] = to_openvino(model, built.size)
    except ConversionError as error:
        row["reason"] = str(error)
    with tempfile.TemporaryDirectory() as folder:
        files = pictures(Path(folder))
        pixels = [
            decode(
                file.read_bytes(), transform.size, transform.resize, crop=transform.crop,
                shorter_side=transform.shorter_side, interpolation=transform.interpolation,
                fill=transform.fill,
            )
            for file in files
        ]  # fmt: skip
        expected = timms_own(name, model.module, files)
    run = compiled(graph, "f32") if graph is not None else None
    given = [
        run([each[None].astype(np.float32)])[0][0] if run else of_torch(model, each[None])[0]
        for each in pixels
    ]
    row["cosine"] = round(min(map(cosine, given, expected)), 8)
    batch = np.stack((pixels * 2)[:8])
    if timed:
        row["torch_per_s"] = rate(lambda: of_torch(model, batch), 8)
    if timed and graph is not None:
        row["openvino_per_s"] = rate(stream(graph, "f32", batch), 8)
    if speed and graph is not None:
        row |= rounds(model, graph, batch)
        each = multiplications(model, batch)
        row["torch_giga_per_s"] = round(row["torch_per_s"] * each / 1e9, 1)
        row["openvino_giga_per_s"] = round(row["openvino_per_s"] * each / 1e9, 1)
        row["matrix_product_giga_per_s"] = round(matrix_product() / 1e9, 1)
    row["versions"] = {"torch": torch.__version__}
    return row


def architecture_module(name: str) -> str:
    import timm.models

    return timm.models.model_entrypoint(name).__module__.rpartition(".")[2]


def timms_own(name: str, module: Any, files: list[Path]) -> list[np.ndarray]:
    """Features by timm's own loading code, of the same numbers."""
    import timm
    import torch

    options = {"global_pool": "token"} if "_dinov3" in name and name.startswith("vit_") else {}
    own = timm.create_model(name, num_classes=0, **options).eval()
    own.load_state_dict(module.state_dict())
    transform = timm.data.create_transform(
        **timm.data.resolve_model_data_config(own), is_training=False
    )
    with torch.no_grad():
        return [own(transform(Image.open(f).convert("RGB"))[None])[0].numpy() for f in files]


def pictures(folder: Path) -> list[Path]:
    """Four files: landscape, portrait, small and grey."""
    files = []
    for number, size in enumerate([(640, 427), (300, 401), (97, 61), (256, 256)]):
        rng = np.random.default_rng(number)
        coarse = Image.fromarray(rng.integers(0, 256, (7, 9, 3), dtype=np.uint8))
        image = coarse.resize(size, Image.Resampling.BICUBIC)
        files.append(folder / f"{number}.png")
        (image.convert("L") if number == 3 else image).save(files[-1])
    return files


def compiled(graph: Any, precision: str) -> Any:
    import openvino

    return openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": precision})


def stream(graph: Any, precision: str, batch: np.ndarray) -> Any:
    """A function that runs a batch as the engine does: one by one, several at once."""
    import openvino

    settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "THROUGHPUT"}
    model = openvino.Core().compile_model(graph, "CPU", settings)
    count = model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") + 2
    requests = [model.create_infer_request() for _ in range(count)]
    given = batch.astype(np.float32)

    def run() -> None:
        for place, picture in enumerate(given):
            request = requests[place % count]
            request.wait()
            request.start_async({0: picture[None]})
        for request in requests:
            request.wait()

    return run


def of_torch(model: Any, pixels: np.ndarray) -> np.ndarray:
    import torch

    with torch.inference_mode():
        return model(torch.from_numpy(pixels)).numpy()


def rate(run: Any, count: int, seconds: float = 1.0) -> float:
    run()
    begun, turns = time.perf_counter(), 0
    while turns == 0 or time.perf_counter() - begun < seconds:
        run()
        turns += 1
    return round(turns * count / (time.perf_counter() - begun), 2)


def rounds(model: Any, graph: Any, batch: np.ndarray) -> dict[str, Any]:
    """Medians of ratios to PyTorch, by turns in five rounds."""
    ways = {"f32": stream(graph, "f32", batch), "bf16": stream(graph, "bf16", batch)}
    ratios: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(5):
        torch_rate = rate(lambda: of_torch(model, batch), len(batch), 3.0)
        for way, run in ways.items():
            ratios[way].append(rate(run, len(batch), 3.0) / torch_rate)
    return {f"times_torch_{way}": round(median(each), 2) for way, each in ratios.items()}


def multiplications(model: Any, batch: np.ndarray) -> float:
    """Those of matrix products, convolutions and attention of one picture."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    model.requires_grad_(False)
    counter = FlopCounterMode(display=False)
    with counter, sdpa_kernel(SDPBackend.MATH):  # products that are fused are not counted
        model(torch.from_numpy(batch[:1]))
    return counter.get_total_flops() / 2


def matrix_product(side: int = 2048, seconds: float = 3.0) -> float:
    """Multiplications a second of the faster of NumPy and PyTorch, float32."""
    import torch

    one = torch.randn(side, side)
    ways = (lambda: one @ one, lambda: one.numpy() @ one.numpy())
    return max(rate(way, 1, seconds) * side**3 for way in ways)


def cosine(given: np.ndarray, expected: np.ndarray) -> float:
    a, b = given.astype(np.float64), expected.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def rows_of(file: Path) -> list[dict[str, Any]]:
    if not file.is_file():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def summary(rows: list[dict[str, Any]]) -> None:
    ran = [row for row in rows if "failed" not in row]
    ways = {how: sum(row["how"] == how for row in ran) for how in ("trace", "export", "torch")}
    print(f"{len(rows)} networks: {ways}, {len(rows) - len(ran)} failed")
    for row in rows:
        if "failed" in row or row.get("how") == "torch":
            print(f"  {row['network']}: {row.get('failed') or row.get('reason')}")
    if ran:
        print(f"least cosine {min(row['cosine'] for row in ran)}")
    for way in ("f32", "bf16"):
        ratios = [row[f"times_torch_{way}"] for row in ran if f"times_torch_{way}" in row]
        if ratios:
            print(
                f"{way}: {geometric_mean(ratios):.2f} times torch, geometric mean of {len(ratios)}"
            )


if __name__ == "__main__":
    main()
