"""What an engine is to the rest of the program."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from embedlens.backbones import Backbone
from embedlens.backbones.families import Form

if TYPE_CHECKING:
    from embedlens.features.recipe import Recipe

Precision = Literal["float32", "bf16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bf16")

Pictures = Iterable[tuple[int, np.ndarray]]
"""Row numbers and pixels, uint8 (h, w, 3)."""

Write = Callable[[int, np.ndarray], None]
"""Takes a row number and what the network gives for it, float32 (features + frontier,)."""


class Runner(Protocol):
    """A backbone made ready to run.

    Attributes
    ----------
    size : (int, int)
        Height and width of the pictures it takes, in pixels.
    features : int
        How many features a picture gets.
    frontier : int
        How many numbers of the trunk follow them in a picture's row; 0 if it was not asked for.
    feature_map : tuple of int
        Shape of what the network gives, before pooling.
    parameters : int
        Weights of the network to its cut.
    vector : str
        What the features are, in words.

    One that can count them has ``operations`` too: the multiply-adds of a picture, an int; and one
    that runs on a GPU has ``gpu``, its name: the record says it, and all processors decode.
    """

    size: tuple[int, int]
    features: int
    frontier: int
    feature_map: tuple[int, ...]
    parameters: int
    vector: str

    def run(self, pictures: Pictures, write: Write) -> None:
        """Embed pictures, handing each row to ``write`` in the caller's thread, in any order.

        A row may depend on its picture alone, and not on those beside it: so that a run that is
        resumed ends in the same bytes.
        """


class InsteadRunner:
    """A runner of an engine that had to stand in for the one that was chosen.

    Attributes
    ----------
    record : dict
        What a run says of it: ``engine``, which ran; ``instead_of``, which was chosen; ``reason``.
    """

    def __init__(self, runner: Runner, chosen: str, engine: str, reason: str) -> None:
        self.size = runner.size
        self.features = runner.features
        self.frontier = runner.frontier
        self.feature_map = runner.feature_map
        self.parameters = runner.parameters
        self.vector = runner.vector
        self.run = runner.run
        self.gpu = getattr(runner, "gpu", None)
        self.record = {"engine": engine, "instead_of": chosen, "reason": reason}


class Engine(Protocol):
    """What makes backbones ready to run.

    Attributes
    ----------
    name : str
        In options and records, and unlike that of any other.
    form : Form
        What it takes from a family: ``Family.build`` is asked for that.
    packages : tuple of str
        The distributions that its numbers depend on: their versions are part of the key under
        which features are kept.

    One that makes something of a network once, and keeps it, may have ``preparing(recipes)`` too: a
    context manager that has it made for several networks while what is inside goes on, and yields
    for how many. What it leaves, ``load`` makes. One that runs on a GPU may have ``sees_a_gpu()``,
    whether there is one: pictures are then decoded in processes that start before ``load``.
    """

    name: str
    form: Form
    packages: tuple[str, ...]

    def suits(self) -> bool:
        """Whether it is the one to take on this machine, where the user leaves the choice.

        Engines are asked in the order in which they were registered.
        """

    def load(self, recipe: Recipe, tail: str | None = None) -> Runner:
        """Make a backbone ready to run; its trunk's output too, if a tail is named.

        Raises
        ------
        WeightsError, BackboneError
            As ``Family.build``.
        EmbedlensError
            If the engine cannot compute at the recipe's precision on this machine.
        """


def runs(engine: Engine, backbone: Backbone) -> bool:
    """Whether a backbone's family gives the form that an engine takes."""
    return engine.form in backbone.family.forms
