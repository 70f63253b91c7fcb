"""How kernels are compiled with Numba: cached on disk between processes, free of the GIL.

**One code for each kernel.** A compiled function and those it calls are linked into one module and
optimised once more. A function that is not inlined there exists twice: as it was compiled by
itself, and as it was optimised within its caller, vectorised otherwise and so with sums in another
order. Both bear one name, and the linker takes the one it met first: the process that compiles has
met the first kind, a process that loads the caller from the disk has only the second. The same
happens to the bodies of Numba's own parallel loops and to its sums of arrays. Hence the rule that
the tests hold: a kernel is called from Python alone, everything that it computes is inlined in it
(``inlined``), loops over elements are written out, and threads share work outside, see ``threads``.

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
    """Compile a function that Python calls.

    Parameters
    ----------
    reassociate : bool, default=False
        Let sums be split over SIMD lanes. The split depends on the processor, never on threads.
    """
    return _compiled({"fastmath": _fastmath(reassociate)})


def inlined(*, reassociate: bool = False) -> Callable[[Function], Function]:
    """Compile a function that kernels call, to be inlined in each; ``reassociate`` as above."""
    # Nobody calls it from Python: what would let one is not compiled.
    unseen = {"forceinline": True, "no_cpython_wrapper": True}
    return _compiled({"fastmath": _fastmath(reassociate), **unseen})


def _fastmath(reassociate: bool) -> set[str]:
    return _STRICT_SUMS | ({"reassoc"} if reassociate else set())


def _compiled(options: dict[str, Any]) -> Callable[[Function], Function]:
    # Nor does C call any; without wrappers for both compiling takes a tenth less.
    options |= {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}

    def compiled(function: Function) -> Function:
        result: Function
        try:
            result = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder can be written to, neither here nor in the home
            result = numba.njit(**options)(function)
        return result

    return compiled
