"""torchvision's networks from files, against the weights' own ``transforms()`` and forward."""

from __future__ import annotations

import numpy as np
import pytest

torchvision = pytest.importorskip("torchvision", reason="needs the extra [torch]")
torch = pytest.importorskip("torch", reason="needs the extra [torch]")

from safetensors.torch import save_file  # noqa: E402

from embedlens.backbones import get_backbone  # noqa: E402
from embedlens.backbones.families.torchvision_family import top_layer  # noqa: E402
from embedlens.errors import BackboneError, WeightsError  # noqa: E402


def reference(name, weights, opened, randomized, path):
    module = randomized(torchvision.models.get_model(name, weights=None))
    torch.save(module.state_dict(), path)
    parent, _, last = top_layer(module).rpartition(".")
    setattr(module.get_submodule(parent), last, torch.nn.Identity())
    transform = torchvision.models.get_model_weights(name)[weights].transforms()
    with torch.no_grad():
        return np.stack([module(transform(each)[None])[0].flatten().numpy() for each in opened])


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("resnet18", "IMAGENET1K_V1"),
        ("mobilenet_v2", "IMAGENET1K_V1"),
        ("shufflenet_v2_x0_5", "IMAGENET1K_V1"),
    ],
)
def test_features_are_those_of_torchvision(
    name, weights, opened, randomized, embedded, cosines, tmp_path
):
    """What the last layer gets, of the weights' own transform, from the same files."""
    file = tmp_path / "weights.pth"
    expected = reference(name, weights, opened, randomized, file)
    backbone = get_backbone(f"torchvision:{name}/{weights}", weights=file)
    assert cosines(embedded(backbone), expected) >= 0.9999


def test_versions_of_weights_have_transforms_of_their_own():
    """V2 of ResNet-50 fits the short side to 232 pixels, V1 to 256; V2 is the default."""
    sides = [
        get_backbone(f"torchvision:resnet50/IMAGENET1K_{each}").transform.shorter_side
        for each in ("V1", "V2")
    ]
    assert sides == [256, 232]
    assert get_backbone("torchvision:ResNet50").network == "torchvision:resnet50/IMAGENET1K_V2"


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
@pytest.mark.parametrize("parallel", [False, True])
def test_mnasnet_is_read_though_it_asks_for_a_version(suffix, parallel, randomized, tmp_path):
    """``torch.save`` keeps it, safetensors does not; DataParallel puts a word before its names."""
    module = randomized(torchvision.models.mnasnet0_5())
    saved = (torch.nn.DataParallel(module) if parallel else module).state_dict()
    file = tmp_path / f"weights.{suffix}"
    (save_file if suffix == "safetensors" else torch.save)(saved, file)
    backbone = get_backbone("torchvision:mnasnet0_5", weights=file)
    features = backbone.family.module(backbone, backbone.transform.of_size(64), "own")
    module.classifier = torch.nn.Identity()
    pixels = torch.rand(2, 64, 64, 3, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        torch.testing.assert_close(features(pixels), module(features.scaling(pixels)))


def test_the_top_of_a_file_can_be_named(randomized, tmp_path):
    """Its thousand numbers are features too; it is set by the file."""
    module = randomized(torchvision.models.resnet18())
    torch.save(module.state_dict(), tmp_path / "weights.pth")
    backbone = get_backbone("torchvision:resnet18@fc", weights=tmp_path / "weights.pth")
    features = backbone.family.module(backbone, backbone.transform.of_size(64), "own")
    pixels = torch.rand(2, 64, 64, 3, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        torch.testing.assert_close(features(pixels), module(features.scaling(pixels)))


@pytest.mark.parametrize("name", ["resnet18", "mnasnet0_5"])
def test_a_network_that_was_saved_as_a_part_of_another_is_taken_from_it(name, randomized, tmp_path):
    module = randomized(torchvision.models.get_model(name))
    state = {f"backbone.{key}": each for key, each in module.state_dict().items()}
    torch.save(state | {"projector.weight": torch.zeros(3, 3)}, tmp_path / "weights.pth")
    backbone = get_backbone(f"torchvision:{name}", weights=tmp_path / "weights.pth")
    features = backbone.family.module(backbone, backbone.transform.of_size(64), "own")
    setattr(module, "fc" if name == "resnet18" else "classifier", torch.nn.Identity())
    pixels = torch.rand(2, 64, 64, 3, generator=torch.Generator().manual_seed(0)) * 255
    with torch.no_grad():
        torch.testing.assert_close(features(pixels), module(features.scaling(pixels)))


def test_another_network_s_weights_are_refused(tmp_path):
    """Loaded in part, they would embed at random."""
    file = tmp_path / "weights.pth"
    torch.save(torchvision.models.resnet34().state_dict(), file)
    backbone = get_backbone("torchvision:resnet18", weights=file)
    with pytest.raises(WeightsError, match=r"does not hold the weights of torchvision:resnet18.*"):
        backbone.family.build(backbone, "torch", backbone.transform, "own", None)


@pytest.mark.parametrize(
    "name", ["shufflenet_v2_x0_5", "squeezenet1_1", "regnet_x_400mf", "maxvit_t"]
)
def test_the_last_layer_is_read_for_leep_and_nce(name, randomized, tmp_path, monkeypatch):
    """It turns the features into torchvision's own logits; SqueezeNet's is none on features.

    A RegNet reads numbers while it is built, and MaxViT's layer has no bias.
    """
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbone = get_backbone(f"torchvision:{name}")
    assert backbone.imagenet_top() is None  # the weights are not here
    module = randomized(torchvision.models.get_model(name))
    backbone.weights.file.parent.mkdir(parents=True)
    torch.save(module.state_dict(), backbone.weights.file)
    top = backbone.imagenet_top()
    if name.startswith("squeezenet"):
        assert top is None
        return
    pixels = torch.rand(2, 224, 224, 3, generator=torch.Generator().manual_seed(0)) * 255
    built = backbone.family.build(backbone, "torch", backbone.transform, "own", None)
    with torch.no_grad():
        features = built.model(pixels).numpy()
        logits = module(built.model.scaling(pixels)).numpy()
    np.testing.assert_allclose(features @ top[0] + top[1], logits, rtol=1e-3, atol=1e-3)


def test_a_tuned_network_is_read_again_from_its_folder(tmp_path):
    """At the size that it was tuned at, and from its file alone too."""
    backbone = get_backbone("torchvision:shufflenet_v2_x0_5", weights="random")
    transform = backbone.transform.of_size(64)
    module = backbone.family.module(backbone, transform, "own")
    with torch.no_grad():
        next(module.module.parameters()).add_(0.1)
        pixels = torch.rand(2, 64, 64, 3, generator=torch.Generator().manual_seed(0)) * 255
        expected = module(pixels)
    backbone.family.save(backbone, module.module, transform, tmp_path)
    name = backbone.family.anchored(backbone.network, tmp_path)
    file = tmp_path / "model.safetensors"
    for again in (get_backbone(name), get_backbone(backbone.network, weights=file)):
        assert again.transform == transform
        with torch.no_grad():
            given = again.family.module(again, again.transform, "own")(pixels)
        torch.testing.assert_close(given, expected)
    with pytest.raises(BackboneError, match=r"there is no config\.json in"):
        get_backbone(f"torchvision:local-dir:{tmp_path / 'none'}")


def test_layers_are_modules_by_name():
    """A feature map in the midst is averaged; a name that is none is told."""
    backbone = get_backbone("torchvision:resnet18@layer3", weights="random")
    built = backbone.family.build(backbone, "torch", backbone.transform, "own", None)
    assert (built.features, built.feature_map) == (256, (14, 14, 256))
    assert built.vector == "average of the feature map"
    wrong = get_backbone("torchvision:resnet18@layer9", weights="random")
    with pytest.raises(BackboneError, match=r"has no module 'layer9'.*layer"):
        wrong.family.build(wrong, "torch", wrong.transform, "own", None)
