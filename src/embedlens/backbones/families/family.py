"""What a family of networks is to the rest of the program."""

from __future__ import annotations

import importlib.util
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from embedlens.backbones.pooling import POOLINGS
from embedlens.errors import BackboneError

if TYPE_CHECKING:
    import keras
    import numpy as np
    from numpy.typing import NDArray

    from embedlens.backbones.backbone import Backbone
    from embedlens.backbones.pooling import Pooling
    from embedlens.backbones.transform import Transform

Form = str
"""What an engine takes: "keras", a ``keras.Model``; "openvino", an ``openvino.Model``. A network of
another framework may have that framework's, for an engine that runs it."""


@dataclass(frozen=True)
class Built:
    """A backbone in the form that an engine asked for: from pixels, 0 to 255 RGB, to features.

    Attributes
    ----------
    model : object
        What the form says: it takes pictures (n, h, w, 3), and gives (n, features + frontier) in
        float32.
    size : (int, int)
        Height and width of the pictures it takes, in pixels.
    features : int
        How many features a picture gets.
    frontier : int
        How many numbers of the trunk follow them in a picture's row; 0 if no tail was named.
    feature_map : tuple of int
        Shape of what the network gives, before pooling.
    parameters : int
        Weights of the network to its cut.
    vector : str
        What the features are, in words: "class token", "average of the feature map".
    """

    model: Any
    size: tuple[int, int]
    features: int
    frontier: int
    feature_map: tuple[int, ...]
    parameters: int
    vector: str


class Family(Protocol):
    """Where networks come from, and how one is named, built, fed and cut.

    A family is one object, made once and without state, as it travels to other processes by its
    class's name. It subclasses this: the methods that have a body here need only be written where
    the family knows more.

    Attributes
    ----------
    name : str
        In records and reports, and unlike that of any other.
    forms : tuple of Form
        What its networks can be built as; an engine runs one of them.
    packages : tuple of str
        The distributions that its features depend on besides embedlens: their versions are part of
        the key under which features are kept.
    requires : tuple of str
        Modules that must be installed to build one of its networks; listing needs none of them.
    extra : str or None
        The extra of embedlens that installs them, for the message.
    tunable : Form or None
        The form in which its networks are fine-tuned; None where they cannot be.
    tuned_suffix : str
        What the path of one that was tuned ends in: ".keras", a file; or nothing, a folder.
    """

    name: str
    forms: tuple[Form, ...]
    packages: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    extra: str | None = None
    tunable: Form | None = None
    tuned_suffix: str = ""

    @abstractmethod
    def networks(self) -> Sequence[str]:
        """Name the networks to list, in the order of the list.

        Quick: without building, downloading or importing a framework. Empty for a family of files.
        """

    @abstractmethod
    def backbone(
        self, network: str, layer: str | None = None, weights: str | Path | None = None
    ) -> Backbone:
        """Describe a network of this family; nothing is loaded or downloaded yet.

        Parameters
        ----------
        network : str
            As `find` returned it.
        layer : str, optional
            Where it is cut.
        weights : {"imagenet", "random"} or path, optional
            What the user chose; by default the published ones.

        Raises
        ------
        WeightsError
            If a weights file does not exist, or the family takes none.
        """

    @abstractmethod
    def build(
        self,
        backbone: Backbone,
        form: Form,
        transform: Transform,
        pooling: Pooling,
        tail: str | None,
    ) -> Built:
        """Build a network with its weights, preprocessing and pooling inside.

        For the form "openvino" this runs in a child process whose Keras has OpenVINO as its
        backend, and the graph is kept: so the family is asked once for each graph.

        Parameters
        ----------
        backbone : Backbone
            One of this family.
        form : Form
            One of `forms`.
        transform : Transform
            Its own, or what the user made of it: the size is that of the pictures, the scaling goes
            into the model. Fitting to size is none of the model's business.
        pooling : {"own", "cls", "mean", "cls+mean", "max", "none"}
            What becomes of the network's output. "own" is the vector that counts for this network:
            the average of a feature map, a class token, an attention pool, a projected vector, a
            layer's own vector. The others are asked for by users.
        tail : str or None
            The layer where fine-tuning begins: what the trunk before it gives, flattened, follows
            the features.

        Raises
        ------
        WeightsError
            If the weights cannot be had, or are another network's.
        BackboneError
            If the layer does not exist, the network refuses the size, or the pooling does not suit
            its output (`vector_of` says so).
        """

    def poolings(self, backbone: Backbone) -> Sequence[Pooling]:
        """Name the poolings that can be asked for, as far as is known before it is built.

        Asked for another, a recipe is refused before pictures are read. By default all: then
        `build` refuses.
        """
        return POOLINGS

    def find(self, text: str) -> str | None:
        """Return the network that a text names in any case, as it is spelt here; None if none."""
        return next((each for each in self.networks() if each.lower() == text.lower()), None)

    def search(self, text: str) -> Sequence[str]:
        """Name the networks to list whose names hold a text, in any case."""
        return [each for each in self.networks() if text.lower() in each.lower()]

    def path(self, network: str) -> Path | None:
        """Return the file that a network's name is the path of; None if it is no path."""
        return None

    def anchored(self, network: str, path: Path) -> str:
        """Return the name of a network that is a path, as another path would have it."""
        return str(path)

    def missing(self) -> list[str]:
        """Name the modules of `requires` that are not installed."""
        return [each for each in self.requires if importlib.util.find_spec(each) is None]

    def load(self, backbone: Backbone, size: tuple[int, int] | None) -> keras.Model:
        """Return the network alone, to its cut, with its weights, as a Keras model.

        Raises
        ------
        WeightsError, BackboneError
            As `build`; and if the family's networks are not Keras's.
        """
        raise BackboneError(f"{backbone.name} is no network of Keras, and cannot be loaded as one.")

    def text_vectors(self, backbone: Backbone, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Return what a whole network makes of texts, to be compared with its own vector.

        Returns
        -------
        ndarray of shape (texts, d) or None
            None where the network knows no texts, or its tokenizer cannot be had.
        """
        return None

    def imagenet_layer(self, network: str) -> str | None:
        """Name the layer that gives ImageNet's 1,000 classes; None if there is none."""
        return None

    def imagenet_top(
        self, backbone: Backbone
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]] | None:
        """Return kernel and bias of a whole backbone's ImageNet top; see ``Backbone``."""
        return None

    def imagenet_accuracy(self, network: str) -> float | None:
        """Return the share of ImageNet's validation pictures that it classifies rightly."""
        return None
