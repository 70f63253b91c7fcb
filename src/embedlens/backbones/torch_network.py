"""A network of PyTorch from pixels to features. Needs torch: imported only to build one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from embedlens.backbones.pooling import Output, Pooling, vector_of
from embedlens.backbones.transform import Transform
from embedlens.errors import BackboneError

Forward = Callable[[Any, Tensor], Tensor]
"""Takes a module and pictures (n, 3, h, w), scaled as it wants them."""


@dataclass(frozen=True)
class TorchNetwork:
    """A library's module, and what its makers take from it.

    Attributes
    ----------
    module : torch.nn.Module
        In evaluation mode, with its weights.
    vector : callable
        The vector that counts, (n, d).
    tokens : callable
        What it gives before pooling: tokens (n, t, c), or a feature map of four dimensions.
    own : str
        The vector that counts, in words.
    prefix : int
        How many tokens stand before those of patches.
    class_token : bool
        Whether the first of them stands for the class.
    channels_last : bool
        Whether feature maps are (n, h, w, c).
    suffix : int
        How many tokens stand after those of patches.
    """

    module: nn.Module
    vector: Forward
    tokens: Forward
    own: str
    prefix: int = 0
    class_token: bool = False
    channels_last: bool = False
    suffix: int = 0

    def shape(self, values: Tensor) -> tuple[int, ...]:
        """Return the shape of an output for one picture, of a map height, width, channels."""
        if values.ndim == 4 and not self.channels_last:
            values = values.permute(0, 2, 3, 1)
        return tuple(int(n) for n in values.shape[1:])

    def output(self, values: Tensor) -> Output:
        """Say what kind of output an array is."""
        if values.ndim == 2:
            return "vector"
        if values.ndim == 4:
            return "map"
        if values.ndim != 3:
            return "other"
        return "class and tokens" if self._tokens_before(values) and self.class_token else "tokens"

    def chosen(self, values: Tensor, pooling: Pooling) -> Pooling:
        """Return what is done: "own" is the class token where there is one, else the average."""
        if pooling != "own":
            return pooling
        own: dict[Output, Pooling] = {"class and tokens": "cls", "tokens": "mean", "map": "mean"}
        return own.get(self.output(values), "none")

    def pooled(self, values: Tensor, pooling: Pooling) -> Tensor:
        """Return a row a picture, by a pooling other than "own"."""
        before, after = self._tokens_before(values), self.suffix
        if values.ndim == 4:
            before = after = 0
            values = values if self.channels_last else values.permute(0, 2, 3, 1)
            if pooling != "none":
                values = values.flatten(1, 2)
        if pooling == "none":
            return values.flatten(1)
        if pooling == "cls":
            return values[:, 0]
        patches = values[:, before : values.shape[1] - after]
        if pooling == "max":
            return patches.amax(1)
        mean = patches.mean(1)
        return torch.cat([values[:, 0], mean], 1) if pooling == "cls+mean" else mean

    def _tokens_before(self, values: Tensor) -> int:
        """How many tokens stand before those of patches; none where there are too few."""
        return self.prefix if values.shape[1] > self.prefix else min(1, self.prefix)


class Features(nn.Module):  # type: ignore[misc]
    """From pixels (n, h, w, 3), 0 to 255 RGB, to features (n, d), float32.

    Parameters
    ----------
    network : TorchNetwork
        The network.
    transform : Transform
        How it scales pixels, and of which size they are.
    pooling : Pooling
        "own" is the network's own vector.
    layer : str, optional
        The module whose output is taken instead, pooled.
    name : str
        The backbone's, for messages.
    """

    def __init__(
        self,
        network: TorchNetwork,
        transform: Transform,
        pooling: Pooling,
        layer: str | None,
        name: str,
    ) -> None:
        super().__init__()
        self.network = network
        self.module = network.module
        self.pooling = pooling
        self.name = name
        assert transform.size is not None, name
        self.size = transform.size
        self.scaling = Scaling(transform)
        self._taken: list[Tensor] = []
        self._at_layer = layer is not None
        if layer is not None:
            submodule(self.module, layer, name).register_forward_hook(self._take)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features."""
        values = self.unpooled(self.scaling(pixels))
        row = self.network.pooled(values, self.network.chosen(values, self.pooling))
        return row.to(self.scaling.factor.dtype)

    def vector(self, values: Tensor) -> str:
        """Say in words what the features are, of what `unpooled` gave.

        Raises
        ------
        BackboneError
            If the pooling does not suit it.
        """
        if self.pooling == "own" and not self._at_layer:
            return self.network.own
        output = self.network.output(values)
        return vector_of(self.name, output, self.network.chosen(values, self.pooling))

    def unpooled(self, scaled: Tensor) -> Tensor:
        """Return what is pooled, of scaled pictures (n, 3, h, w)."""
        if self._at_layer:
            self._taken.clear()
            self.network.tokens(self.module, scaled)
            if not self._taken:
                self.network.vector(self.module, scaled)
            if not self._taken:
                raise BackboneError(f"{self.name} does not pass through that module.")
            return self._taken[-1]
        if self.pooling == "own":
            return self.network.vector(self.module, scaled)
        return self.network.tokens(self.module, scaled)

    def _take(self, module: nn.Module, given: Any, output: Any) -> None:
        while isinstance(output, tuple | list):
            output = output[0]
        if not isinstance(output, Tensor):
            output = next(each for each in output.values() if isinstance(each, Tensor))
        self._taken.append(output)


class Scaling(nn.Module):  # type: ignore[misc]
    """From pixels (n, h, w, 3), 0 to 255 RGB, to (n, 3, h, w) on the scale of a transform."""

    factor: Tensor
    shift: Tensor

    def __init__(self, transform: Transform) -> None:
        super().__init__()
        mean = torch.tensor(transform.mean, dtype=torch.float64)
        deviation = torch.tensor(transform.deviation, dtype=torch.float64)
        self._reverse = transform.channels == "BGR"
        factor, shift = 1 / (transform.scale * deviation), -mean / deviation
        self.register_buffer("factor", factor.float().view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", shift.float().view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return them scaled."""
        moved = pixels.permute(0, 3, 1, 2).to(self.factor.dtype)
        if self._reverse:
            moved = moved.flip(1)
        return moved * self.factor + self.shift


def submodule(module: nn.Module, layer: str, name: str) -> nn.Module:
    """Return a module of a network by its name.

    Raises
    ------
    BackboneError
        If there is none; it names the nearest.
    """
    import difflib

    names = dict(module.named_modules())
    if layer in names and layer:
        return names[layer]
    near = difflib.get_close_matches(layer, names, 3, cutoff=0.3)
    hint = f" Did you mean {', '.join(near)}?" if near else ""
    raise BackboneError(f"{name.partition('@')[0]} has no module {layer!r}.{hint}")
