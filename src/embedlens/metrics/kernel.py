"""How this room compiles its kernels: once, cached on disk between processes, free of the GIL.

Numba is imported here, and this module only by modules that hold kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

# Values are finite (checked at the door), so that comparisons may be reordered freely; sums keep
# their order, and with it their answer, except where a kernel asks for `reassociate`.
_STRICT_SUMS = {"nnan", "ninf", "nsz", "arcp", "afn", "contract"}


def kernel(*, reassociate: bool = False) -> Callable[[Function], Function]:
    """Compile a function with Numba.

    Parameters
    ----------
    reassociate : bool, default=False
        Let sums be split over SIMD lanes. The split depends on the processor, never on threads.
    """
    flags = _STRICT_SUMS | ({"reassoc"} if reassociate else set())

    def compiled(function: Function) -> Function:
        options = {"nogil": True, "fastmath": flags, "error_model": "numpy"}
        result: Function
        try:
            result = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder can be written to, neither here nor in the home
            result = numba.njit(**options)(function)
        return result

    return compiled
