"""Fixtures of the tests of what learns."""

from __future__ import annotations

import pytest

from embedlens.backbones.keras_backend import import_keras


@pytest.fixture(scope="module")
def compiled_quickly(tmp_path_factory):
    """Networks this small compile in half the time without optimisations, and run as fast.

    What one test compiled serves the others of the file.
    """
    if import_keras().backend.backend() != "jax":
        yield
        return
    import jax

    set_to = {
        "jax_disable_most_optimizations": True,
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled")),
        "jax_persistent_cache_min_compile_time_secs": 0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }
    before = {name: jax.config.values[name] for name in set_to}
    for name, value in set_to.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)
