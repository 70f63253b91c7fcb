"""Libraries that report each start to their makers are told not to.

Nobody who runs embedlens agreed to that, and "offline" would not be true. Who wants one to report
sets its variable before embedlens is imported.
"""

from __future__ import annotations

import os
import sys

_REFUSALS = {
    "ORT_DISABLE_TELEMETRY": "1",  # onnxruntime, from 1.29 on: an identifier on the disk, uploads
    "RAY_USAGE_STATS_ENABLED": "0",  # clusters that this process starts
}


def refuse_telemetry() -> None:
    """Refuse it for this process and those that it starts, before a library is imported."""
    for variable, refusal in _REFUSALS.items():
        os.environ.setdefault(variable, refusal)
    # `import openvino` reports through this package, in a process that it forks or spawns; where it
    # is absent it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
