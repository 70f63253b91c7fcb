"""Convolutions as sums of matrix products, where the backend's own gradients are slow."""

from __future__ import annotations

from typing import Any

from embedlens.backbones.keras_backend import import_keras, keras_gpu

keras = import_keras()
ops = keras.ops

_KINDS = ("Conv2D", "DepthwiseConv2D", "SeparableConv2D")


def with_fast_gradients(model: Any) -> Any:
    """Return the model, its convolutions computed so that training is fast; weights are shared.

    XLA on a CPU takes many times longer for the gradient of a convolution than for the
    convolution, above all of a depthwise one. A convolution is the sum, over the places of its
    kernel, of the picture shifted there times a matrix (or, depthwise, a row); those gradients
    are as fast as the products. Elsewhere the model is returned as it is.

    Parameters
    ----------
    model : keras.Model
        Functional.
    """
    if keras.backend.backend() != "jax" or keras_gpu() is not None:
        return model
    return keras.models.clone_model(
        model,
        clone_function=lambda layer: ShiftedConvolution(layer) if _serves(layer) else layer,
        recursive=True,
    )


def _serves(layer: Any) -> bool:
    return (
        type(layer).__name__ in _KINDS
        and layer.data_format == "channels_last"
        and set(layer.dilation_rate) == {1}
        and getattr(layer, "groups", 1) == 1
        and getattr(layer, "depth_multiplier", 1) == 1
    )


@keras.saving.register_keras_serializable(package="embedlens")
class ShiftedConvolution(keras.layers.Layer):  # type: ignore[misc, name-defined]
    """A convolution layer, computed otherwise."""

    def __init__(self, convolution: Any, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name or convolution.name, **kwargs)
        self.convolution = convolution

    def build(self, input_shape: Any) -> None:
        """Make the convolution's weights, where the layer was read from a file."""
        if not self.convolution.built:
            self.convolution.build(input_shape)

    def call(self, x: Any) -> Any:
        """Return what the convolution returns."""
        layer = self.convolution
        kind = type(layer).__name__
        if kind == "Conv2D":
            y = _sum_of_shifts(x, layer.kernel, layer, ops.matmul)
        else:
            kernel = getattr(layer, "depthwise_kernel", None)
            kernel = layer.kernel if kernel is None else kernel
            y = _sum_of_shifts(x, kernel[..., 0], layer, ops.multiply)
        if kind == "SeparableConv2D":
            y = ops.matmul(y, layer.pointwise_kernel[0, 0])
        if layer.use_bias:
            y = y + layer.bias
        return y if layer.activation is None else layer.activation(y)

    def get_config(self) -> dict[str, Any]:
        """Return the convolution, from which the same layer is made."""
        convolution = keras.saving.serialize_keras_object(self.convolution)
        return {**super().get_config(), "convolution": convolution}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ShiftedConvolution:
        """Make the layer that `get_config` described."""
        convolution = keras.saving.deserialize_keras_object(config["convolution"])
        return cls(**{**config, "convolution": convolution})


def _sum_of_shifts(x: Any, kernel: Any, layer: Any, times: Any) -> Any:
    """Add up, over the places of the kernel, the picture shifted there times its numbers."""
    places = tuple(layer.kernel_size)
    strides = tuple(layer.strides)
    if layer.padding == "same":
        sides = [
            _same(size, place, stride)
            for size, place, stride in zip(x.shape[1:3], places, strides, strict=True)
        ]
        x = ops.pad(x, [(0, 0), *sides, (0, 0)])
    height, width = (
        (size - place) // stride + 1
        for size, place, stride in zip(x.shape[1:3], places, strides, strict=True)
    )
    total = None
    for i in range(places[0]):
        for j in range(places[1]):
            rows = slice(i, i + (height - 1) * strides[0] + 1, strides[0])
            columns = slice(j, j + (width - 1) * strides[1] + 1, strides[1])
            part = times(x[:, rows, columns], kernel[i, j])
            total = part if total is None else total + part
    return total


def _same(size: int, place: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after that TensorFlow's padding "same" adds."""
    missing = max((-(-size // stride) - 1) * stride + place - size, 0)
    return missing // 2, missing - missing // 2
