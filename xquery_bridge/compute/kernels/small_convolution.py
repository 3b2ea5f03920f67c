"""Convolutions so small that the calls cost more than the work: everything at once, in as few calls as there can be."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .convolution import ConvolutionSizes

__all__ = ["Small", "stack_product"]

Array = NDArray[Any]


def stack_product(left: Array, right: Array, out: Array) -> Callable[[], object]:
    """The product of stacks of matrices; of a single pair `dot` costs half of what `matmul` does."""
    if out[..., 0, 0].size == 1:
        first, second, result = (a.reshape(a.shape[-2:]) for a in (left, right, out))
        return partial(first.dot, second, result)
    return partial(np.matmul, left, right, out)


class Small:
    """A convolution so small that the calls cost more than the work: everything at once, views kept between calls."""

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        self._sizes = sizes
        n, g = sizes.batch, sizes.groups
        self._in, self._out = sizes.channels // g, sizes.maps // g
        depth = self._in * sizes.taps
        self._weight_shape = (g, self._out, depth)
        self._result_shape = (n, g, self._out, sizes.outputs)
        windows = sizes.windows
        kernel, outputs = tuple(w.kernel for w in windows), tuple(w.output for w in windows)
        self._columns = np.empty((n, g, self._in, *kernel, *outputs), dtype)
        self._matrix = self._columns.reshape(n, g, depth, sizes.outputs)
        self._transposed = self._matrix.swapaxes(-1, -2)
        self._is_padded = any(w.lower != 0 or w.extent > w.input for w in windows)
        if self._is_padded:
            self._buffer = np.zeros((n, sizes.channels, *(w.extent for w in windows)), dtype)
            place: tuple[Any, ...] = (..., *(w.inside[0] for w in windows))
            self._inner = self._buffer[place]
            self._from: tuple[Any, ...] = (..., *(w.inside[1] for w in windows))
            self._windows = self._view(self._buffer)
        self._parts = np.empty((n, *self._weight_shape), dtype) if n > 1 else None
        self.is_single = True
        """Whether it takes no threads, so that its calls can be had one by one."""

    def _view(self, x: Array) -> Array:
        windows, steps = self._sizes.windows, x.strides
        return np.lib.stride_tricks.as_strided(
            x,
            (x.shape[0], self._sizes.groups, self._in, *(w.kernel for w in windows), *(w.output for w in windows)),
            (
                steps[0],
                steps[1] * self._in,
                steps[1],
                *(w.dilation * s for w, s in zip(windows, steps[2:], strict=True)),
                *(w.stride * s for w, s in zip(windows, steps[2:], strict=True)),
            ),
        )

    def _gather(self, x: Array) -> None:
        if self._is_padded:
            np.copyto(self._inner, x[self._from])
            np.copyto(self._columns, self._windows)
        else:
            np.copyto(self._columns, self._view(x))

    def calls(self, x: Array, w: Array, out: Array) -> list[Callable[[], object]]:
        """What `run` does on these arrays."""
        weights, result = w.reshape(self._weight_shape), out.reshape(self._result_shape)
        multiply = stack_product(weights, self._matrix, result)
        if self._is_padded:
            source = x[self._from]
            return [
                partial(np.copyto, self._inner, source),
                partial(np.copyto, self._columns, self._windows),
                multiply,
            ]
        return [partial(np.copyto, self._columns, self._view(x)), multiply]

    def run(self, x: Array, w: Array, out: Array) -> None:
        for step in self.calls(x, w, out):
            step()

    def backward_kernel(self, x: Array, gy: Array, out: Array) -> None:
        self._gather(x)
        gradient = gy.reshape(self._result_shape)
        total = out.reshape(self._weight_shape)
        if self._parts is None:
            np.matmul(gradient[0], self._transposed[0], out=total)
        else:
            np.matmul(gradient, self._transposed, out=self._parts)
            np.add.reduce(self._parts, axis=0, out=total)
