"""Convolutions over time, and over time and frequency."""

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deep.layers.linear import uniform


class _Convolution(eqx.Module):
    weight: jax.Array
    bias: jax.Array | None
    stride: tuple[int, ...] = eqx.field(static=True)
    dilation: tuple[int, ...] = eqx.field(static=True)
    padding: tuple[tuple[int, int], ...] = eqx.field(static=True)

    _n_axes: ClassVar[int]
    _layout: ClassVar[tuple[str, str, str]]

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        size: int | tuple[int, ...],
        *,
        stride: int | tuple[int, ...] = 1,
        padding: int | None = None,
        dilation: int | tuple[int, ...] = 1,
        use_bias: bool = True,
        key: jax.Array,
    ) -> None:
        sizes, strides = self._per_axis(size), self._per_axis(stride)
        keys = jax.random.split(key)
        fan_in = n_inputs * math.prod(sizes)
        self.weight = uniform(keys[0], (*sizes, n_inputs, n_outputs), fan_in)
        self.bias = uniform(keys[1], (n_outputs,), fan_in) if use_bias else None
        self.stride, self.dilation = strides, self._per_axis(dilation)
        if padding is None:
            reach = [d * (k - 1) for k, d in zip(sizes, self.dilation, strict=True)]
            self.padding = tuple((n // 2, n - n // 2) for n in reach)
        else:
            self.padding = ((padding, padding),) * self._n_axes

    def _per_axis(self, value: int | tuple[int, ...]) -> tuple[int, ...]:
        return (value,) * self._n_axes if isinstance(value, int) else tuple(value)

    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolve."""
        dtype = self.weight.dtype
        y = lax.conv_general_dilated(
            x.astype(dtype)[None],
            self.weight,
            self.stride,
            self.padding,
            rhs_dilation=self.dilation,
            dimension_numbers=self._layout,
        )[0]
        return y if self.bias is None else y + self.bias.astype(dtype)


class Conv1d(_Convolution):
    """Convolution over time: (n_times, n_inputs) -> (n_times, n_outputs).

    With ``stride=1`` and no `padding` given, the output is as long as the input; a kernel of even
    size k reaches (k - 1) // 2 samples back and one more ahead.

    Parameters
    ----------
    n_inputs, n_outputs : int
        Numbers of features.
    size : int
        Length of the kernel in samples.
    stride : int
        Distance between outputs in samples.
    padding : int, optional
        Zeros on each side; None for as many as keep the length.
    dilation : int
        Distance between the samples that a kernel takes.
    use_bias : bool
        Whether a learnt constant is added to each output.
    key : jax.Array
        Random key of the initial weights.
    """

    _n_axes = 1
    _layout = ("NWC", "WIO", "NWC")


class Conv2d(_Convolution):
    """Convolution over time and frequency: (n_times, n_freqs, n_inputs) -> (..., n_outputs).

    Parameters
    ----------
    n_inputs, n_outputs : int
        Numbers of features.
    size : int or tuple of int
        Size of the kernel in frames and frequencies.
    stride : int or tuple of int
        Distance between outputs.
    padding : int, optional
        Zeros on each side; None for as many as keep the size, see `Conv1d`.
    dilation : int or tuple of int
        Distance between the frames and frequencies that a kernel takes.
    use_bias : bool
        Whether a learnt constant is added to each output.
    key : jax.Array
        Random key of the initial weights.
    """

    _n_axes = 2
    _layout = ("NHWC", "HWIO", "NHWC")


class DepthwiseConv1d(eqx.Module):
    """Convolution of each feature by itself: (n_times, n_features), same shape.

    It is a sum of shifted copies, each times a weight: on a processor, XLA's convolutions of many
    groups take several times as long.

    Parameters
    ----------
    n_features : int
        Number of features.
    size : int
        Length of the kernel in samples, see `Conv1d` for where an even one reaches.
    dilation : int
        Distance between the samples that a kernel takes.
    key : jax.Array
        Random key of the initial weights.
    """

    weight: jax.Array
    bias: jax.Array
    dilation: int = eqx.field(static=True)

    def __init__(self, n_features: int, size: int, dilation: int = 1, *, key: jax.Array) -> None:
        keys = jax.random.split(key)
        self.weight = uniform(keys[0], (size, n_features), size)
        self.bias = uniform(keys[1], (n_features,), size)
        self.dilation = dilation

    def __call__(self, x: jax.Array) -> jax.Array:
        """Convolve."""
        dtype, n = self.weight.dtype, len(x)
        reach = self.dilation * (len(self.weight) - 1)
        padded = jnp.pad(x.astype(dtype), ((reach // 2, reach - reach // 2), (0, 0)))
        y = self.bias.astype(dtype)
        for k, weight in enumerate(self.weight):
            y = y + weight * padded[k * self.dilation : k * self.dilation + n]
        return y
