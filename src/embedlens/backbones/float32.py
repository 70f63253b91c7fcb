"""Float32 that is float32: on a GPU frameworks by themselves round factors to TF32's ten bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from embedlens.backbones.keras_backend import import_keras


def float32_of_torch() -> AbstractContextManager[None]:
    """Have PyTorch convolve in float32, by a way that gives the same bits each time."""
    import torch

    return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)  # type: ignore[no-any-return]


@contextmanager
def float32_of_keras() -> Iterator[None]:
    """Have Keras's backend multiply and convolve in float32."""
    backend = import_keras().config.backend()
    if backend == "jax":
        import jax

        with jax.default_matmul_precision("highest"):
            yield
    elif backend == "tensorflow":
        from tensorflow import config

        before = config.experimental.tensor_float_32_execution_enabled()
        config.experimental.enable_tensor_float_32_execution(False)
        try:
            yield
        finally:
            config.experimental.enable_tensor_float_32_execution(before)
    elif backend == "torch":
        with float32_of_torch():
            yield
    else:
        yield
