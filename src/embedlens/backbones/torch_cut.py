"""A module of PyTorch as a graph of operations, cut where fine-tuning begins.

Needs torch: imported only to build one. ``torch.export`` writes down what the module does for any
number of pictures, each operation with the submodules that it belongs to. So the cut is that of
`split` for networks of Keras, whatever library the module is of: the tail is a submodule and all
that depends on it.
"""

from __future__ import annotations

import logging
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from functools import cached_property
from io import StringIO
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate

from embedlens.backbones.torch_network import Features, submodule
from embedlens.errors import BackboneError

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_WEIGHED = (nn.Conv2d, nn.Linear, nn.MultiheadAttention)
_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_CLOSE = 1e-3


class Trunk(nn.Module):  # type: ignore[misc]
    """From pixels (n, h, w, 3) to tensors of a graph, each flattened, in a row a picture."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__()
        self.operations = graph

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the rows."""
        return torch.cat([each.flatten(1) for each in self.operations(pixels)], 1)


class Tail(nn.Module):  # type: ignore[misc]
    """From the frontier, flattened, to features.

    Attributes
    ----------
    shapes : list of tuple of int
        Of the frontier's tensors, for one picture.
    numbers : int
        How many numbers they are together.
    """

    def __init__(self, graph: fx.GraphModule, shapes: list[tuple[int, ...]]) -> None:
        super().__init__()
        self.operations = graph
        self.shapes = shapes
        self._lengths = [math.prod(each) for each in shapes]
        self.numbers = sum(self._lengths)

    def forward(self, frontier: Tensor) -> Tensor:
        """Return features (n, d)."""
        parts = frontier.split(self._lengths, 1)
        tensors = [part.reshape(-1, *s) for part, s in zip(parts, self.shapes, strict=True)]
        return self.operations(*tensors)[0]


class ModuleGraph:
    """What a module from pixels to features does, operation by operation.

    Parameters
    ----------
    module : Features
        A whole backbone; weights are shared with it.

    Raises
    ------
    BackboneError
        If PyTorch cannot write it down, or only for a fixed number of pictures.
    """

    def __init__(self, module: Features) -> None:
        self.module = module
        self.name = module.name
        self._exported = _exported(module)
        self._nodes = list(_without_mutation(self._exported.graph, self.name).nodes)
        signature = self._exported.graph_signature
        (self._pixels,) = [each for each in self._nodes if each.name in signature.user_inputs]
        (self._output,) = self._nodes[-1].args[0]
        # In torch.export's signature the name of a placeholder stands for a tensor of the module.
        self._held: dict[str, str] = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        batch = self._pixels.meta["val"].shape[0]
        if not isinstance(batch, torch.SymInt) or batch.node.expr.is_number:
            raise BackboneError(
                f"{self.name} cannot be fine-tuned: what PyTorch writes down of it holds for "
                f"{batch} pictures at a time only."
            )
        self._batch = batch.node.expr

    @cached_property
    def called(self) -> dict[str, nn.Module]:
        """The submodules that pictures pass through, by name, in the order of their calls."""
        names = dict.fromkeys(name for node in self._data for name in _modules_of(node))
        known = dict(self.module.module.named_modules())
        return {name: known[name] for name in names if name in known}

    def first_with_weights(self) -> str:
        """Name the submodule that is the first to use numbers of its own."""
        return next(
            name
            for name, each in self.called.items()
            if next(each.parameters(recurse=False), None) is not None
        )

    def both(self, layer: str) -> Trunk:
        """Return the module to features, followed by the frontier of a layer."""
        frontier = self._frontier(layer)
        return Trunk(self._between([self._pixels], [self._output, *frontier]))

    def trunk(self, layer: str) -> Trunk:
        """Return the module to the frontier of a layer."""
        return Trunk(self._between([self._pixels], self._frontier(layer)))

    def shapes(self, layer: str) -> list[tuple[int, ...]]:
        """Return the shapes of the frontier's tensors, for one picture."""
        return [
            tuple(int(each) for each in node.meta["val"].shape[1:])
            for node in self._frontier(layer)
        ]

    def tail(self, layer: str) -> Tail:
        """Return the module from the frontier of a layer, with what is to be trained.

        That are all numbers that the tail alone uses, but for batch normalisation, which stays as
        it is; the rest requires no gradient.

        Raises
        ------
        BackboneError
            If there is no such layer, the features do not depend on it, or what passes it by is no
            tensor with a row a picture.
        """
        frontier = self._frontier(layer)
        graph = self._between(frontier, [self._output])
        before = {self._held.get(each.name) for each in self._needed([self._pixels], frontier)}
        for name, each in graph.named_parameters():
            each.requires_grad_(name not in before and not self._normalizes(name))
        tail = Tail(graph, self.shapes(layer))
        self._compare(self.trunk(layer), tail)
        return tail

    def _normalizes(self, name: str) -> bool:
        owner = self.module.get_submodule(name.rpartition(".")[0])
        return isinstance(owner, _BATCH_NORMS)

    def _compare(self, trunk: Trunk, tail: Tail) -> None:
        """See that trunk and tail give what the module gives, of more pictures than it was told."""
        generator = torch.Generator().manual_seed(0)
        pixels = torch.rand(3, *self.module.size, 3, generator=generator) * 255
        with torch.no_grad():
            expected, given = self.module(pixels), tail(trunk(pixels))
        if not (given - expected).norm() <= _CLOSE * expected.norm():
            raise BackboneError(
                f"{self.name} cannot be fine-tuned: its trunk and tail give other features than it."
            )

    @cached_property
    def _data(self) -> list[fx.Node]:
        """Operations whose results depend on the pixels, and not only on how many there are."""
        found = {self._pixels: None}
        for node in self._nodes:
            if node.op != "call_function" or _is_size(node):
                continue
            if any(each in found for each in node.all_input_nodes):
                found[node] = None
        return list(found)

    def _frontier(self, layer: str) -> list[fx.Node]:
        submodule(self.module.module, layer, self.name)  # so that a wrong name gets its error
        inside, data = set(), set(self._data)
        for node in self._data:
            if layer in _modules_of(node) or any(each in inside for each in node.all_input_nodes):
                inside.add(node)
        if self._output not in inside:
            raise BackboneError(
                f"The features of {self.name} do not depend on its module {layer!r}; choose one on "
                "the way to them."
            )
        needed = [each for each in self._needed([self._pixels], [self._output]) if each in inside]
        frontier = dict.fromkeys(
            each for node in needed for each in node.all_input_nodes
            if each in data and each not in inside
        )  # fmt: skip
        for each in frontier:
            if not self._is_row_a_picture(each):
                raise BackboneError(
                    f"{self.name} cannot be cut at {layer!r}: what goes in there is no tensor with "
                    "a row a picture. Choose the module around it."
                )
        return list(frontier)

    def _is_row_a_picture(self, node: fx.Node) -> bool:
        value = node.meta["val"]
        if not isinstance(value, Tensor) or not value.is_floating_point():
            return False
        first, *others = value.shape
        return (
            isinstance(first, torch.SymInt)
            and first.node.expr == self._batch
            and all(isinstance(each, int) for each in others)
        )

    def _needed(self, given: Sequence[fx.Node], wanted: Sequence[fx.Node]) -> list[fx.Node]:
        """What leads from some operations to others, in order; sizes are not followed."""
        found: set[fx.Node] = set()
        waiting = list(wanted)
        while waiting:
            node = waiting.pop()
            if node in found or node in given:
                continue
            found.add(node)
            if not _is_size(node):
                waiting += node.all_input_nodes
        return [node for node in self._nodes if node in found]

    def _between(self, given: Sequence[fx.Node], wanted: Sequence[fx.Node]) -> fx.GraphModule:
        graph, held = fx.Graph(), {}
        env = {each: graph.placeholder(each.name) for each in given}
        first = env[given[0]]
        batch = graph.call_function(torch.ops.aten.sym_size.int, (first, 0))
        device = graph.call_function(getattr, (first, "device"))
        for node in self._needed(given, wanted):
            if node.name in self._held:
                name = self._held[node.name]
                held[name] = self._tensor(name)
                env[node] = graph.get_attr(name)
            elif node.op == "get_attr":
                held[node.target] = getattr(self._exported.graph_module, node.target)
                env[node] = graph.get_attr(node.target)
            elif _is_size(node):
                env[node] = self._size_of(node, graph, batch)
            else:
                copied = graph.node_copy(node, env.__getitem__)
                copied.args, copied.kwargs = map_aggregate(
                    (copied.args, copied.kwargs),
                    lambda each: device if isinstance(each, torch.device) else each,
                )
                env[node] = copied
        graph.output(tuple(env[each] for each in wanted))
        return fx.GraphModule(held, graph)

    def _size_of(self, node: fx.Node, graph: fx.Graph, batch: fx.Node) -> Any:
        """Return a size as a multiple of the number of pictures."""
        value = node.meta["val"]
        if isinstance(value, int):
            return value
        times = value.node.expr / self._batch
        if not times.is_integer:
            raise BackboneError(
                f"{self.name} cannot be fine-tuned: a size in it is {value.node.expr}, no multiple "
                "of the number of pictures."
            )
        return graph.call_function(operator.mul, (batch, int(times))) if times != 1 else batch

    def _tensor(self, name: str) -> Any:
        """Return a tensor that the graph holds; one of the module is the module's own."""
        owner, _, last = name.rpartition(".")
        try:
            return getattr(self.module.get_submodule(owner), last)
        except AttributeError:  # a constant, which torch.export named
            return self._exported.constants[name]


def tail_layer(graph: ModuleGraph, unfreeze: str) -> str:
    """Name the submodule where the tail begins.

    Parameters
    ----------
    graph : ModuleGraph
        The network's.
    unfreeze : str
        "auto": the last convolution, or the last block where that has none, as a transformer's;
        "last-conv", "last-block", "last-stage"; "all": the first submodule with weights; or a
        submodule's name. What comes after it, such as a norm, is trained too.

    Raises
    ------
    BackboneError
        If the network has no such part.
    """
    ways: dict[str, Callable[[ModuleGraph], str | None]] = {
        "auto": _own_start,
        "last-conv": _last_convolution,
        "last-block": lambda graph: next(reversed(_blocks(graph)), None),
        "last-stage": _last_stage,
        "all": ModuleGraph.first_with_weights,
    }
    found = ways[unfreeze](graph) if unfreeze in ways else unfreeze
    if found is None:
        raise BackboneError(
            f"{graph.name} has no {unfreeze.replace('-', ' ')} that its modules' names tell; name "
            f"the module where fine-tuning shall begin, such as {next(reversed(graph.called))}."
        )
    return found


def _own_start(graph: ModuleGraph) -> str | None:
    block = next(reversed(_blocks(graph)), None)
    if block is None or any(isinstance(m, nn.Conv2d) for m in graph.called[block].modules()):
        return _last_convolution(graph)
    return block


def _last_convolution(graph: ModuleGraph) -> str | None:
    found = [name for name, each in graph.called.items() if isinstance(each, nn.Conv2d)]
    return found[-1] if found else None


def _blocks(graph: ModuleGraph) -> list[str]:
    """Name the modules of several layers with weights in lists that hold mostly such modules."""
    known = dict(graph.module.module.named_modules())
    lists = {
        name
        for name, each in known.items()
        if isinstance(each, _CONTAINERS) and 2 * sum(map(_is_block, each.children())) >= len(each)
    }
    return [
        name
        for name, each in graph.called.items()
        if name.rpartition(".")[0] in lists and _is_block(each)
    ]


def _is_block(module: nn.Module) -> bool:
    return sum(isinstance(each, _WEIGHED) for each in module.modules()) >= 2


def _last_stage(graph: ModuleGraph) -> str | None:
    """Name the last list of blocks, or the module that it is a part of; None of a single list."""
    blocks = _blocks(graph)
    innermost = [name for name in blocks if not any(each.startswith(f"{name}.") for each in blocks)]
    lists = list(dict.fromkeys(name.rpartition(".")[0] for name in innermost))
    if len(lists) < 2:
        return None
    known = dict(graph.module.module.named_modules())
    owner = lists[-1].rpartition(".")[0]
    if owner and isinstance(known[owner.rpartition(".")[0]], _CONTAINERS):
        return owner
    return next(name for name in graph.called if f"{name}.".startswith(f"{lists[-1]}."))


def _exported(module: Features) -> torch.export.ExportedProgram:
    logging.getLogger("torch").setLevel(logging.ERROR)
    shapes = ({0: torch.export.Dim.AUTO},)
    try:
        # Of what it refuses it prints the whole graph.
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            return torch.export.export(
                module, (torch.zeros(2, *module.size, 3),), dynamic_shapes=shapes, strict=False
            )
    except Exception as error:  # whatever a library's code makes PyTorch say
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackboneError(
            f"{module.name} cannot be fine-tuned: PyTorch cannot write down what it does ({line})."
        ) from error


def _without_mutation(graph: fx.Graph, name: str) -> fx.Graph:
    """Replace operations that write over what they are given, so that results are all there is."""
    place = {node: number for number, node in enumerate(graph.nodes)}
    for node in list(graph.nodes):
        schema = getattr(node.target, "_schema", None)
        if node.op != "call_function" or schema is None or not schema.is_mutable:
            continue
        packet = schema.name.partition("::")[2]
        pure = getattr(torch.ops.aten, packet.removesuffix("_"), None)
        shared = _is_view(node.args[0]) and any(
            place[user] > place[node] for user in node.args[0].args[0].users
        )
        if pure is None or not packet.endswith("_") or shared:
            raise BackboneError(
                f"{name} cannot be fine-tuned: it writes over numbers of its own ({schema.name})."
            )
        node.target = getattr(pure, node.target.name().partition(".")[2] or "default")
        written = node.args[0]
        for user in list(written.users):
            if place[user] > place[node]:
                user.replace_input_with(written, node)
    return graph


def _is_view(node: fx.Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(each.alias_info is not None for each in schema.returns)


def _is_size(node: fx.Node) -> bool:
    return isinstance(node.meta.get("val"), int | torch.SymInt)


def _modules_of(node: fx.Node) -> Iterator[str]:
    """Name the submodules of the network that an operation belongs to, the outermost first."""
    for name, _ in (node.meta.get("nn_module_stack") or {}).values():
        prefix, _, inner = name.partition("@")[0].partition(".")
        if prefix == "module" and inner:
            yield inner
