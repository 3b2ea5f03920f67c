"""Pooling, unpooling and region-of-interest pooling as plans.

Layout: samples of CNTK shape [d1 x … x dk x C] are ndarrays (n, C, dk, …, d1); windows are in ndarray order (slowest
dimension first) and never span channels.

Maximum and sum of a window are taken dimension by dimension. A NaN is never a maximum, and a window without an element
has the maximum -inf and the average NaN (all as CNTK). Among equal elements the first in memory is the maximum.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .thread_pool import parallel, threads
from .window import Window

__all__ = ["PoolingPlan", "RegionPoolingPlan"]

Array = NDArray[Any]

_BLOCK_BYTES = 2 * 1024 * 1024
_PARALLEL_BYTES = 512 * 1024


def _tap_range(window: Window, tap: int) -> tuple[slice, slice]:
    """(outputs whose element under `tap` is inside the operand, those elements)."""
    shift = tap * window.dilation - window.lower
    first = max(0, -(shift // window.stride)) if shift < 0 else 0
    stop = min(window.output, (window.input - 1 - shift) // window.stride + 1)
    if stop <= first:
        return slice(0, 0), slice(0, 0)
    start = first * window.stride + shift
    return slice(first, stop), slice(start, start + (stop - first - 1) * window.stride + 1, window.stride)


class _Dimension:
    """Folds one axis of an array (outer, size, inner) by a ufunc over the windows."""

    def __init__(self, window: Window, ufunc: np.ufunc, identity: float) -> None:
        self._ufunc, self._identity = ufunc, identity
        ranges = [_tap_range(window, tap) for tap in range(window.kernel)]
        ranges = [r for r in ranges if r[0].stop > r[0].start]
        whole = [r for r in ranges if r[0] == slice(0, window.output)]
        others = [r for r in ranges if r[0] != slice(0, window.output)]
        self._first = whole[:2]
        self._rest = whole[2:] + others

    def fold(self, x: Array, out: Array) -> None:
        first = self._first
        if len(first) == 2:
            self._ufunc(x[:, first[0][1]], x[:, first[1][1]], out=out)
        elif len(first) == 1:
            # against the identity, not copied: a NaN must not come to stand where a maximum is
            self._ufunc(x[:, first[0][1]], out.dtype.type(self._identity), out=out)
        else:
            out.fill(self._identity)
        for outputs, inputs in self._rest:
            part = out[:, outputs]
            self._ufunc(part, x[:, inputs], out=part)


class PoolingPlan:
    """Maximum or average pooling for fixed sizes.

    `kind`: "max" or "average"; `include_pad` counts padding as zeros in the average. Arrays are C-contiguous,
    (n, C, input …) and (n, C, output …); a plan keeps scratch memory, so one thread at a time may call it.
    """

    def __init__(
        self,
        batch: int,
        channels: int,
        windows: Sequence[Window],
        dtype: DTypeLike,
        kind: str = "max",
        include_pad: bool = False,
    ) -> None:
        if kind not in ("max", "average"):
            raise ValueError(f"The pooling type must be max or average, got {kind!r}.")
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        self._max = kind == "max"
        self._windows = tuple(windows)
        self._planes = batch * channels
        self._inputs = tuple(w.input for w in self._windows)
        self._outputs = tuple(w.output for w in self._windows)
        self.operand_shape = (batch, channels, *self._inputs)
        self.result_shape = (batch, channels, *self._outputs)
        plane_bytes = max(1, math.prod(self._inputs)) * self.dtype.itemsize
        total = plane_bytes * self._planes
        self._workers = threads() if total >= _PARALLEL_BYTES else 1
        size = max(1, min(_BLOCK_BYTES // plane_bytes, -(-self._planes // self._workers)))
        self._blocks = [slice(p, min(p + size, self._planes)) for p in range(0, self._planes, size)]
        self._workers = min(self._workers, len(self._blocks))
        self._size = size
        ufunc, identity = (np.fmax, -math.inf) if self._max else (np.add, 0.0)
        self._folds = [_Dimension(w, ufunc, identity) for w in self._windows]
        self._scratch = [self._intermediates() for _ in range(self._workers)]
        self._average = None if self._max else self._scale(include_pad)
        self._taps = list(product(*(range(w.kernel) for w in self._windows)))
        self._backward_scratch: list[tuple[Array, Array, Array, Array]] | None = None

    def _intermediates(self) -> list[Array]:
        """Results of folding the first 1, 2, … dimensions, all but the last."""
        shapes = [(self._size, *self._outputs[: d + 1], *self._inputs[d + 1 :]) for d in range(len(self._windows) - 1)]
        return [np.empty(shape, self.dtype) for shape in shapes]

    def _scale(self, include_pad: bool) -> Array:
        """One over the number of elements that a window's average counts."""
        counts = np.ones(())
        for window in self._windows:
            one = np.zeros(window.output)
            for tap in range(window.kernel):
                one[_tap_range(window, tap)[0] if not include_pad else slice(None)] += 1
            counts = np.multiply.outer(counts, one)
        with np.errstate(divide="ignore"):
            return (1.0 / counts).astype(self.dtype)

    def run(self, x: Array, out: Array) -> None:
        """out = the pooled `x`."""
        xs, ys = x.reshape(self._planes, *self._inputs), out.reshape(self._planes, *self._outputs)

        def block(item: int, worker: int) -> None:
            planes = self._blocks[item]
            count = planes.stop - planes.start
            source, target = xs[planes], ys[planes]
            last = len(self._folds) - 1
            for d, fold in enumerate(self._folds):
                result = target if d == last else self._scratch[worker][d][:count]
                outer = count * math.prod(self._outputs[:d])
                inner = math.prod(self._inputs[d + 1 :])
                fold.fold(source.reshape(outer, self._inputs[d], inner), result.reshape(outer, self._outputs[d], inner))
                source = result
            if self._average is not None:
                with np.errstate(invalid="ignore"):
                    np.multiply(target, self._average, out=target)

        parallel(block, len(self._blocks), self._workers)

    def _ranges(self, tap: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        pairs = [_tap_range(w, k) for w, k in zip(self._windows, tap, strict=True)]
        return (slice(None), *(p[0] for p in pairs)), (slice(None), *(p[1] for p in pairs))

    def _buffers(self) -> list[tuple[Array, Array, Array, Array]]:
        if self._backward_scratch is None:
            shape = (self._size, *self._outputs)
            self._backward_scratch = [
                (np.empty(shape, bool), np.empty(shape, bool), np.empty(shape, self.dtype), np.empty(shape, np.int32))
                for _ in range(self._workers)
            ]
        return self._backward_scratch

    def backward(self, x: Array, y: Array, gy: Array, out: Array) -> None:
        """out = the gradient for the operand `x`, given the result `y` and its gradient."""
        xs, gxs = (a.reshape(self._planes, *self._inputs) for a in (x, out))
        ys, gys = (a.reshape(self._planes, *self._outputs) for a in (y, gy))
        buffers = self._buffers()
        separate = all(w.kernel <= w.stride for w in self._windows)
        complete = separate and all(
            w.kernel == w.stride and w.lower == 0 and w.extent == w.input for w in self._windows
        )

        def block(item: int, worker: int) -> None:
            planes = self._blocks[item]
            count = planes.stop - planes.start
            free, mask, part = (a[:count] for a in buffers[worker][:3])
            source, result, gradient, target = xs[planes], ys[planes], gys[planes], gxs[planes]
            if not complete:
                target.fill(0)
            if self._average is not None:
                np.multiply(gradient, self._average, out=part)
                for tap in self._taps:
                    outputs, inputs = self._ranges(tap)
                    if separate:
                        np.copyto(target[inputs], part[outputs])
                    else:
                        np.add(target[inputs], part[outputs], out=target[inputs])
                return
            free.fill(True)
            for tap in self._taps:
                outputs, inputs = self._ranges(tap)
                open_, hit = free[outputs], mask[outputs]
                np.equal(source[inputs], result[outputs], out=hit)
                np.logical_and(hit, open_, out=hit)
                np.logical_xor(open_, hit, out=open_)
                if separate:
                    np.multiply(gradient[outputs], hit, out=target[inputs])
                else:
                    piece = part[outputs]
                    np.multiply(gradient[outputs], hit, out=piece)
                    np.add(target[inputs], piece, out=target[inputs])

        parallel(block, len(self._blocks), self._workers)

    def unpool(self, y: Array, x: Array, out: Array) -> None:
        """out = zeros but for the values `y`, each where its window of the pooling operand `x` has its maximum.

        Where windows share a maximum, the last of them in memory order prevails (CNTK). Max pooling only.
        """
        xs, targets = (a.reshape(self._planes, *self._inputs) for a in (x, out))
        values = y.reshape(self._planes, *self._outputs)
        maxima = np.empty(self.result_shape, self.dtype)
        self.run(x, maxima)
        tops = maxima.reshape(values.shape)
        buffers = self._buffers()

        def block(item: int, worker: int) -> None:
            planes = self._blocks[item]
            count = planes.stop - planes.start
            free, mask, _, chosen = (a[:count] for a in buffers[worker])
            source, target = xs[planes], targets[planes]
            target.fill(0)
            free.fill(True)
            chosen.fill(-1)
            for number, tap in enumerate(self._taps):
                outputs, inputs = self._ranges(tap)
                open_, hit = free[outputs], mask[outputs]
                np.equal(source[inputs], tops[planes][outputs], out=hit)
                np.logical_and(hit, open_, out=hit)
                np.logical_xor(open_, hit, out=open_)
                np.copyto(chosen[outputs], number, where=hit)
            # an element meets earlier windows under later taps
            for number, tap in reversed(list(enumerate(self._taps))):
                outputs, inputs = self._ranges(tap)
                np.copyto(target[inputs], values[planes][outputs], where=chosen[outputs] == number)

        parallel(block, len(self._blocks), self._workers)

    def unpool_backward(self, gradient: Array, out: Array) -> None:
        """out = the gradient for the operand of `unpool`: CNTK takes the maximum of the gradient in each window."""
        self.run(gradient, out)


class RegionPoolingPlan:
    """Pools a grid of `rows` x `columns` cells out of each region of interest.

    Maps are (n, C, height, width), regions (n, r, 4) with (x1, y1, x2, y2) in pixels of the original image, results
    (n, r, C, rows, columns). `kind`: "max" or "average". A region is scaled, rounded half away from zero and has at
    least one element; an empty cell gives 0.
    """

    def __init__(self, rows: int, columns: int, scale: float, kind: str = "max") -> None:
        if kind not in ("max", "average"):
            raise ValueError(f"The pooling type must be max or average, got {kind!r}.")
        self._rows, self._columns, self._scale, self._max = rows, columns, scale, kind == "max"

    def _cells(
        self, regions: Array, height: int, width: int, *, gradient: bool = False
    ) -> Iterator[tuple[int, int, int, int, slice, slice]]:
        """(image, region, row, column, rows of the map, columns of the map) of every cell that is not empty.

        CNTK counts in unsigned numbers: a region whose end is before its start is endless, so its first cell takes all
        that follows and the others nothing; no gradient passes through it, nor through one that starts before 0.
        """
        number = regions.dtype.type
        for n, image in enumerate(regions.tolist()):
            for r, corners in enumerate(image):
                x1, y1, x2, y2 = (_round(corner * self._scale) for corner in corners)
                if gradient and (min(x1, y1) < 0 or x2 - x1 < -1 or y2 - y1 < -1):
                    continue
                across = _bounds(x1, x2, self._columns, width, number)
                down = _bounds(y1, y2, self._rows, height, number)
                for (i, rows), (j, columns) in product(enumerate(down), enumerate(across)):
                    if rows.stop > rows.start and columns.stop > columns.start:
                        yield n, r, i, j, rows, columns

    def run(self, x: Array, regions: Array, out: Array) -> None:
        """out = the pooled cells of the maps `x`."""
        out.fill(0)
        for n, r, i, j, rows, columns in self._cells(regions, x.shape[-2], x.shape[-1]):
            cell = x[n, :, rows, columns]
            if self._max:
                np.fmax.reduce(cell, axis=(1, 2), out=out[n, r, :, i, j])
            else:
                np.mean(cell, axis=(1, 2), out=out[n, r, :, i, j])

    def backward(self, x: Array, regions: Array, gy: Array, out: Array) -> None:
        """out = the gradient for the maps; the regions have none.

        CNTK looks for the maximum in no more rows than the map has columns: what lies below them gets nothing.
        """
        out.fill(0)
        channels = np.arange(x.shape[1])
        width = x.shape[-1]
        for n, r, i, j, rows, columns in self._cells(regions, x.shape[-2], x.shape[-1], gradient=True):
            cell, target = x[n, :, rows, columns], out[n, :, rows, columns]
            gradient = gy[n, r, :, i, j]
            if self._max:
                flat = np.where(np.isnan(cell), -math.inf, cell).reshape(x.shape[1], -1)
                down, across = np.divmod(flat.argmax(axis=1), cell.shape[2])
                target[channels, down, across] += np.where(rows.start + down < width, gradient, 0)
            else:
                target += (gradient / (cell.shape[1] * cell.shape[2]))[:, None, None]


def _round(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def _bounds(first: int, last: int, cells: int, size: int, number: type[np.floating[Any]]) -> list[slice]:
    extent = last - first + 1
    if extent < 0:
        extent += 1 << 64
    step = number(max(extent, 1)) / number(cells)
    return [
        slice(
            min(max(math.floor(i * step) + first, 0), size),
            min(max(math.ceil((i + 1) * step) + first, 0), size),
        )
        for i in range(cells)
    ]
