"""Networks of transformers from folders, against its own image processor and model."""

from __future__ import annotations

import json
from pathlib import Path

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
        ("clip-image", t.CLIPVisionModelWithProjection(
            t.CLIPVisionConfig(**SMALL, projection_dim=24)),
         processor("CLIP", size={"shortest_edge": 64}, crop_size=SIDE),
         lambda m, x: t.CLIPVisionModelWithProjection.from_pretrained(
             m.config.name_or_path).eval()(pixel_values=x).image_embeds),
        ("convnext", t.ConvNextModel(t.ConvNextConfig(
            hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 2, 1])),
         processor("ConvNext", size={"shortest_edge": 64}, crop_pct=0.875),
         lambda m, x: m(pixel_values=x).pooler_output),
    ]  # fmt: skip


NAMES = ["vit", "vit-untrained", "dinov2", "clip", "siglip", "clip-image", "convnext"]


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


def test_a_class_token_beside_a_feature_map_is_the_vector(randomized, tmp_path, pixels):
    """CvT's; an average asked for is that of the map, in which it is not."""
    config = transformers.CvtConfig(embed_dim=[8, 16, 24], num_heads=[1, 1, 2], depth=[1, 2, 3])
    model = randomized(transformers.CvtModel(config))
    folder = written(tmp_path / "cvt", model)
    with torch.no_grad():
        out = model(pixel_values=scaled(pixels))
    given, vector = features_of(f"hf:{folder}", pixels)
    torch.testing.assert_close(given, out.cls_token_value[:, 0], rtol=1e-4, atol=1e-4)
    assert vector == "class token"
    given, _ = features_of(f"hf:{folder}", pixels, "mean")
    torch.testing.assert_close(given, out.last_hidden_state.mean((2, 3)), rtol=1e-4, atol=1e-4)


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


def written(folder, model, process=None):
    """A network in a folder, as its library saves it."""
    model.save_pretrained(folder)
    (process or processor("ViT", size=SIDE)).save_pretrained(folder)
    return folder


def features_of(name, pixels, pooling="own", **given):
    """What a network makes of pixels, and what that is in words."""
    backbone = get_backbone(name, **given)
    built = backbone.family.build(backbone, "torch", backbone.transform, pooling, None)
    with torch.no_grad():
        return built.model(pixels), built.vector


def refused(name, match, **given):
    """A network's weights are refused in a sentence that names a tensor."""
    backbone = get_backbone(name, **given)
    with pytest.raises(WeightsError, match=match):
        backbone.family.build(backbone, "torch", backbone.transform, "own", None)


@pytest.fixture(scope="module")
def pixels():
    """Two pictures of noise."""
    return torch.rand(2, 64, 64, 3, generator=torch.Generator().manual_seed(0)) * 255


def scaled(pixels):
    """As ViT's image processor does by default: mean and deviation of a half."""
    return (pixels.permute(0, 3, 1, 2) / 255 - 0.5) / 0.5


@pytest.fixture(scope="module")
def two(tmp_path_factory, randomized):
    """Two networks of one kind, of other numbers, and the folder of the first."""
    root = tmp_path_factory.mktemp("two")
    config = transformers.ViTConfig(**SMALL)
    own, other = (randomized(transformers.ViTModel(config), seed) for seed in (0, 1))
    return written(root / "net", own), own, written(root / "other", other), other


@pytest.mark.parametrize(
    "file", ["net/ema.safetensors", "other/model.safetensors", "plain.pth", "module.pth",
             "compiled.pth", "part.pth", "half.pth", "ema.pth", "classifier.pth"],
)  # fmt: skip
def test_weights_of_a_file_are_those_that_are_loaded(file, two, pixels):
    """The folder's own model.safetensors is passed by, be the file beside it or elsewhere."""
    folder, own, elsewhere, other = two
    state, path = other.state_dict(), folder.parent / file
    held = {
        "net/ema.safetensors": None,
        "other/model.safetensors": None,
        "plain.pth": state,
        "module.pth": {f"module.{name}": each for name, each in state.items()},
        "compiled.pth": {f"module._orig_mod.{name}": each for name, each in state.items()},
        "part.pth": {f"encoder_q.{name}": each for name, each in state.items()}
        | {"queue": torch.zeros(7, 48)},
        "half.pth": {name: each.half() for name, each in state.items()},
        "ema.pth": {"model": own.state_dict(), "model_ema": state, "epoch": 3},
        "classifier.pth": {f"vit.{name}": each for name, each in state.items()}
        | {"classifier.weight": torch.zeros(7, 48), "classifier.bias": torch.zeros(7)},
    }[file]
    if held is not None:
        torch.save(held, path)
    elif not path.exists():
        path.write_bytes((elsewhere / "model.safetensors").read_bytes())
    given, _ = features_of(f"hf:{folder}", pixels, weights=path)
    with torch.no_grad():
        expected = other(pixel_values=scaled(pixels)).pooler_output
        first = own(pixel_values=scaled(pixels)).pooler_output
    close = {"rtol": 2e-2, "atol": 2e-2} if file == "half.pth" else {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(given, expected, **close)
    assert not torch.allclose(given, first, **close)


@pytest.mark.parametrize(
    ("change", "match"),
    [({"num_hidden_layers": 3}, r"it also holds \S*layers?\.2\."),
     ({"num_hidden_layers": 1}, r"it lacks \S*layers?\.1\."),
     ({"hidden_size": 64}, r"is of shape \(.*64\), not \(.*48\)"),
     ({"qkv_bias": False}, r"it lacks \S*bias")],
)  # fmt: skip
def test_a_file_of_a_deeper_narrower_or_other_network_is_refused(change, match, two, tmp_path):
    """Elsewhere, and where it is the folder's own beside another's config.json."""
    folder = two[0]
    written(tmp_path, transformers.ViTModel(transformers.ViTConfig(**{**SMALL, **change})))
    refused(f"hf:{folder}", match, weights=tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    refused(f"hf:{tmp_path}", match)


def test_biases_that_the_configuration_leaves_out_are_refused(two, tmp_path):
    """Left out without a word, the network would give something else."""
    written(tmp_path, transformers.ViTModel(transformers.ViTConfig(**SMALL, qkv_bias=False)))
    weights = two[0] / "model.safetensors"
    refused(f"hf:{tmp_path}", r"it also holds \S*bias", weights=weights)


def test_heads_decoders_and_mask_tokens_may_be_left_out(randomized, pixels, tmp_path):
    """A file of a network that was trained to fill in pictures has them all."""
    t = transformers
    mim = randomized(t.ViTForMaskedImageModeling(t.ViTConfig(**SMALL, encoder_stride=16)))
    mae = randomized(t.ViTMAEForPreTraining(t.ViTMAEConfig(**SMALL, decoder_hidden_size=32,
        decoder_num_attention_heads=2, decoder_num_hidden_layers=3,
        decoder_intermediate_size=32)))  # fmt: skip
    for name, model in (("mim", mim), ("mae", mae)):
        given, vector = features_of(f"hf:{written(tmp_path / name, model)}", pixels)
        assert given.shape == (2, 48)
        assert vector == "class token"


def test_code_in_a_folder_is_refused_and_not_run(two, tmp_path):
    class Code:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((two[0] / name).read_bytes())
    torch.save({"layer": Code()}, tmp_path / "pytorch_model.bin")
    refused(f"hf:{tmp_path}", r"pytorch_model\.bin cannot be read .* no code from a file is run\.$")
    assert not (tmp_path / "ran").exists()


def test_vitmae_sees_whole_pictures(randomized, pixels, tmp_path):
    """As transformers does where nothing is masked; its own would mask three of four patches."""
    config = transformers.ViTMAEConfig(**SMALL)
    model = randomized(transformers.ViTMAEModel(config))
    name = f"hf:{written(tmp_path, model)}"
    model.config.mask_ratio = 0.0
    order = torch.arange(16.0)[None].expand(2, -1)
    with torch.no_grad():
        expected = model(pixel_values=scaled(pixels), noise=order).last_hidden_state
    own, vector = features_of(name, pixels)
    assert vector == "class token"
    torch.testing.assert_close(own, expected[:, 0], rtol=1e-4, atol=1e-4)
    every, _ = features_of(name, pixels, "none")
    torch.testing.assert_close(every, expected.flatten(1), rtol=1e-4, atol=1e-4)


def others():
    """(name, model, vector in words, the vector, patches of the last hidden state or map)."""
    t = transformers
    stages = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}

    def first(hidden):
        return hidden[:, 0]

    return [
        ("ijepa", t.IJepaModel(t.IJepaConfig(**SMALL)), "average of the tokens",
         lambda hidden: hidden.mean(1), lambda hidden: hidden),
        ("msn", t.ViTMSNModel(t.ViTMSNConfig(**SMALL)), "class token", first,
         lambda hidden: hidden[:, 1:]),
        ("pvt", t.PvtModel(t.PvtConfig(**stages, num_attention_heads=[1, 2, 3, 4], image_size=64)),
         "class token", first, lambda hidden: hidden[:, 1:]),
        ("poolformer", t.PoolFormerModel(t.PoolFormerConfig(**stages)),
         "average of the feature map", lambda hidden: hidden.mean((2, 3)),
         lambda hidden: hidden.flatten(2).transpose(1, 2)),
        ("yolos", t.YolosModel(t.YolosConfig(**{**SMALL, "image_size": [64, 64]},
                                             num_detection_tokens=10)), "trained pooler's output",
         None, lambda hidden: hidden[:, 1:-10]),
        ("aimv2", t.Aimv2VisionModel(t.Aimv2VisionConfig(**SMALL)), "trained pooler's output",
         None, lambda hidden: hidden),
        ("dinov3", t.DINOv3ConvNextModel(t.DINOv3ConvNextConfig(**stages)),
         "trained pooler's output", None, lambda hidden: hidden[:, 1:]),
    ]  # fmt: skip


@pytest.mark.parametrize("case", others(), ids=lambda case: case[0])
def test_tokens_are_of_the_class_or_of_patches(case, randomized, pixels, tmp_path):
    """A class token is one of the embeddings; pooled vectors and detections are no patches."""
    _, model, words, vector, patches = case
    name = f"hf:{written(tmp_path, randomized(model))}"
    with torch.no_grad():
        out = model(pixel_values=scaled(pixels))
    expected = out.pooler_output if vector is None else vector(out.last_hidden_state)
    given, told = features_of(name, pixels)
    assert told == words
    torch.testing.assert_close(given, expected.flatten(1), rtol=1e-4, atol=1e-4)
    for pooling, expected in (
        ("mean", patches(out.last_hidden_state).mean(1)),
        ("max", patches(out.last_hidden_state).amax(1)),
    ):
        given, _ = features_of(name, pixels, pooling)
        torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", [each for each in others() if each[0] in ("aimv2", "dinov3")],
                         ids=lambda case: case[0])  # fmt: skip
def test_a_pooler_with_a_class_token_gives_no_class_token(case, tmp_path):
    name = f"hf:{written(tmp_path, case[1])}"
    with pytest.raises(BackboneError, match="tokens without a class token"):
        features_of(name, torch.zeros(1, 64, 64, 3), "cls")


def test_a_map_at_a_layer_of_a_network_with_a_class_token_is_pooled_whole(two, pixels):
    """Its first pixel is no class token."""
    folder, own, _, _ = two
    layer = "embeddings.patch_embeddings.projection"
    for pooling, pool in (("own", torch.mean), ("max", torch.amax)):
        given, _ = features_of(f"hf:{folder}@{layer}", pixels, pooling)
        with torch.no_grad():
            expected = pool(own.get_submodule(layer)(scaled(pixels)), (2, 3))
        torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)


def test_a_network_that_gives_feature_maps_is_averaged_over_the_last(randomized, pixels, tmp_path):
    """AutoModel has no other HGNetV2."""
    config = transformers.HGNetV2Config(
        stem_channels=[3, 8, 8], stage_in_channels=[8, 16, 16, 24], stage_mid_channels=[8] * 4,
        stage_out_channels=[16, 16, 24, 32], stage_num_blocks=[1] * 4, stage_numb_of_layers=[1] * 4,
        embedding_size=8, hidden_sizes=[16, 16, 24, 32], depths=[1] * 4,
    )  # fmt: skip
    model = randomized(transformers.HGNetV2Backbone(config))
    given, told = features_of(f"hf:{written(tmp_path, model)}", pixels)
    with torch.no_grad():
        expected = model(pixel_values=scaled(pixels)).feature_maps[-1].mean((2, 3))
    assert told == "average of the feature map"
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)


def test_a_transform_of_the_user_does_without_the_image_processor(two, pixels, tmp_path):
    """Be it one that is not known here, broken, or absent; without one the reason is told."""
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((two[0] / name).read_bytes())
    file, name = tmp_path / "preprocessor_config.json", f"hf:{tmp_path}"
    with pytest.raises(BackboneError, match=r"there is no preprocessor_config\.json.*--transform"):
        get_backbone(name)
    unknown = json.dumps({"image_processor_type": "Acme", "do_resize": True})
    for content, reason in ((None, "there is no"), ("{", "cannot be read"), (unknown, "Acme")):
        if content is not None:
            file.write_text(content)
        with pytest.raises(BackboneError, match=reason):
            get_backbone(name)
        backbone = get_backbone(name, transform="64 imagenet")
        assert backbone.transform.size == (64, 64)
        assert backbone.transform_from == "the user"
    module = backbone.family.module(backbone, backbone.transform, "own")
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    backbone.family.save(backbone, module.network.module, backbone.transform, tuned)
    assert get_backbone(f"hf:{tuned}").transform == backbone.transform


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


@pytest.mark.parametrize("kind", ["CLIP", "Siglip"])
def test_a_classifier_of_an_image_half_has_no_text_half(kind, randomized, tmp_path, pixels):
    """Its vector is what its classifier takes; tuned and saved it stays that."""
    text = {"vocab_size": 99, "eos_token_id": 0, "bos_token_id": 1, "pad_token_id": 0}
    config = getattr(transformers, f"{kind}Config")(
        text_config={**SMALL, **text}, vision_config=SMALL
    )
    whole = randomized(getattr(transformers, f"{kind}ForImageClassification")(config))
    whole.save_pretrained(tmp_path)
    processor("ViT", size=SIDE).save_pretrained(tmp_path)
    taken = []
    whole.classifier.register_forward_pre_hook(lambda _, given: taken.append(given[0]))
    backbone = get_backbone(f"hf:{tmp_path}")
    built = backbone.family.build(backbone, "torch", backbone.transform, "own", None)
    with torch.no_grad():
        features = built.model(pixels)
        whole(pixel_values=built.model.scaling(pixels))
    torch.testing.assert_close(features, taken[0], rtol=1e-4, atol=1e-4)
    assert built.vector.startswith("average of")
    tuned = tmp_path / "tuned"
    tuned.mkdir()
    backbone.family.save(backbone, built.model.network.module, backbone.transform, tuned)
    again = get_backbone(f"hf:{tuned}")
    built = again.family.build(again, "torch", again.transform, "own", None)
    with torch.no_grad():
        torch.testing.assert_close(built.model(pixels), features, rtol=1e-4, atol=1e-4)


def test_a_folder_without_a_configuration_is_told(tmp_path):
    with pytest.raises(BackboneError, match=r"there is no config\.json in"):
        get_backbone(f"hf:{tmp_path}")
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "resnet18"}))
    with pytest.raises(BackboneError, match="One of timm is spelt timm:NAME"):
        get_backbone(f"hf:{tmp_path}")
