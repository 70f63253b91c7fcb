"""Networks of transformers from folders, against its own image processor and model."""

from __future__ import annotations

import json

import numpy as np
import pytest

transformers = pytest.importorskip("transformers", reason="needs the extra [hf]")
torch = pytest.importorskip("torch", reason="needs the extra [hf]")

from safetensors.torch import load_file, save_file  # noqa: E402

from embedlens.backbones import get_backbone  # noqa: E402
from embedlens.errors import BackboneError, WeightsError  # noqa: E402

SMALL = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96,
    "image_size": 64, "patch_size": 16,
}  # fmt: skip
SIDE = {"height": 64, "width": 64}


def processor(kind, **options):
    return getattr(transformers, f"{kind}ImageProcessorPil")(**options)


def networks():
    """(name, model, image processor, what is the vector that counts)."""
    t = transformers
    text = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 32, "vocab_size": 99}  # fmt: skip
    return [
        ("vit", t.ViTModel(t.ViTConfig(**SMALL)), processor("ViT", size=SIDE),
         lambda m, x: m(pixel_values=x).pooler_output),
        ("vit-untrained", t.ViTModel(t.ViTConfig(**SMALL), add_pooling_layer=False),
         processor("ViT", size=SIDE), lambda m, x: m(pixel_values=x).last_hidden_state[:, 0]),
        ("dinov2", t.Dinov2Model(t.Dinov2Config(**SMALL)),
         processor("Bit", size={"shortest_edge": 73}, crop_size=SIDE, do_center_crop=True),
         lambda m, x: m(pixel_values=x).pooler_output),
        ("clip", t.CLIPModel(t.CLIPConfig(text_config=text, vision_config=SMALL,
                                          projection_dim=24)),
         processor("CLIP", size={"shortest_edge": 64}, crop_size=SIDE),
         lambda m, x: m.get_image_features(pixel_values=x).pooler_output),
        ("siglip", t.SiglipModel(t.SiglipConfig(text_config=text, vision_config=SMALL)),
         processor("Siglip", size=SIDE),
         lambda m, x: m.get_image_features(pixel_values=x).pooler_output),
        ("convnext", t.ConvNextModel(t.ConvNextConfig(
            hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1])),
         processor("ConvNext", size={"shortest_edge": 64}, crop_pct=0.875),
         lambda m, x: m(pixel_values=x).pooler_output),
    ]  # fmt: skip


NAMES = ["vit", "vit-untrained", "dinov2", "clip", "siglip", "convnext"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory, randomized):
    """Each network saved as its library saves it, in a folder of its name."""
    root = tmp_path_factory.mktemp("networks")
    found = {}
    for name, model, process, vector in networks():
        randomized(model).save_pretrained(root / name)
        process.save_pretrained(root / name)
        found[name] = root / name, vector
    return found


@pytest.mark.parametrize("name", NAMES)
def test_features_are_those_of_transformers(name, saved, opened, embedded, cosines):
    """A trained pooler's output, else the class token; of the folder's own image processor."""
    folder, vector = saved[name]
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = [
            vector(model, processor(each, return_tensors="pt")["pixel_values"])[0].flatten()
            for each in opened
        ]
    given = embedded(get_backbone(f"hf:{folder}"))
    assert cosines(given, np.stack([each.numpy() for each in expected])) >= 0.9999


def test_a_pooler_that_was_not_trained_is_passed_by(saved):
    """transformers would set it at random, and say so in a log."""
    built = {}
    for name in ("vit", "vit-untrained"):
        backbone = get_backbone(f"hf:{saved[name][0]}")
        built[name] = backbone.family.build(backbone, "torch", backbone.transform, "own", None)
    assert built["vit"].vector == "trained pooler's output"
    assert built["vit-untrained"].vector == "class token"


@pytest.mark.parametrize("name", ["vit", "convnext"])
def test_another_size_interpolates_positions_where_there_are_some(name, saved, tmp_path):
    """And a network that was tuned at it is that size's when it is read again."""
    folder, _ = saved[name]
    backbone = get_backbone(f"hf:{folder}")
    transform = backbone.transform.of_size(96)
    module = backbone.family.module(backbone, transform, "own")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    options = {"interpolate_pos_encoding": True} if name == "vit" else {}
    pixels = torch.rand(2, 96, 96, 3, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        given = module(pixels)
        expected = model(pixel_values=module.scaling(pixels), **options).pooler_output.flatten(1)
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)
    backbone.family.save(backbone, module.network.module, transform, tmp_path)
    again = get_backbone(f"hf:{tmp_path}")
    assert again.transform == transform
    with torch.no_grad():
        kept = again.family.module(again, again.transform, "own")(pixels)
    torch.testing.assert_close(kept, given)


def test_weights_that_are_not_whole_are_refused(saved, tmp_path):
    """transformers would fill up with random numbers."""
    folder = saved["dinov2"][0]
    for each in folder.iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    state = load_file(tmp_path / "model.safetensors")
    del state["encoder.layer.1.attention.attention.query.weight"]
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    backbone = get_backbone(f"hf:{tmp_path}")
    with pytest.raises(WeightsError, match=r"it lacks encoder\.layer\.1"):
        backbone.family.build(backbone, "torch", backbone.transform, "own", None)


@pytest.mark.parametrize("kind", ["ViT", "ConvNext", "Dinov2"])
def test_a_classifier_of_imagenet_is_read_for_leep_and_nce(kind, randomized, tmp_path):
    """Where it takes the vector that counts: DINOv2's takes the mean of the patches as well."""
    small = (
        {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]} if kind == "ConvNext" else SMALL
    )
    labels = {i: "tench, Tinca tinca" if i == 0 else f"class {i}" for i in range(1000)}
    config = getattr(transformers, f"{kind}Config")(**small, id2label=labels)
    model = randomized(getattr(transformers, f"{kind}ForImageClassification")(config))
    model.save_pretrained(tmp_path)
    processor("ViT", size=SIDE).save_pretrained(tmp_path)
    backbone = get_backbone(f"hf:{tmp_path}")
    top = backbone.family.imagenet_top(backbone)
    if kind == "Dinov2":
        assert top is None
        return
    pixels = torch.rand(2, 64, 64, 3, generator=torch.Generator().manual_seed(0)) * 255
    built = backbone.family.build(backbone, "torch", backbone.transform, "own", None)
    with torch.no_grad():
        features = built.model(pixels).numpy()
        logits = model(pixel_values=built.model.scaling(pixels)).logits.numpy()
    np.testing.assert_allclose(features @ top[0] + top[1], logits, rtol=1e-3, atol=1e-3)


def test_a_folder_without_a_configuration_is_told(tmp_path):
    with pytest.raises(BackboneError, match=r"there is no config\.json in"):
        get_backbone(f"hf:{tmp_path}")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18"}))
    with pytest.raises(BackboneError, match="One of timm is spelt timm:NAME"):
        get_backbone(f"hf:{tmp_path}")
