"""The parts of Keras that are not its public interface: all that we use of them is in this file.

Tried with Keras 3.15.1. ``pyproject.toml`` bounds Keras, because any release may change them; when
the bound is raised, the tests of backbones and of fine-tuning tell whether they still are what they
were. What each is wanted for:

- ``keras.src.backend.common.global_state``: numbers of unnamed layers that do not depend on what
  the process built before;
- ``keras.src.utils.file_utils``: what Keras would download, without downloading it;
- ``_inbound_nodes``, ``_nodes_by_depth``: where a layer stands in a graph, to cut it there;
- ``_run_through_graph``: a network's layers put after others in one graph.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from embedlens.backbones.keras_backend import import_keras

if TYPE_CHECKING:
    import keras


@contextmanager
def numbered_from_the_start() -> Iterator[None]:
    """Let Keras number unnamed layers as in a new process; afterwards it counts on as before."""
    import_keras()
    from keras.src.backend.common import global_state

    counters = global_state.get_global_attribute("object_name_uids")
    global_state.set_global_attribute("object_name_uids", collections.defaultdict(int))
    try:
        yield
    finally:
        global_state.set_global_attribute("object_name_uids", counters)


def download_of(build: Callable[[], Any]) -> tuple[str, str, str] | None:
    """Return name, URL and hash of the first file that Keras asks for while it builds a network.

    Nothing is downloaded: the building ends there. None if it asks for no file.
    """
    import_keras()
    from keras.src.utils import file_utils

    def get_file(fname: str, origin: str, file_hash: str = "", **_: Any) -> None:
        raise _Asked(fname, origin, file_hash)

    original, file_utils.get_file = file_utils.get_file, get_file
    try:
        build()
    except _Asked as asked:
        name, url, digest = asked.args
        return name, url, digest
    finally:
        file_utils.get_file = original
    return None


def output_in_graph(layer: Any) -> Any:
    """Return what a layer gave when it was last called in a graph.

    The ``output`` of a network that is used as a layer is that of the network alone, outside of the
    model that uses it.
    """
    return layer._inbound_nodes[-1].outputs[0]


def calls_of_layers(network: keras.Model) -> list[Any]:
    """Return the calls of layers in a network's graph, each after those it depends on.

    Each has ``operation``, ``input_tensors`` and ``outputs``.
    """
    by_depth = network._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]


def layers_after(network: keras.Model, tensor: Any) -> Any:
    """Put the layers of a network after a symbolic tensor, as one graph; return its output.

    Calling the network instead would make it one layer of the new graph, which could not be cut
    inside.
    """
    return network._run_through_graph(tensor, operation_fn=lambda layer: layer)


class _Asked(Exception):
    """Carries a download that Keras asked for, instead of doing it."""
