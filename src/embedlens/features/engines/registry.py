"""The engines there are, and which of them is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import TYPE_CHECKING

from embedlens.backbones import Backbone
from embedlens.errors import ConversionError, EmbedlensError
from embedlens.features.engines.engine import Engine, InsteadRunner, Runner, runs
from embedlens.features.engines.keras_engine import KerasEngine
from embedlens.features.engines.openvino_engine import OpenVINOEngine
from embedlens.features.engines.torch_engine import TorchEngine

if TYPE_CHECKING:
    from embedlens.features.recipe import Recipe

# In the order in which "auto" asks them.
_ENGINES: list[Engine] = [TorchEngine(), OpenVINOEngine(), KerasEngine()]


def list_engines() -> tuple[Engine, ...]:
    """Return the engines, in the order in which "auto" asks them."""
    return tuple(_ENGINES)


def register_engine(engine: Engine) -> None:
    """Add an engine, for this process; "auto" asks it after the others.

    Raises
    ------
    EmbedlensError
        If there is an engine of its name, or it is called "auto".

    Examples
    --------
    >>> register_engine(MyEngine())  # doctest: +SKIP
    >>> embed(images, "EfficientNetLite0", engine="mine")  # doctest: +SKIP
    """
    if engine.name in ("auto", *_names()):
        raise EmbedlensError(
            f"There is an engine {engine.name!r} already; give yours another name."
        )
    _ENGINES.append(engine)


def choose_engine(name: str, backbone: Backbone) -> Engine:
    """Return the engine of a name for a backbone; "auto" is the first that suits.

    Raises
    ------
    EmbedlensError
        If the engine's name is unknown, or it cannot run networks of the backbone's family.
    """
    able = [engine for engine in _ENGINES if runs(engine, backbone)]
    if name == "auto":
        # One at a time: to be asked costs seconds where there is a GPU, and memory of it. Where
        # none suits, one that is able is better than none.
        suiting = (engine for engine in able if engine.suits())
        chosen = next(chain(suiting, reversed(able)), None)
    else:
        chosen = next((engine for engine in _ENGINES if engine.name == name), None)
        if chosen is None:
            raise EmbedlensError(
                f"There is no engine {name!r}; choose {', '.join(['auto', *_names()[:-1]])} or "
                f"{_names()[-1]}."
            )
    if chosen not in able:
        others = " or ".join(engine.name for engine in able) or "none"
        raise EmbedlensError(
            f"{backbone.name} cannot be run by the engine {name!r}; of those there are, its family "
            f"({backbone.family.name}) suits {others}."
        )
    return chosen


def make_engine(recipe: Recipe, tail: str | None = None) -> Runner:
    """Make a recipe's backbone ready to run; its trunk's output too, if a tail is named.

    Where the recipe's engine cannot have the network in its form, another runs it, and the record
    of the run says so.

    Raises
    ------
    WeightsError, BackboneError
        As ``Family.build``.
    EmbedlensError
        If the engine cannot compute at the recipe's precision on this machine.
    """
    engine = choose_engine(recipe.engine, recipe.backbone)
    try:
        return engine.load(recipe, tail)
    except ConversionError as error:
        others = [each for each in _ENGINES if each is not engine and runs(each, recipe.backbone)]
        if not others:
            raise
        return InsteadRunner(others[0].load(recipe, tail), engine.name, others[0].name, str(error))


def sees_a_gpu(recipe: Recipe) -> bool:
    """Whether the recipe's engine says, before it makes a network ready, that a GPU will run it."""
    engine = choose_engine(recipe.engine, recipe.backbone)
    return bool(getattr(engine, "sees_a_gpu", lambda: False)())


@contextmanager
def preparing(recipes: Sequence[Recipe]) -> Iterator[int]:
    """Have engines make what they keep of networks, while what is inside goes on.

    Yields
    ------
    int
        Of how many networks something is in the making.
    """
    with ExitStack() as stack:
        begun = 0
        for engine in _ENGINES:
            own = [each for each in recipes if each.engine == engine.name]
            prepare = getattr(engine, "preparing", None)
            if own and prepare is not None:
                begun += stack.enter_context(prepare(own))
        yield begun


def _names() -> list[str]:
    return [engine.name for engine in _ENGINES]
