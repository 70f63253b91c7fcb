"""Families whose networks are built by code, with or without their ImageNet top."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlens.backbones.backbone import Backbone
from embedlens.backbones.construction import construction
from embedlens.backbones.families.keras_family import KerasFamily, cut_at
from embedlens.backbones.weights import randomize
from embedlens.errors import BackboneError, WeightsError

if TYPE_CHECKING:
    import keras


class KerasArchitectures(KerasFamily):
    """A family of Keras networks that are built by code and then get their weights."""

    @abstractmethod
    def architecture(self, network: str, size: tuple[int, int], *, top: bool) -> keras.Model:
        """Build a network with Keras's initial weights.

        Parameters
        ----------
        network : str
            Its name.
        size : (int, int)
            Height and width of the input, in pixels.
        top : bool
            Whether the ImageNet classifier is on.

        Returns
        -------
        keras.Model
            From preprocessed pixels to the last feature map, or to 1,000 probabilities.
        """

    def load_weights(
        self, backbone: Backbone, network: keras.Model, file: Path, *, top: bool
    ) -> None:
        """Set the weights of a network that `architecture` built.

        Raises
        ------
        WeightsError
            If the file is of another network.
        """
        if _loads(network, file):
            return
        # The file may hold the network with its ImageNet top, which VGG has at one size only.
        whole = network if top else self._construct(backbone, _own_size(backbone), top=True)
        if top or not _loads(whole, file):
            raise WeightsError(
                f"{file} does not hold the weights of {backbone.network}"
                f"{' with its ImageNet top' if top else ''}: shapes or layers differ. "
                f"Give --weights {backbone.network}=FILE with a file of this network."
            )
        network.set_weights(whole.get_weights()[: len(network.weights)])

    def load(self, backbone: Backbone, size: tuple[int, int] | None) -> keras.Model:
        """Return the network alone, to its cut, with its weights."""
        backbone.weights.fetch(backbone.network)
        size = size or _own_size(backbone)
        network = self._construct(backbone, size, top=False)
        names = {layer.name for layer in network.layers}
        top = backbone.layer is not None and backbone.layer.removeprefix("<") not in names
        if top:
            network = self._construct(backbone, size, top=True)
        if backbone.weights.file is None:
            randomize(network)
        else:
            self.load_weights(backbone, network, backbone.weights.file, top=top)
        return cut_at(network, backbone.layer)

    def _construct(self, backbone: Backbone, size: tuple[int, int], *, top: bool) -> Any:
        try:
            with construction():
                return self.architecture(backbone.network, size, top=top)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise BackboneError(
                f"{backbone.network} cannot be built for pictures of {size[0]}x{size[1]}: {reason} "
                f"Its own size is {backbone.size}."
            ) from error


def _loads(network: Any, file: Path) -> bool:
    try:
        with warnings.catch_warnings():
            # Keras warns for each container of layers that a file from before 3.15 lacks; these
            # networks list their layers besides, and a layer without weights is an error.
            warnings.filterwarnings("ignore", "Skipping nested container")
            network.load_weights(str(file))
    except (ValueError, KeyError, OSError):
        return False
    return True


def _own_size(backbone: Backbone) -> tuple[int, int]:
    """Return the size that a network built by code was trained at: its family always tells."""
    size = backbone.transform.size
    if size is None:
        raise BackboneError(f"{backbone.network} has no size of its own; give one.")
    return size
