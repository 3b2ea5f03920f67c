"""Depthwise convolution (one input channel a group): one multiplication and one addition a tap, on flat runs.

Exact (the same sums as the definition, in the order of the taps), for float and double.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .interleaved import Interleaved
from .thread_pool import parallel, threads

if TYPE_CHECKING:
    from .convolution import ConvolutionSizes

__all__ = ["Depthwise", "DepthwiseKernelGradient"]

Array = NDArray[Any]

_BLOCK_BYTES = 256 * 1024  # one of the three arrays an operation touches


class _Blocks:
    """The planes of a batch in blocks that stay in cache, each with its buffers."""

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        windows = sizes.windows
        self.multiplier = sizes.maps // sizes.groups
        self.outputs = tuple(w.output for w in windows)
        plane_bytes = math.prod(w.extent for w in windows) * dtype.itemsize
        channels = max(1, min(sizes.channels, _BLOCK_BYTES // max(1, plane_bytes)))
        images = 1
        if channels == sizes.channels:
            images = max(1, min(sizes.batch, _BLOCK_BYTES // max(1, plane_bytes * channels)))
        self.workers = threads() if sizes.operations * 4 >= 1e6 else 1
        self.blocks = [
            (slice(n, min(n + images, sizes.batch)), slice(c, min(c + channels, sizes.channels)))
            for n in range(0, sizes.batch, images)
            for c in range(0, sizes.channels, channels)
        ]
        self.workers = min(self.workers, len(self.blocks))
        self.padded = [Interleaved(images, channels, windows, dtype) for _ in range(self.workers)]
        self.length = self.padded[0].run_length(self.outputs)
        taps = product(*(range(w.kernel) for w in windows))
        positions = [tuple(k * w.dilation for k, w in zip(tap, windows, strict=True)) for tap in taps]
        self.runs = [[padded.run(position, self.length) for position in positions] for padded in self.padded]
        pitch = (self.outputs[0], *self.padded[0].planes[1:])
        self.pitch_shape = (images, channels, *pitch)
        self.inside: tuple[Any, ...] = (..., *(slice(0, o) for o in self.outputs))


class Depthwise:
    """Forward pass of a convolution with one input channel a group."""

    @staticmethod
    def fits(sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> bool:
        return sizes.channels == sizes.groups and sizes.channels >= 4 and sizes.taps <= 64

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        self._sizes = sizes
        self._work = work = _Blocks(sizes, dtype)
        size = math.prod(work.pitch_shape[2:])
        # rows of the pitch may end behind the last output: the room is a whole grid, the runs fill its beginning
        self._sums = [np.zeros((*work.pitch_shape[:2], size), dtype) for _ in range(work.workers)]
        self._products = [np.empty((*work.pitch_shape[:2], work.length), dtype) for _ in range(work.workers)]

    def run(self, x: Array, w: Array, out: Array) -> None:
        sizes, work = self._sizes, self._work
        multiplier = work.multiplier
        weights = np.ascontiguousarray(w.reshape(sizes.groups, multiplier, sizes.taps).transpose(2, 1, 0))[..., None]
        result = out.reshape(sizes.batch, sizes.groups, multiplier, *work.outputs)

        def block(item: int, worker: int) -> None:
            images, channels = work.blocks[item]
            n, c = images.stop - images.start, channels.stop - channels.start
            padded, part = work.padded[worker], x[images, channels]
            padded.fill(part)
            sums = self._sums[worker][:n, :c]
            total, one = sums[..., : work.length], self._products[worker][:n, :c]
            grid = sums.reshape(n, c, *work.pitch_shape[2:])[work.inside]
            for m in range(multiplier):
                for tap, run in enumerate(work.runs[worker]):
                    weight, source = weights[tap, m, channels], run[:n, :c]
                    if tap == 0:
                        np.multiply(source, weight, out=total)
                    else:
                        np.multiply(source, weight, out=one)
                        np.add(total, one, out=total)
                np.copyto(result[images, channels, m], grid)

        parallel(block, len(work.blocks), work.workers)


class DepthwiseKernelGradient:
    """Gradient for the kernel of such a convolution: one product sum a tap and plane."""

    fits = Depthwise.fits

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        self._sizes = sizes
        self._work = work = _Blocks(sizes, dtype)
        size = math.prod(work.pitch_shape[2:])
        self._gradients = [np.zeros((*work.pitch_shape[:2], size), dtype) for _ in range(work.workers)]
        self._sums = np.zeros((work.workers, sizes.groups, work.multiplier, sizes.taps), dtype)

    def backward_kernel(self, x: Array, gy: Array, out: Array) -> None:
        sizes, work = self._sizes, self._work
        gradient = gy.reshape(sizes.batch, sizes.groups, work.multiplier, *work.outputs)
        self._sums.fill(0)

        def block(item: int, worker: int) -> None:
            images, channels = work.blocks[item]
            n, c = images.stop - images.start, channels.stop - channels.start
            padded = work.padded[worker]
            padded.fill(x[images, channels])
            whole = self._gradients[worker][:n, :c]
            grid = whole.reshape(n, c, *work.pitch_shape[2:])[work.inside]
            flat = whole[..., : work.length]
            for m in range(work.multiplier):
                np.copyto(grid, gradient[images, channels, m])
                for tap, run in enumerate(work.runs[worker]):
                    total = self._sums[worker, channels, m, tap]
                    for one in np.vecdot(run[:n, :c], flat):
                        np.add(total, one, out=total)

        parallel(block, len(work.blocks), work.workers)
        np.add.reduce(self._sums, axis=0, out=out.reshape(sizes.groups, work.multiplier, sizes.taps))
