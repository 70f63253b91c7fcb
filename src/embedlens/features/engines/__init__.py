"""Engines: what runs a backbone over pictures."""

from embedlens.features.engines.engine import Engine, Pictures, Precision, Runner, Write
from embedlens.features.engines.registry import (
    choose_engine,
    list_engines,
    make_engine,
    preparing,
    register_engine,
    sees_a_gpu,
)

__all__ = [
    "Engine",
    "Pictures",
    "Precision",
    "Runner",
    "Write",
    "choose_engine",
    "list_engines",
    "make_engine",
    "preparing",
    "register_engine",
    "sees_a_gpu",
]
