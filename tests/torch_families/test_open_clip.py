"""OpenCLIP's networks from files, against its own preprocessing and ``encode_image``."""

from __future__ import annotations

import json

import numpy as np
import pytest

open_clip = pytest.importorskip("open_clip", reason="needs the extra [clip]")
torch = pytest.importorskip("torch", reason="needs the extra [clip]")

from safetensors.torch import save_file  # noqa: E402

from embedlens.backbones import get_backbone  # noqa: E402
from embedlens.errors import BackboneError, WeightsError  # noqa: E402

TEXT = {"context_length": 16, "vocab_size": 99, "width": 32, "heads": 2, "layers": 1}
VISION = {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16}
NETWORKS = {
    "own": ({"embed_dim": 24, "vision_cfg": VISION, "text_cfg": TEXT, "quick_gelu": True}, {}),
    "of tokens too": (
        {"embed_dim": 24, "vision_cfg": {**VISION, "output_tokens": True}, "text_cfg": TEXT},
        {},
    ),
    "timm": (
        {
            "embed_dim": 24,
            "vision_cfg": {
                "timm_model_name": "test_vit", "timm_model_pretrained": False,
                "timm_pool": "map", "timm_proj": "none", "image_size": 160,
            },
            "text_cfg": TEXT,
        },
        {"resize_mode": "squash", "mean": [0.5] * 3, "std": [0.5] * 3},
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=list(NETWORKS))
def saved(request, tmp_path_factory, randomized):
    """A network in a folder, as open_clip keeps one."""
    model_cfg, preprocess_cfg = NETWORKS[request.param]
    if request.param == "timm":
        model_cfg = {**model_cfg, "embed_dim": 64}
    folder = tmp_path_factory.mktemp("network")
    told = {"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg}
    (folder / "open_clip_config.json").write_text(json.dumps(told))
    model = randomized(open_clip.create_model(f"local-dir:{folder}", load_weights=False))
    state = {key: each.contiguous().clone() for key, each in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    return folder


def test_features_are_those_of_open_clip(saved, opened, embedded, cosines):
    """The projected vector, which is compared with text."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{saved}")
    with torch.no_grad():
        given = [model.eval().encode_image(preprocess(each)[None]) for each in opened]
        expected = [(each[0] if isinstance(each, tuple) else each)[0] for each in given]
    given = embedded(get_backbone(f"open_clip:local-dir:{saved}"))
    assert cosines(given, np.stack([each.numpy() for each in expected])) >= 0.9999


def test_the_activation_belongs_to_the_weights():
    """OpenAI's weights of ViT-B-32 want QuickGELU, LAION's 2B do not; the name is the same."""
    from embedlens.backbones.families.open_clip_family import table

    tags = table()["ViT-B-32"]["pretrained"]
    assert tags["openai"].get("quick_gelu")
    assert not tags["laion2b_s34b_b79k"].get("quick_gelu")


def test_a_tag_is_asked_for():
    with pytest.raises(WeightsError, match="ViT-B-32/TAG, of: openai, "):
        get_backbone("open_clip:ViT-B-32")


def test_a_tuned_network_is_read_again_from_its_folder(saved, tmp_path):
    """Both halves, with the activation; at the size that it was tuned at, if open_clip can."""
    backbone = get_backbone(f"open_clip:local-dir:{saved}")
    transform = backbone.transform.of_size(96)
    if saved_by_timm := backbone.transform.size == (160, 160):
        with pytest.raises(BackboneError, match="at its own size, 160 x 160, alone"):
            backbone.family.expect_saveable(backbone, transform)
        transform = backbone.transform
    backbone.family.expect_saveable(backbone, transform)
    side = 160 if saved_by_timm else 96
    module = backbone.family.module(backbone, transform, "own")
    pixels = torch.rand(2, side, side, 3, generator=torch.Generator().manual_seed(0)) * 255
    backbone.family.save(backbone, module.module, transform, tmp_path)
    again = get_backbone(f"open_clip:local-dir:{tmp_path}")
    assert again.transform == transform
    with torch.no_grad():
        given = again.family.module(again, again.transform, "own")(pixels)
        torch.testing.assert_close(given, module(pixels))
