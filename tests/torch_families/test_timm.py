"""timm's networks from files of pictures and weights, against timm's own transform and forward."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

timm = pytest.importorskip("timm", reason="needs the extra [torch]")
torch = pytest.importorskip("torch", reason="needs the extra [torch]")

from safetensors.torch import save_file  # noqa: E402

from embedlens.backbones import get_backbone  # noqa: E402

# Convolutions, class token, attention pool, class token instead of the average, squash.
NETWORKS = [
    ("test_vit", {}),
    ("test_vit3", {}),
    ("test_efficientnet", {}),
    ("test_convnext", {}),
    ("mobilenetv4_conv_small", {}),
    ("vit_small_patch16_dinov3", {"global_pool": "token"}),
]


def reference(name, options, opened, randomized, path: Path | None = None):
    """What timm says, and a file of the weights it says it with."""
    module = randomized(timm.create_model(name, num_classes=0, **options))
    if path is not None:
        save_file({k: v.contiguous().clone() for k, v in module.state_dict().items()}, path)
    config = timm.data.resolve_model_data_config(module)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.no_grad():
        rows = [module(transform(image)[None])[0].numpy() for image in opened]
    return np.stack(rows)


@pytest.mark.parametrize(("name", "options"), NETWORKS, ids=lambda v: v if type(v) is str else "")
def test_features_are_those_of_timm(name, options, opened, randomized, embedded, cosines, tmp_path):
    """The vector that counts, of timm's own pipeline, from the same files."""
    file = tmp_path / "weights.safetensors"
    expected = reference(name, options, opened, randomized, file)
    backbone = get_backbone(f"timm:{name}", weights=file)
    assert cosines(embedded(backbone), expected) >= 0.9999
