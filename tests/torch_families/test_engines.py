"""Which engine runs a network of PyTorch, and what the record says of it."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

timm = pytest.importorskip("timm", reason="needs the extra [torch]")
torch = pytest.importorskip("torch", reason="needs the extra [torch]")

from embedlens.backbones import get_backbone, list_backbones  # noqa: E402
from embedlens.backbones.torch_conversion import to_openvino  # noqa: E402
from embedlens.errors import BackboneError, ConversionError, WeightsError  # noqa: E402
from embedlens.features import embed  # noqa: E402
from embedlens.features.engines import openvino_export  # noqa: E402


@pytest.fixture
def weights(tmp_path, randomized):
    """A file of random weights of timm's smallest vision transformer, a head on it."""
    file = tmp_path / "weights.pth"
    torch.save(randomized(timm.create_model("test_vit")).state_dict(), file)
    return file


def test_a_child_converts_and_pytorch_is_not_needed_again(weights, files, tmp_path):
    """The second process embeds by the kept graph without importing it."""
    code = (
        "import sys; from embedlens import embed, ImageSet; from embedlens.backbones import "
        f"get_backbone; found = embed(ImageSet.read({str(files)!r}), "
        f"get_backbone('timm:test_vit', weights={str(weights)!r}), engine='openvino'); "
        "print(found.record['engine'], 'torch' in sys.modules, found.values.sum())"
    )
    said = []
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.split())
    assert said[0][:2] == ["openvino", "False"]
    assert said[0] == said[1]


def test_pytorch_and_openvino_give_the_same(weights, images):
    backbone = get_backbone("timm:test_vit", weights=weights)
    graph, own = (embed(images, backbone, engine=each) for each in ("openvino", "torch"))
    assert (graph.record["engine"], own.record["engine"]) == ("openvino", "torch")
    assert graph.record["vector"] == own.record["vector"] == "class token"
    np.testing.assert_allclose(graph.values, own.values, rtol=1e-3, atol=1e-4)


def test_what_cannot_be_converted_is_run_by_pytorch_and_said(weights, images, monkeypatch):
    """The refusal is kept: nobody waits for the same failure twice."""
    children = []

    def refuse(command, **options):
        children.append(command)
        said = "ConversionError: by trace: no such operator; by export: nor here\n"
        return subprocess.CompletedProcess(command, 2, said, "")

    monkeypatch.setattr(openvino_export.subprocess, "run", refuse)
    backbone = get_backbone("timm:test_vit@blocks.1", weights=weights)
    for _ in range(2):
        found = embed(images, backbone, engine="openvino")
        assert (found.record["engine"], found.record["instead_of"]) == ("torch", "openvino")
        assert "no such operator" in found.record["reason"]
    assert len(children) == 1


def test_a_graph_that_gives_something_else_is_not_used(monkeypatch):
    """Conversion may succeed and be wrong."""
    import openvino

    class Sum(torch.nn.Module):
        def forward(self, pixels):
            return torch.stack([pixels.sum((1, 2, 3)), pixels[:, 0, 0, 0]], 1)

    class Other(Sum):
        def forward(self, pixels):
            return super().forward(pixels).flip(1)

    assert to_openvino(Sum().eval(), (4, 4))[1] == "trace"
    convert = openvino.convert_model
    monkeypatch.setattr(
        openvino, "convert_model",
        lambda _, **options: convert(Other().eval(), example_input=torch.zeros(1, 4, 4, 3)),
    )  # fmt: skip
    with pytest.raises(ConversionError, match=r"by trace: .*cosine of .*by export: .*cosine of"):
        to_openvino(Sum().eval(), (4, 4))


@pytest.mark.parametrize(
    ("pooling", "features", "vector"),
    [
        ("own", 64, "class token"),
        ("cls", 64, "class token"),
        ("mean", 64, "average of the patch tokens"),
        ("cls+mean", 128, "class token, and average of the patch tokens"),
        ("max", 64, "maximum of the patch tokens"),
        ("none", 101 * 64, "all tokens, flattened"),
    ],
)
def test_poolings_of_tokens(pooling, features, vector):
    """Those of a network of 10 x 10 patches and a class token, against its tokens."""
    backbone = get_backbone("timm:test_vit", weights="random")
    built = backbone.family.build(backbone, "torch", backbone.transform, pooling, None)
    assert (built.features, built.vector) == (features, vector)
    picture = np.random.default_rng(0).integers(0, 256, (1, 160, 160, 3)).astype(np.float32)
    with torch.no_grad():
        given = built.model(torch.from_numpy(picture))[0]
        scaled = (torch.from_numpy(picture).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
        tokens = built.model.module.forward_features(scaled)[0]
    expected = {
        "own": tokens[0],
        "cls": tokens[0],
        "mean": tokens[1:].mean(0),
        "cls+mean": torch.cat([tokens[0], tokens[1:].mean(0)]),
        "max": tokens[1:].amax(0),
        "none": tokens.flatten(),
    }[pooling]
    torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)


def test_a_pooling_that_does_not_suit_is_refused():
    backbone = get_backbone("timm:test_convnext", weights="random")
    with pytest.raises(BackboneError, match="which the pooling 'cls' does not suit"):
        backbone.family.build(backbone, "torch", backbone.transform, "cls", None)


def test_no_code_of_a_file_is_run(tmp_path):
    trap = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    file = tmp_path / "weights.pth"
    file.write_bytes(pickle.dumps({"state_dict": Trap()}))
    backbone = get_backbone("timm:test_vit", weights=file)
    with pytest.raises(WeightsError, match=r"weights\.pth cannot be read as weights of timm:test"):
        backbone.family.build(backbone, "torch", backbone.transform, "own", None)
    assert not trap.exists()


def test_another_size_takes_other_positions(weights):
    """Their embedding is resampled, as timm does it."""
    backbone = get_backbone("timm:test_vit", weights=weights)
    built = backbone.family.build(backbone, "torch", backbone.transform.of_size(96), "none", None)
    assert (built.size, built.features) == ((96, 96), 37 * 64)


def test_lists_need_no_framework():
    code = (
        "import sys; from embedlens.backbones import list_backbones as l; "
        "print(len(l()) > 2000, {'torch', 'timm', 'open_clip', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "set()"], done.stderr


def test_what_is_missing_is_told_with_its_extra(monkeypatch):
    timms = next(each for each in list_backbones(family="timm"))
    monkeypatch.setattr(type(timms.family), "requires", ("torch", "no_such_module"))
    with pytest.raises(BackboneError, match=r"no_such_module.*pip install 'embedlens\[torch\]'"):
        get_backbone(timms.name)
