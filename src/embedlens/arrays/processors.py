"""How many processors this process may use."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

from embedlens.errors import EmbedlensError

GRANT = "EMBEDLENS_PROCESSORS"

_ROOT = Path("/")


def processors() -> int:
    """Return the number of processors that this process may keep busy, at least one.

    It is the least of the processors that the process is bound to (``os.sched_getaffinity``), the
    quota of processor time of its control group and of each group above it, as containers and
    services set it, rounded up, and what ``EMBEDLENS_PROCESSORS`` grants it: on a machine that
    others use too nothing else may say so.

    Returns
    -------
    int

    References
    ----------
    "CFS bandwidth control" (``cpu.cfs_quota_us``) and "Control group v2" (``cpu.max``) in the Linux
    kernel's documentation.

    Examples
    --------
    >>> from embedlens.arrays import processors
    >>> processors() >= 1
    True
    """
    if hasattr(os, "sched_getaffinity"):
        bound = len(os.sched_getaffinity(0))
    else:  # macOS, Windows
        bound = os.cpu_count() or 1
    granted = [granted_by_name()] if granted_by_name() else []
    return max(1, min([bound, *granted, *(math.ceil(quota) for quota in _quotas())]))


def granted_by_name() -> int:
    """Return the processors that ``EMBEDLENS_PROCESSORS`` grants; 0 where it does not say.

    Raises
    ------
    EmbedlensError
        If it is no whole number of at least 1.
    """
    said = os.environ.get(GRANT, "").strip()
    if not said:
        return 0
    if not (said.isascii() and said.isdigit() and int(said) > 0):
        raise EmbedlensError(f"{GRANT} is {said!r}; set it to a number of processors, or unset it.")
    return int(said)


def _quotas() -> Iterator[float]:
    """Yield the processors that each control group around this process grants."""
    for line in _read(_ROOT / "proc/self/cgroup").splitlines():
        controllers, group = line.split(":", 2)[1:]
        if controllers and "cpu" not in controllers.split(","):
            continue
        quota = _quota_v1 if controllers else _quota_v2
        # A container may see its own group mounted as the root, below the path that it is told.
        path = Path(group.lstrip("/"))
        for mount in (controllers or "unified", "cpu", ""):
            for folder in {path, *path.parents}:
                granted = quota(_ROOT / "sys/fs/cgroup" / mount / folder)
                if granted is not None:
                    yield granted


def _quota_v1(folder: Path) -> float | None:
    return _share(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").partition(" ")
    return _share(quota, period)


def _share(quota: str, period: str) -> float | None:
    """Return microseconds granted over those of a period; None for no limit ("max", -1)."""
    try:
        granted, of = int(quota), int(period)
    except ValueError:
        return None
    return granted / of if granted > 0 and of > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
