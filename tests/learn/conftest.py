"""Fixtures of the tests of what learns."""

from __future__ import annotations

import pytest

from embedlens.backbones.keras_backend import import_keras


@pytest.fixture(scope="module")
def compiled_quickly():
    """Networks this small compile in half the time without optimisations, and run as fast."""
    if import_keras().backend.backend() != "jax":
        yield
        return
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
