"""Training the tail of a module of PyTorch is training the module with its trunk frozen."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

timm = pytest.importorskip("timm", reason="needs the extra [torch]")
torch = pytest.importorskip("torch", reason="needs the extra [torch]")

from safetensors.torch import save_file  # noqa: E402

from embedlens import embed  # noqa: E402
from embedlens.backbones import Transform, get_backbone  # noqa: E402
from embedlens.backbones.torch_cut import ModuleGraph, tail_layer  # noqa: E402
from embedlens.backbones.torch_network import Features, TorchNetwork  # noqa: E402
from embedlens.errors import BackboneError  # noqa: E402
from embedlens.features import Recipe  # noqa: E402
from embedlens.images import ImageSet  # noqa: E402
from embedlens.learn import TopClassifier, finetune  # noqa: E402
from embedlens.learn.torch_silhouette import torch_silhouette_losses  # noqa: E402
from embedlens.learn.torch_tail import Top, trained  # noqa: E402

# Where fine-tuning begins, by what is asked for; None: the names of its modules do not tell.
LAYERS = {
    "timm:test_vit": {
        "auto": "blocks.5", "last-block": "blocks.5", "last-stage": None,
        "all": "patch_embed.proj", "norm": "norm",
    },
    "timm:test_resnet": {
        "last-conv": "layer4.0.downsample.1", "last-block": "layer4.0", "last-stage": "layer4",
        "all": "conv1.0",
    },
    "timm:test_convnext": {
        "auto": "stages.3.blocks.1.conv_dw", "last-block": "stages.3.blocks.1",
        "last-stage": "stages.3",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory, randomized):
    """A file of random numbers for each network, larger than those that libraries begin with."""
    files = {}
    for name in LAYERS:
        files[name] = tmp_path_factory.mktemp("weights") / "weights.safetensors"
        module = randomized(timm.create_model(name.removeprefix("timm:"), num_classes=0))
        save_file({k: v.contiguous().clone() for k, v in module.state_dict().items()}, files[name])
    return files


@pytest.fixture(scope="module")
def graphs(weights):
    """Each network as a graph, in float64, for small pictures."""
    found = {}
    for name, file in weights.items():
        backbone = get_backbone(name, weights=file)
        module = backbone.family.module(backbone, backbone.transform.of_size(64), "own")
        found[name] = ModuleGraph(module.double())
    return found


@pytest.mark.parametrize("name", LAYERS)
def test_the_tail_begins_where_it_is_asked_to(name, graphs):
    for unfreeze, layer in LAYERS[name].items():
        if layer is None:
            with pytest.raises(BackboneError, match="has no last stage that its modules' names"):
                tail_layer(graphs[name], unfreeze)
        else:
            assert tail_layer(graphs[name], unfreeze) == layer


@pytest.mark.parametrize(
    ("name", "unfreeze"),
    [
        ("timm:test_vit", "auto"), ("timm:test_vit", "all"), ("timm:test_resnet", "last-block"),
    ],
)  # fmt: skip
def test_gradients_are_those_of_the_whole_module(name, unfreeze, graphs):
    """In float64: of each number that is trained; features are the module's too."""
    graph = graphs[name]
    layer = tail_layer(graph, unfreeze)
    trunk, tail = graph.trunk(layer), graph.tail(layer)
    numbers = trained(tail)
    pixels = torch.rand(5, 64, 64, 3, generator=torch.Generator().manual_seed(1)) * 255
    with torch.no_grad():
        frontier = trunk(pixels)
    ends = []
    for features in (graph.module(pixels), tail(frontier)):
        target = torch.linspace(-1, 1, features.numel(), dtype=features.dtype)
        loss = (features.tanh() * target.view_as(features)).sum()
        ends.append([features.detach(), *torch.autograd.grad(loss, numbers)])
    assert ends[0][0].dtype == torch.float64
    assert len(numbers) > 0
    for whole, cut in zip(*ends, strict=True):
        # timm resamples positions (1, tokens, d) in float32, whatever the module computes in.
        bound = 1e-6 if whole.ndim == 3 else 1e-11
        assert (whole - cut).norm() <= bound * whole.norm()


def test_what_is_trained_is_the_block_and_what_follows_but_batch_normalisation(graphs):
    modules = {name: dict(graph.module.module.named_parameters()) for name, graph in graphs.items()}

    def names(name, unfreeze):
        tail = graphs[name].tail(tail_layer(graphs[name], unfreeze))
        kept = {id(each) for each in trained(tail)}
        return {each for each, value in modules[name].items() if id(value) in kept}

    vit = {n for n in modules["timm:test_vit"] if n.startswith(("blocks.5.", "norm."))}
    assert names("timm:test_vit", "auto") == vit
    resnet = {"conv1", "conv2", "downsample.1"}
    assert names("timm:test_resnet", "last-block") == {f"layer4.0.{n}.weight" for n in resnet}
    assert names("timm:test_vit", "all") == set(modules["timm:test_vit"])


def test_a_wrong_module_is_told(graphs):
    with pytest.raises(BackboneError, match=r"has no module 'blocks\.9'.*blocks"):
        graphs["timm:test_vit"].tail("blocks.9")


class Fixed(torch.nn.Module):
    """A module whose code holds for one number of pictures, or looks at their values."""

    def __init__(self, way):
        super().__init__()
        self.way, self.layer = way, torch.nn.Linear(3, 4)

    def forward(self, x):
        x = x.mean((2, 3))
        if self.way == "number":
            return self.layer(x.reshape(2, 3))
        return self.layer(x) if x.sum() > 0 else self.layer(-x)


@pytest.mark.parametrize("way", ["number", "values"])
def test_what_cannot_be_written_down_is_refused(way):
    network = TorchNetwork(Fixed(way), lambda m, x: m(x), lambda m, x: m(x), "vector")
    features = Features(network, Transform((8, 8)), "own", None, "mine")
    with pytest.raises(BackboneError, match="mine cannot be fine-tuned: "):
        ModuleGraph(features)


def test_the_top_is_keras_s(images):
    """The same shares of the classes, and its numbers come back in Keras's order."""
    rng = np.random.default_rng(0)
    points, labels = rng.random((20, 7), np.float32), np.arange(20) % 3
    keras = TopClassifier(units=5, epochs=2, batch_size=10).fit(points, labels)
    top = Top(keras.model_.get_weights(), keras.dropout).eval()
    with torch.no_grad():
        shares = top(torch.from_numpy(points)).softmax(1).numpy()
    np.testing.assert_allclose(shares, keras.predict_proba(points), atol=1e-6)
    for one, other in zip(top.weights(), keras.model_.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Two classes of noise: fine and coarse."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("noise")
    for name, side in {"fine": 64, "coarse": 8}.items():
        (folder / name).mkdir()
        for i in range(24):
            picture = Image.fromarray(rng.integers(0, 255, (side, side, 3), dtype=np.uint8))
            picture.resize((64, 64)).save(folder / name / f"{i}.png")
    return ImageSet.read(folder)


@pytest.fixture(scope="module")
def settings(weights, tmp_path_factory):
    """What is tuned, and how; a top that has not learned betters the loss in some epoch."""
    return {
        "backbone": get_backbone("timm:test_vit", weights=weights["timm:test_vit"]), "size": 64,
        "engine": "torch", "batch_size": 10, "learning_rate": 1e-3,
        "store": tmp_path_factory.mktemp("store"),
    }  # fmt: skip


def untaught():
    return TopClassifier(units=16, epochs=1, batch_size=10, learning_rate=1e-6)


@pytest.fixture(scope="module")
def tuned(noise, settings):
    return finetune(noise, **settings, head=untaught(), epochs=8)


def test_a_saved_network_is_a_backbone_that_gives_the_new_features(tuned, noise, tmp_path):
    """From its folder alone: of the size that it was tuned at, and it can be tuned again."""
    name = tuned.save(tmp_path / "tuned")
    assert tuned.best_epoch > 0
    assert {each.name for each in tmp_path.glob("*/*")} == {"config.json", "model.safetensors"}
    features = embed(noise, name, engine="torch")
    assert features.recipe.transform == tuned.recipe.transform
    error = np.linalg.norm(features.values - tuned.features)
    assert error <= 1e-5 * np.linalg.norm(tuned.features)
    file = get_backbone("timm:test_vit", weights=tmp_path / "tuned" / "model.safetensors")
    again = embed(noise, file, engine="torch")
    np.testing.assert_array_equal(again.values, features.values)


def test_the_kept_weights_give_the_loss_in_the_history(tuned, noise):
    validation = noise.where("validation")
    shares = tuned.head.predict_proba(tuned.features[validation])
    codes = np.searchsorted(tuned.head.classes_, noise.labels[validation])
    loss = -np.log(shares[np.arange(len(codes)), codes]).mean()
    assert tuned.history["validation_loss"].idxmin() == tuned.best_epoch
    expected = tuned.history["validation_loss"].iloc[tuned.best_epoch]
    assert loss == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_the_silhouette_of_the_features_joins_the_loss(tuned, noise, settings):
    """By what it is in the batches; its own gradient moves the tail elsewhere."""
    weighed = finetune(noise, **settings, head=untaught(), epochs=1, silhouette=2.0)
    rows = noise.where("validation")
    before = embed(noise, settings["backbone"], size=64, engine="torch").values[rows]
    codes = np.searchsorted(tuned.head.classes_, noise.labels[rows])
    parts = [
        torch_silhouette_losses(torch.tensor(codes[i : i + 10]), torch.tensor(before[i : i + 10]))
        for i in range(0, len(rows), 10)
    ]
    added = weighed.history["validation_loss"][0] - tuned.history["validation_loss"][0]
    assert added == pytest.approx(2 * float(torch.cat(parts).mean()), abs=1e-4)
    accuracy = "validation_accuracy"
    assert weighed.history[accuracy][0] == tuned.history[accuracy][0]
    assert weighed.history["loss"][1] > tuned.history["loss"][1] + 0.1


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_of_the_silhouette_that_makes_no_sense_is_refused(weight, noise, settings):
    with pytest.raises(ValueError, match=f"weight of 0 or more; got {weight}"):
        finetune(noise, **settings, silhouette=weight)


def test_the_fast_engine_runs_the_trunk(weights):
    """OpenVINO's graph gives what module and trunk give, for a picture at a time."""
    import openvino

    backbone = get_backbone("timm:test_resnet", weights=weights["timm:test_resnet"])
    module = backbone.family.module(backbone, backbone.transform.of_size(64), "own")
    graph = backbone.family.build(
        backbone, "openvino", backbone.transform.of_size(64), "own", "layer4.0"
    )
    pixels = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3)).astype(np.float32)
    run = openvino.Core().compile_model(graph.model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    rows = np.stack([run([each[None]])[0][0] for each in pixels])
    taken = []
    module.module.layer4[0].register_forward_pre_hook(lambda _, given: taken.append(given[0]))
    with torch.no_grad():
        features = module(torch.from_numpy(pixels)).numpy()
    frontier = taken[0].flatten(1).numpy()
    assert (graph.features, graph.frontier) == (features.shape[1], frontier.shape[1])
    for given, expected in zip(
        np.split(rows, [graph.features], axis=1), (features, frontier), strict=True
    ):
        assert np.linalg.norm(given - expected) <= 1e-4 * np.linalg.norm(expected)
    assert Recipe.of(backbone, engine="torch").trunk("layer4.0").backbone.layer == "<layer4.0"
