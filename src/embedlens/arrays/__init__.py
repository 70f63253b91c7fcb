"""What `metrics`, `reduce` and `learn` share: checks, neighbours, Gram matrix, kernels, threads.

Results do not depend on how many threads share the work, nor on whether a kernel was compiled in
this process or comes from the disk.
"""

from __future__ import annotations

from embedlens.arrays.processors import processors
from embedlens.arrays.threads import bounded_threads

__all__ = ["bounded_threads", "processors"]
