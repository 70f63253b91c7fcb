"""Class names against pictures, by the libraries' own tokenizers and text halves."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [clip]")
open_clip = pytest.importorskip("open_clip", reason="needs the extra [clip]")
transformers = pytest.importorskip("transformers", reason="needs the extra [hf]")

from safetensors.torch import save_file  # noqa: E402

from embedlens import embed  # noqa: E402
from embedlens.backbones import get_backbone  # noqa: E402
from embedlens.backbones.prompts import TEMPLATES, prompts  # noqa: E402
from embedlens.results import Settings  # noqa: E402
from embedlens.study.zero_shot import class_directions, measure_zero_shot, named  # noqa: E402

NAMES = ["t-shirt", "long_sleeve", "hat"]
SMALL = {
    "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96,
}  # fmt: skip


@pytest.fixture(scope="module")
def of_open_clip(tmp_path_factory, randomized):
    """A folder, and OpenCLIP's own directions of the classes (its zero-shot weight builder)."""
    folder = tmp_path_factory.mktemp("open_clip")
    model_cfg = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2,
                     "layers": 1},
    }  # fmt: skip
    told = {"model_cfg": model_cfg, "preprocess_cfg": {}}
    (folder / "open_clip_config.json").write_text(json.dumps(told))
    model = randomized(open_clip.create_model(f"local-dir:{folder}", load_weights=False))
    state = {key: each.contiguous().clone() for key, each in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    names = [each.replace("-", " ").replace("_", " ") for each in NAMES]
    with torch.no_grad():
        weights = open_clip.build_zero_shot_classifier(
            model, open_clip.get_tokenizer(f"local-dir:{folder}"), names,
            open_clip.SIMPLE_IMAGENET_TEMPLATES,
        )  # fmt: skip
    return f"open_clip:local-dir:{folder}", weights.T.numpy()


@pytest.fixture(scope="module")
def of_transformers(tmp_path_factory, randomized):
    """CLIP and SigLIP in folders with a tokenizer, and what transformers makes of each text."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    found = {}
    words = {w: i for i, w in enumerate(["<pad>", "<unk>", "a", "photo", "of", "the", "hat", "."])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text = {**SMALL, "vocab_size": 9, "max_position_embeddings": 20, "eos_token_id": 0}
    vision = {**SMALL, "image_size": 64, "patch_size": 16}
    for kind in ("CLIP", "Siglip"):
        folder = tmp_path_factory.mktemp(kind)
        config = getattr(transformers, f"{kind}Config")(text_config=text, vision_config=vision)
        model = randomized(getattr(transformers, f"{kind}Model")(config))
        model.save_pretrained(folder)
        side = {"height": 64, "width": 64}
        processor = getattr(transformers, f"{kind}ImageProcessorPil")
        processor(size=side if kind == "Siglip" else {"shortest_edge": 64}).save_pretrained(folder)
        own = transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>"
        )
        own.save_pretrained(folder)
        rows = []
        for name in NAMES:
            given = own(
                prompts(name), padding="max_length", max_length=20, truncation=True,
                return_tensors="pt",
            )  # fmt: skip
            with torch.no_grad():
                vectors = model.text_model(
                    **{k: v for k, v in given.items() if k in ("input_ids", "attention_mask")}
                ).pooler_output
                vectors = model.text_projection(vectors) if kind == "CLIP" else vectors
            vectors = vectors / vectors.norm(dim=1, keepdim=True)
            rows.append((vectors.mean(0) / vectors.mean(0).norm()).numpy())
        found[kind] = f"hf:{folder}", np.stack(rows)
    return found


def test_the_prompts_are_those_that_were_published():
    published = open_clip.SIMPLE_IMAGENET_TEMPLATES
    assert [each("x y") for each in published] == [each.format("x y") for each in TEMPLATES]
    assert prompts("long_sleeve")[0] == "itap of a long sleeve."


def test_directions_and_predictions_are_those_of_open_clip(of_open_clip):
    name, expected = of_open_clip
    given = class_directions(get_backbone(name), NAMES)
    np.testing.assert_allclose((given * expected).sum(1), 1, atol=1e-6)
    pictures = np.random.default_rng(0).standard_normal((50, expected.shape[1]), np.float32)
    unit = pictures / np.linalg.norm(pictures, axis=1, keepdims=True)
    assert np.array_equal(named(pictures, given), (unit @ expected.T).argmax(1))


@pytest.mark.parametrize("kind", ["CLIP", "Siglip"])
def test_directions_are_those_of_transformers(kind, of_transformers):
    name, expected = of_transformers[kind]
    given = class_directions(get_backbone(name), NAMES)
    np.testing.assert_allclose((given * expected).sum(1), 1, atol=1e-6)


def test_without_a_tokenizer_there_is_a_warning_and_no_baseline(of_transformers, tmp_path):
    folder = Path(of_transformers["CLIP"][0].removeprefix("hf:"))
    for each in folder.iterdir():
        if "token" not in each.name:
            (tmp_path / each.name).write_bytes(each.read_bytes())
    with pytest.warns(UserWarning, match="gets no zero-shot baseline: its tokenizer cannot"):
        assert class_directions(get_backbone(f"hf:{tmp_path}"), NAMES) is None


def test_it_is_measured_on_the_test_pictures_and_ranks_nothing(of_open_clip, images):
    """A mean over splits; of a cut network, and of one without text, there is none."""
    features = embed(images, of_open_clip[0], engine="torch")
    settings = Settings(pictures=".", backbones=(of_open_clip[0],), repeats=2)
    measured = measure_zero_shot(features, images, settings)
    assert {(m.metric, m.split, m.repeat) for m in measured.measures} == {
        (f"zero_shot.{each}", "test", repeat)
        for each in ("accuracy", "balanced_accuracy") for repeat in range(2)
    }  # fmt: skip
    assert not measured.predictions
    assert not measure_zero_shot(
        embed(images, of_open_clip[0], pooling="mean", engine="torch"), images, settings
    ).measures


def test_a_name_longer_than_the_texts_that_a_network_takes_is_cut(tmp_path, randomized):
    """By the tokenizer's own bound: XLM-R's positions count from 2, which its number includes."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {each: i for i, each in enumerate(["<s>", "<pad>", "<unk>", "a", "photo", "hat"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    text = {**SMALL, "vocab_size": 9, "max_position_embeddings": 22, "pad_token_id": 1}
    config = transformers.AltCLIPConfig(
        text_config={**text, "project_dim": 24}, projection_dim=24,
        vision_config={**SMALL, "image_size": 64, "patch_size": 16},
    )  # fmt: skip
    randomized(transformers.AltCLIPModel(config)).save_pretrained(tmp_path)
    transformers.ViTImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(tmp_path)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", model_max_length=20
    ).save_pretrained(tmp_path)
    long, cut = "hat " * 300, "hat " * 19
    given = class_directions(get_backbone(f"hf:{tmp_path}"), [long.strip(), cut.strip()])
    np.testing.assert_allclose(given[0], given[1], atol=1e-6)
