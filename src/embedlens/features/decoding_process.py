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
from typing import IO, Any

import numpy as np

from embedlens.errors import EmbedlensError, ImageSetError
from embedlens.images import decode
from embedlens.images.resampling import prepare

# Larger files stay in this process, whose threads take turns at them: memory does not grow.
_LARGE = 2**23  # bytes

_PIPE = 2**20  # a picture's bytes pass at once where the system allows it

_CHILD = "from embedlens.features.decoding_process import main; main()"


class DecodingProcesses:
    """Processes that decode pictures, each for one thread at a time.

    A thread that finds none free decodes by itself, as all do while the processes start.

    Parameters
    ----------
    count : int
        How many.

    Examples
    --------
    >>> with DecodingProcesses(2) as processes:  # doctest: +SKIP
    ...     processes.decode(data, (224, 224), "crop").shape
    (224, 224, 3)
    """

    def __init__(self, count: int) -> None:
        prepare()  # once, and not in each of them
        self._free: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._children = [_start() for _ in range(count)]
        for child in self._children:
            threading.Thread(target=self._greet, args=(child,), daemon=True).start()

    def decode(self, data: bytes, *args: Any, **options: Any) -> np.ndarray:
        """Decode a picture; arguments, result and errors are those of `embedlens.images.decode`.

        Raises
        ------
        EmbedlensError
            If the process has ended, for want of memory say.
        """
        try:
            child = self._free.get_nowait() if len(data) <= _LARGE else None
        except queue.Empty:
            child = None
        if child is None:
            return decode(data, *args, **options)
        pixels = _ask(child, data, args, options)
        self._free.put(child)
        if isinstance(pixels, Exception):
            raise pixels
        return pixels

    def close(self) -> None:
        """End the processes."""
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


def _start() -> subprocess.Popen[bytes]:
    # In a session of its own, so that Ctrl-C ends this process alone, which then ends them.
    return subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, start_new_session=True,
        pipesize=_PIPE,
    )  # fmt: skip


def _ask(child: subprocess.Popen[bytes], *asked: Any) -> np.ndarray | Exception:
    """Return what a process makes of a picture, an error that it met too."""
    try:
        pickle.dump(asked, _input(child), pickle.HIGHEST_PROTOCOL)
        _input(child).flush()
        found = pickle.load(_output(child))
        if isinstance(found, Exception):
            return found
        pixels = np.empty(found, np.uint8)
        left = pixels.reshape(-1).data
        while left:
            read = _output(child).readinto(left)  # type: ignore[attr-defined]
            if not read:
                raise EOFError
            left = left[read:]
        return pixels
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        raise EmbedlensError(
            f"A process that decodes pictures has ended (exit {child.poll()}), for want of memory "
            "perhaps. Run again: nothing already computed is lost."
        ) from error


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
            data, args, options = pickle.load(given)
        except EOFError:
            return
        try:
            pixels = decode(data, *args, **options)
        except (ImageSetError, OSError) as error:
            pickle.dump(error, told)
        else:
            pickle.dump(pixels.shape, told)
            told.write(pixels.reshape(-1).data)
        told.flush()
