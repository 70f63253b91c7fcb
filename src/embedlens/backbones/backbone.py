"""A backbone: a pretrained network, its weights, what it was fed, and where it is cut."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.pooling import parse_pooling
from embedlens.backbones.transform import Transform
from embedlens.backbones.weights import Weights

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from embedlens.backbones.families.family import Family


@dataclass(frozen=True)
class Backbone:
    """A pretrained network cut at a layer. Make one with `get_backbone`.

    Attributes
    ----------
    name : str
        How the user names it: ``"Xception"``, ``"Xception@block13_sepconv2_act"``,
        ``"my.keras@layer"``.
    network : str
        The name without the layer.
    family : Family
        Where the architecture comes from, and what knows how to build it.
    layer : str or None
        Where it is cut; None is the last feature map. ``"<name"`` is all before the layer of that
        name: the trunk that fine-tuning leaves as it is.
    weights : Weights
        What it was trained on.
    transform : Transform
        What it was fed in training, and so what pictures are made into for it.
    parameters : int or None
        Weights in all, with the ImageNet top; None where only loading the file would tell.
    feature_map : (int, int, int) or None
        Height, width and channels of the last feature map at the default size.
    transform_from : str or None, default "its authors"
        Who says the transform: "its authors", "the user", or a file; None where nobody does, and
        then it is not to be relied on.
    unread : str or None, default None
        Why the file that would say the transform cannot be read, where there is one: told where
        the user says none.
    """

    name: str
    network: str
    family: Family
    layer: str | None
    weights: Weights
    transform: Transform
    parameters: int | None = None
    feature_map: tuple[int, int, int] | None = None
    transform_from: str | None = "its authors"
    unread: str | None = None

    @property
    def size(self) -> int | tuple[int, int] | None:
        """Side of its input by default, or (height, width), in pixels.

        None where only the model file tells.
        """
        size = self.transform.size
        return size[0] if size and size[0] == size[1] else size

    @property
    def short_name(self) -> str:
        """The network's name without the folders of a file, for names of files and folders."""
        return self.network if self.path is None else self.path.name

    @property
    def path(self) -> Path | None:
        """The file that its name is the path of; None if its name is no path."""
        return self.family.path(self.network)

    @property
    def imagenet_accuracy(self) -> float | None:
        """Share of ImageNet's validation pictures that its published weights classify rightly.

        None where its weights are random, and where nobody published it.
        """
        if self.weights.kind == "random":
            return None
        return self.family.imagenet_accuracy(self.network)

    def before(self, layer: str) -> Backbone:
        """Return the trunk of this network: all before a layer, with the same weights.

        Its features are the frontier: every tensor that the rest of the network takes, flattened.
        """
        return replace(self, name=f"{self.network}@<{layer}", layer=f"<{layer}")

    def build(
        self,
        size: int | tuple[int, int] | None = None,
        pooling: str | None = None,
        tail: str | None = None,
    ) -> Any:
        """Build the Keras model from pixels (h, w, 3), 0 to 255 RGB, to features.

        Preprocessing, the network to its cut, and pooling are all inside, so that every engine
        runs the same graph.

        Parameters
        ----------
        size : int or (int, int), optional
            Height and width of the input, in pixels; by default the network's own.
        pooling : {"own", "mean", "max", "none"}, default "own"
            What becomes of a feature map (h, w, c): its average, which is "own" as well, or its
            maximum over the picture (c features), or all of it, flattened in the order height,
            width, channels.
        tail : str, optional
            The layer where fine-tuning begins. What the trunk before it gives, flattened, then
            follows the features of each picture, so that one run serves both.

        Returns
        -------
        keras.Model
            Its output has shape (pictures, features), or (pictures, features + frontier).

        Raises
        ------
        WeightsError
            If the weights cannot be had, or are another network's.
        BackboneError
            If the layer does not exist, the network refuses the size, or it is no network of Keras.
        """
        transform = self.transform.of_size(size)
        return self.family.build(self, "keras", transform, parse_pooling(pooling), tail).model

    def load(self, size: int | tuple[int, int] | None = None) -> keras.Model:
        """Build the network alone, to its cut, with its weights: no preprocessing, no pooling.

        Raises
        ------
        WeightsError, BackboneError
            As `build`.
        """
        return self.family.load(self, self.transform.of_size(size).size)

    def preprocess(self, pixels: Any) -> Any:
        """Bring pixels of 0 to 255, RGB, to the scale the network was trained on."""
        return self.transform.apply(pixels)

    def imagenet_top(self) -> tuple[NDArray[np.floating], NDArray[np.floating]] | None:
        """Return the dense layer that classifies the average of the last feature map.

        Returns
        -------
        (kernel, bias) or None
            Of shapes (features, 1000) and (1000,); a softmax of features @ kernel + bias are the
            probabilities. None where the network is cut or has other weights, where those of its
            top would have to be downloaded, and where its top is more than average and dense layer.

        Examples
        --------
        >>> from embedlens.backbones import get_backbone
        >>> kernel, bias = get_backbone("EfficientNetLite0").imagenet_top()
        >>> kernel.shape
        (1280, 1000)
        """
        if self.layer is not None or self.weights.kind != "imagenet":
            return None
        return self.family.imagenet_top(self)

    def describe(self) -> dict[str, Any]:
        """Return what features depend on, as plain JSON: for keys, records and reports."""
        return {
            "name": self.name,
            "network": self.network,
            "family": self.family.name,
            "layer": self.layer,
            "weights": {
                "kind": self.weights.kind,
                "origin": self.weights.origin,
                "digest": self.weights.digest(),
            },
            "size": self.size,
            "parameters": self.parameters,
            "feature_map": self.feature_map,
        }
