"""The tail of a network of PyTorch, trained by PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embedlens.arrays import processors
from embedlens.backbones.families.torch_family import TorchFamily
from embedlens.backbones.torch_cut import ModuleGraph, tail_layer
from embedlens.features.engines.torch_engine import torch_sees_a_gpu
from embedlens.files import replacing
from embedlens.learn.lazy_rows import LazyRows
from embedlens.learn.top_classifier import TopClassifier
from embedlens.learn.torch_silhouette import torch_silhouette_losses

if TYPE_CHECKING:
    from embedlens.features import Recipe

_BATCH = 64
_EPSILON = 1e-7  # Keras's Adam has it, torch's another


class TorchTail:
    """What fine-tuning trains of a network of PyTorch; see ``Tail``."""

    def __init__(self, recipe: Recipe, unfreeze: str) -> None:
        self._recipe = recipe
        self._family = cast(TorchFamily, recipe.backbone.family)
        self._family.expect_saveable(recipe.backbone, recipe.transform)
        whole = self._family.module(recipe.backbone, recipe.transform, recipe.pooling)
        graph = ModuleGraph(whole)
        self.network = whole.network.module
        self.layer = tail_layer(graph, unfreeze)
        self._device = "cuda" if torch_sees_a_gpu() else "cpu"
        self._module = graph.tail(self.layer).to(self._device)
        self.parameters = sum(each.numel() for each in trained(self._module))
        self.features = self.predict(np.zeros((1, self._module.numbers), np.float32)).shape[1]

    def predict(self, frontier: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the features of some pictures."""
        torch.set_num_threads(processors())
        parts = []
        with torch.no_grad():
            for i in range(0, len(frontier), _BATCH):
                block = torch.tensor(frontier[i : i + _BATCH])
                parts.append(self._module(block.to(self._device)).cpu().numpy())
        return np.concatenate(parts)

    def join(
        self,
        top: TopClassifier,
        learning_rate: float,
        batch_size: int,
        silhouette: float,
        random_state: int,
    ) -> TorchJoint:
        """Put a trained top on it; see ``Tail.join``."""
        torch.manual_seed(random_state)
        return TorchJoint(self._module, top, learning_rate, batch_size, silhouette, self._device)

    def save(self, path: Path) -> str:
        """Write weights, transform and configuration into a folder that is a backbone."""
        backbone = self._recipe.backbone
        with replacing(path) as partial:
            partial.mkdir()
            self._family.save(backbone, self.network.cpu(), self._recipe.transform, partial)
            self._module.to(self._device)  # part of what was saved
        return self._family.anchored(backbone.network, path)


class TorchJoint:
    """Tail and top, the top made of the numbers of Keras's; see ``Joint``."""

    def __init__(
        self, tail: nn.Module, top: TopClassifier, learning_rate: float, batch_size: int,
        silhouette: float, device: str,
    ) -> None:  # fmt: skip
        self._tail, self._batch_size, self._device = tail, batch_size, device
        self._silhouette = silhouette
        self._keras, self._top = top.model_, Top(top.model_.get_weights(), top.dropout).to(device)
        self._trained = [*trained(tail), *trained(self._top)]
        self._optimizer = torch.optim.Adam(self._trained, learning_rate, eps=_EPSILON)

    def epoch(self, X: LazyRows, y: NDArray[np.int64]) -> tuple[float, float]:
        """Train on rows in their order; return the mean loss and accuracy."""
        self._top.train()
        return self._through(X, y, train=True)

    def evaluate(self, X: LazyRows, y: NDArray[np.int64]) -> tuple[float, float]:
        """Return the mean loss and the accuracy."""
        self._top.eval()
        with torch.no_grad():
            return self._through(X, y, train=False)

    def state(self) -> list[Tensor]:
        """Return a copy of what is trained."""
        return [each.detach().clone() for each in self._trained]

    def restore(self, state: list[Tensor]) -> None:
        """Put it back, into Keras's top too."""
        with torch.no_grad():
            for each, kept in zip(self._trained, state, strict=True):
                each.copy_(kept)
        self._keras.set_weights(self._top.weights())

    def _through(self, X: LazyRows, y: NDArray[np.int64], *, train: bool) -> tuple[float, float]:
        torch.set_num_threads(processors())
        loss_sum, right = 0.0, 0
        for i in range(0, len(y), self._batch_size):
            rows = torch.from_numpy(np.asarray(X[i : i + self._batch_size], np.float32))
            codes = torch.from_numpy(y[i : i + self._batch_size]).to(self._device)
            features = self._tail(rows.to(self._device))
            logits = self._top(features)
            loss = nn.functional.cross_entropy(logits, codes)
            if self._silhouette:
                loss = loss + self._silhouette * torch_silhouette_losses(codes, features).mean()
            if train:
                self._optimizer.zero_grad()
                loss.backward()
                self._optimizer.step()
            loss_sum += float(loss.detach()) * len(codes)
            right += int((logits.argmax(1) == codes).sum())
        return loss_sum / len(y), right / len(y)


class Top(nn.Module):  # type: ignore[misc]
    """The study's top with the numbers of Keras's, to logits; its normalisation stays as it is.

    Parameters
    ----------
    weights : list of ndarray
        As ``get_weights`` of the top's model returns them.
    dropout : float
        Share of hidden units dropped in training.
    """

    def __init__(self, weights: list[NDArray[np.float32]], dropout: float) -> None:
        super().__init__()
        scale, offset, mean, variance, *rest = (torch.tensor(each) for each in weights)
        kernel, bias, last_kernel, last_bias = rest
        for name, each in (("scale", scale), ("offset", offset), ("mean", mean)):
            self.register_buffer(name, each)
        self.register_buffer("variance", variance)
        self.hidden, self.last = _linear(kernel, bias), _linear(last_kernel, last_bias)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (n, classes)."""
        normal = nn.functional.batch_norm(
            features, self.mean, self.variance, self.scale, self.offset, eps=1e-3
        )
        return self.last(self.dropout(self.hidden(normal).relu()))

    def weights(self) -> list[NDArray[np.float32]]:
        """Return the numbers in Keras's order."""
        layers = [part for each in (self.hidden, self.last) for part in (each.weight.T, each.bias)]
        held = [self.scale, self.offset, self.mean, self.variance, *layers]
        return [each.detach().cpu().numpy() for each in held]


def trained(module: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of a module that require a gradient."""
    return [each for each in module.parameters() if each.requires_grad]


def _linear(kernel: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(*kernel.shape)
    with torch.no_grad():
        layer.weight.copy_(kernel.T)
        layer.bias.copy_(bias)
    return layer
