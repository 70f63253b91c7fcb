"""Weights of PyTorch networks from files, with no code of theirs run, and nothing left unset."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from embedlens.errors import WeightsError

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")


def read_state(path: Path, network: str) -> OrderedDict[str, Tensor]:
    """Read a state dict, of safetensors or as ``torch.save`` wrote it.

    ``torch.save`` keeps the versions of modules with it, as its ``_metadata``. What
    ``DataParallel`` and ``torch.compile`` put before the names of a network's tensors is left out.

    Raises
    ------
    WeightsError
        If the file is none, or holds more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            held: Any = load_file(path)
        else:
            held = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise WeightsError(
            f"{path} cannot be read as weights of {network}: {_why(error)}."
        ) from error
    except Exception as error:
        if type(error).__module__.startswith("safetensors"):
            raise WeightsError(
                f"{path} cannot be read as weights of {network}: {_why(error)}."
            ) from error
        raise
    tensors = _tensors(held, path, network)
    state: Any = OrderedDict((_unwrapped(name), each) for name, each in tensors.items())
    if hasattr(tensors, "_metadata"):
        state._metadata = {_unwrapped(name): each for name, each in tensors._metadata.items()}
    return state  # type: ignore[no-any-return]


def _tensors(held: Any, path: Path, network: str) -> Mapping[str, Tensor]:
    """Return the state dict of a file, or that in the dict that it holds, by a usual name or alone.

    Raises
    ------
    WeightsError
        If there is none, or which is meant is not clear.
    """
    items: Mapping[str, Any] = held if isinstance(held, Mapping) else {}
    inner: dict[str, Mapping[str, Tensor]] = {k: v for k, v in items.items() if _is_state(v)}
    usual = [key for key in ("state_dict_ema", "model_ema", "state_dict", "model") if key in inner]
    if usual or len(inner) == 1:
        return inner[usual[0] if usual else next(iter(inner))]
    if inner:
        raise WeightsError(
            f"{path} holds several state dicts ({', '.join(map(str, inner))}), and {network} needs "
            "one: save the one that is meant."
        )
    if not _is_state(held):
        raise WeightsError(
            f"{path} holds no state dict, which {network} needs: write it with "
            "torch.save(model.state_dict(), path) or safetensors."
        )
    return items


def _is_state(held: Any) -> bool:
    return (
        isinstance(held, Mapping)
        and bool(held)
        and all(isinstance(each, Tensor) for each in held.values())
    )


def part_of(
    state: Mapping[str, Any], names: Collection[str], path: Path | None, network: str
) -> Mapping[str, Any]:
    """Return a network's part of a state dict, where it was saved as a part of something larger.

    That has all names of the network under one prefix: ``backbone.``, ``model.``, ``encoder_q.``.

    Raises
    ------
    WeightsError
        If there are several such parts.
    """
    wanted = [name for name in names if not name.endswith("num_batches_tracked")]
    if not wanted or all(name in state for name in wanted):
        return state
    prefixes = [key.removesuffix(wanted[0]) for key in state if key.endswith(f".{wanted[0]}")]
    whole = [each for each in prefixes if all(f"{each}{name}" in state for name in wanted)]
    if len(whole) > 1:
        raise WeightsError(
            f"{path} holds {len(whole)} networks that could be {network}, under "
            f"{', '.join(whole)}: save the state dict of the one that is meant."
        )
    if not whole:
        return state
    return OrderedDict(
        (key.removeprefix(whole[0]), each)
        for key, each in state.items()
        if key.startswith(whole[0])
    )


@contextmanager
def set_whole(
    path: Path | None, network: str, with_head: Callable[[], Iterable[str]] = tuple
) -> Iterator[None]:
    """See that what loads weights inside sets every number of a network, and drops none.

    Libraries load part of a file without a word. A tensor of the file may stay unused where the
    network has nothing of that name: a head that was taken off, a mask token. ``with_head`` names
    all that the network has with its head, where another part of the network lies beside it.

    Raises
    ------
    WeightsError
        If the file is another network's.
    """
    load = nn.Module.load_state_dict

    def checked(module: nn.Module, state: Mapping[str, Any], *args: Any, **named: Any) -> Any:
        own = module.state_dict()
        part: Any = part_of(state, own.keys(), path, network)
        try:
            if part is state:
                result = load(module, state, *args, **named)
            else:  # strictly not: libraries did not find its head, which they take off
                part._metadata = own._metadata
                result = load(module, part, strict=False)
        except RuntimeError as error:
            lines = str(error).strip().splitlines()
            raise WeightsError(another(path, network, lines[-1].strip())) from error
        missing, unexpected = result.missing_keys, result.unexpected_keys
        check_whole(module, missing, unexpected, path, network, with_head)
        return result

    nn.Module.load_state_dict = checked
    try:
        yield
    finally:
        nn.Module.load_state_dict = load


def check_whole(
    module: nn.Module,
    missing: list[str],
    unexpected: list[str],
    path: Path | None,
    network: str,
    with_head: Callable[[], Iterable[str]] = tuple,
) -> None:
    """Refuse weights that leave a part of a network unset, or hold more of a part than it has.

    Raises
    ------
    WeightsError
        That names the first such tensor.
    """
    if missing:
        raise WeightsError(another(path, network, f"it lacks {missing[0]}"))
    used = {name.partition(".")[0] for name, _ in module.named_parameters()}
    strange = [key for key in unexpected if key.partition(".")[0] in used]
    if strange:
        heads = set(with_head())
        strange = [key for key in strange if key not in heads]
    if strange:
        raise WeightsError(another(path, network, f"it also holds {strange[0]}"))


def another(path: Path | None, network: str, reason: str) -> str:
    """Say that a file is another network's."""
    return (
        f"{path} does not hold the weights of {network}: {reason}. Give the weights of this "
        "network."
    )


def _unwrapped(name: str) -> str:
    """Return a tensor's or module's name in the network that was wrapped."""
    parts = [part for part in name.split(".") if part != "_orig_mod"]
    return ".".join(parts[parts[:1] == ["module"] :])


def _why(error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError):
        return "it holds more than tensors, and no code from a file is run"
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
