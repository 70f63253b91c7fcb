"""Decoding in processes of their own, for a network that is faster than one interpreter decodes.

Threads of one interpreter share its lock: beside a GPU sixteen of them decode no more than eight.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from embedlens.errors import EmbedlensError, ImageSetError
from embedlens.images import decode
from embedlens.images.resampling import prepare

# Larger files stay in this process, whose threads take turns at them: memory does not grow.
_LARGE = 2**23  # bytes

_PIPE = 2**20  # a picture's bytes pass at once where the system allows it

File = tuple[bytes, tuple[float, float] | None]
"""The bytes of a picture, and its levels; see `embedlens.images.decode`."""

Decoded = np.ndarray | Exception
"""Its pixels, or what is wrong with it."""

_ENDED = (
    "A process that decodes pictures has ended{}, for want of memory perhaps. Run again: nothing "
    "already computed is lost."
)

_CHILD = "from embedlens.features.decoding_process import main; main()"


class DecodingProcesses:
    """Processes that decode pictures, some at a time, each for one thread at a time.

    A thread waits until one is free; while none has started yet, it decodes by itself.

    Parameters
    ----------
    count : int
        How many.

    Examples
    --------
    >>> with DecodingProcesses(2) as processes:  # doctest: +SKIP
    ...     processes.decode([(data, None)], size=224, resize="crop")[0].shape
    (224, 224, 3)
    """

    def __init__(self, count: int) -> None:
        prepare()  # once, and not in each of them
        self._free: queue.SimpleQueue[subprocess.Popen[bytes] | None] = queue.SimpleQueue()
        self._started = False
        self._children = [_start() for _ in range(count)]
        for child in self._children:
            threading.Thread(target=self._greet, args=(child,), daemon=True).start()

    def decode(self, files: Sequence[File], **options: Any) -> list[Decoded]:
        """Decode pictures, or say of each what is wrong with it.

        Parameters
        ----------
        files : sequence of (bytes, (float, float) or None)
            Files of pictures, and the levels of each.
        **options
            Of `embedlens.images.decode`, the same for all.

        Raises
        ------
        EmbedlensError
            If the process has ended, for want of memory say.
        """
        if not self._started or any(len(data) > _LARGE for data, _ in files):
            return [_decoded(file, options) for file in files]
        child = self._free.get()
        try:
            if child is None:
                raise EmbedlensError(_ENDED.format(""))
            found = _ask(child, files, options)
        except EmbedlensError:
            self._free.put(None)  # whoever waits for it, or will, ends too
            raise
        self._free.put(child)
        return found

    def close(self) -> None:
        """End the processes; who waits for one ends with an error."""
        self._free.put(None)
        for child in self._children:
            child.kill()
        for child in self._children:
            child.wait()

    def __enter__(self) -> DecodingProcesses:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _greet(self, child: subprocess.Popen[bytes]) -> None:
        """Wait until a process has imported what it needs; one that cannot is not used."""
        if _output(child).readline():
            self._free.put(child)
            self._started = True


def _start() -> subprocess.Popen[bytes]:
    # In a session of its own, so that Ctrl-C ends this process alone, which then ends them.
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, start_new_session=True,
        pipesize=_PIPE,
    )  # fmt: skip


def _decoded(file: File, options: dict[str, Any]) -> Decoded:
    data, levels = file
    try:
        return decode(data, levels=levels, **options)
    except (ImageSetError, OSError) as error:
        return error


def _ask(child: subprocess.Popen[bytes], *asked: Any) -> list[Decoded]:
    """Return what a process makes of pictures."""
    try:
        pickle.dump(asked, _input(child), pickle.HIGHEST_PROTOCOL)
        _input(child).flush()
        told = pickle.load(_output(child))
        return [each if isinstance(each, Exception) else _pixels(child, each) for each in told]
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        raise EmbedlensError(_ENDED.format(f" (exit {child.poll()})")) from error


def _pixels(child: subprocess.Popen[bytes], shape: tuple[int, ...]) -> np.ndarray:
    """Return the pixels of a shape that a process goes on to write."""
    pixels = np.empty(shape, np.uint8)
    left = pixels.reshape(-1).data
    while left:
        read = _output(child).readinto(left)  # type: ignore[attr-defined]
        if not read:
            raise EOFError
        left = left[read:]
    return pixels


def _input(child: subprocess.Popen[bytes]) -> IO[bytes]:
    assert child.stdin is not None
    return child.stdin


def _output(child: subprocess.Popen[bytes]) -> IO[bytes]:
    assert child.stdout is not None
    return child.stdout


def main() -> None:
    """Decode what standard input asks for, until it ends."""
    given, told = sys.stdin.buffer, sys.stdout.buffer
    prepare()
    told.write(b"ready\n")
    told.flush()
    while True:
        try:
            files, options = pickle.load(given)
        except EOFError:
            return
        found = [_decoded(file, options) for file in files]
        pickle.dump([each if isinstance(each, Exception) else each.shape for each in found], told)
        for each in found:
            if not isinstance(each, Exception):
                told.write(each.reshape(-1).data)
        told.flush()
