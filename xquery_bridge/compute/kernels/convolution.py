"""Convolution and its adjoint as plans: buffers and views are made once, the calls only copy and multiply.

Layout: a batch of n samples of CNTK shape [d1 x … x dk x C] (first dimension fastest) is an ndarray
(n, C, dk, …, d1); a kernel [k1 x … x kk x C/groups x M] is (M, C/groups, kk, …, k1). The result is a cross-correlation
(the kernel is not flipped). A transposed convolution is the adjoint: its forward pass is `backward_data`.

How the work is done, by shape:

- kernels of one element, stride 1: matrix products on the arrays as they are (`_Pointwise`);
- small work: all columns at once, views of the operands kept from call to call (`Small`);
- 3 x 3 kernels with stride 1 in float: Winograd (`winograd.py`) unless the exact path is asked for;
- one input channel a group: a multiplication and an addition a tap on flat runs (`depthwise.py`);
- anything else: columns in strips that stay in the second-level cache, images and strips on our threads (`_Columns`).

The adjoint splits the result into stride^k interleaved phases, each an ordinary convolution of stride 1 with a part of
the flipped kernel (`_Adjoint`); those of images are products on shared columns (`phases.py`). Where windows do not
overlap it is one product and one strided copy (`_Scatter`), where the channels are few against the maps one product
whose rows are added up (`_Spread`).
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import depthwise, winograd
from .interleaved import Interleaved
from .phases import PhaseProducts, phases_of
from .small_convolution import Small, stack_product
from .thread_pool import parallel, threads
from .window import Window

__all__ = ["ConvolutionPlan", "ConvolutionSizes", "convolution_plan"]

Array = NDArray[Any]

EXACT_BY_DEFAULT = os.environ.get("CNTK_XQUERY_EXACT_CONVOLUTION", "") not in ("", "0", "false")
"""True keeps transforms that trade accuracy for speed (Winograd) out of new plans."""

_STRIP_BYTES = 1024 * 1024  # columns of one strip; they fit a usual second-level cache
_SMALL_BYTES = 64 * 1024  # below this everything is done at once, without strips and threads
_SPREAD_BYTES = 32 * 1024 * 1024  # of the product that the adjoint of few channels holds
_PARALLEL_OPERATIONS = 4e6  # a hand-over to another thread costs about as much as half a million operations
_MERGED_OUTPUTS = 64  # with fewer outputs an image, several images share one matrix product


@dataclass(frozen=True)
class ConvolutionSizes:
    """Sizes of a convolution of `batch` samples: `channels` in, `maps` out, one window a spatial dimension.

    `windows` are in ndarray order (slowest dimension first).
    """

    batch: int
    channels: int
    maps: int
    windows: tuple[Window, ...]
    groups: int = 1

    @property
    def operand_shape(self) -> tuple[int, ...]:
        return (self.batch, self.channels, *(w.input for w in self.windows))

    @property
    def result_shape(self) -> tuple[int, ...]:
        return (self.batch, self.maps, *(w.output for w in self.windows))

    @property
    def kernel_shape(self) -> tuple[int, ...]:
        return (self.maps, self.channels // self.groups, *(w.kernel for w in self.windows))

    @property
    def taps(self) -> int:
        return math.prod(w.kernel for w in self.windows)

    @property
    def outputs(self) -> int:
        return math.prod(w.output for w in self.windows)

    @property
    def operations(self) -> float:
        """Floating-point operations of one pass."""
        return 2.0 * self.batch * self.maps * (self.channels // self.groups) * self.taps * self.outputs


class _Forward(Protocol):
    def run(self, x: Array, w: Array, out: Array) -> None: ...


def _workers(operations: float) -> int:
    return threads() if operations >= _PARALLEL_OPERATIONS else 1


def _blocks(items: int, size: int) -> list[slice]:
    return [slice(first, min(items, first + size)) for first in range(0, items, size)]


class _Pointwise:
    """Kernels of one element with stride 1 and no padding: products on the arrays as they are."""

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        self._n, self._g = sizes.batch, sizes.groups
        self._in, self._out = sizes.channels // sizes.groups, sizes.maps // sizes.groups
        self._points = sizes.outputs
        self._workers = _workers(sizes.operations)
        self._dtype = dtype
        self._shares = [
            (b, c)
            for b in _blocks(self._n, max(1, -(-self._n // (2 * self._workers))))
            for c in _blocks(self._points, -(-self._points // max(1, self._workers // self._n)))
        ]

    def _split(self, x: Array, channels: int) -> Array:
        return x.reshape(self._n, self._g, channels, self._points)

    def run(self, x: Array, w: Array, out: Array) -> None:
        xs, ys = self._split(x, self._in), self._split(out, self._out)
        self._multiply(w.reshape(self._g, self._out, self._in), xs, ys)

    def backward_data(self, gy: Array, w: Array, out: Array) -> None:
        gs, ys = self._split(gy, self._out), self._split(out, self._in)
        self._multiply(w.reshape(self._g, self._out, self._in).swapaxes(1, 2), gs, ys)

    def _multiply(self, w: Array, x: Array, out: Array) -> None:
        if self._workers == 1:
            np.matmul(w, x, out=out)
            return

        def share(item: int, worker: int) -> None:
            images, points = self._shares[item]
            np.matmul(w, x[images, ..., points], out=out[images, ..., points])

        parallel(share, len(self._shares), self._workers)

    def backward_kernel(self, x: Array, gy: Array, out: Array) -> None:
        xs, gs = self._split(x, self._in).swapaxes(2, 3), self._split(gy, self._out)
        total = out.reshape(self._g, self._out, self._in)
        if self._n == 1:
            np.matmul(gs[0], xs[0], out=total)
            return
        workers = min(self._workers, self._n)
        sums = np.zeros((workers, *total.shape), self._dtype)
        one = np.empty((workers, *total.shape), self._dtype)

        def image(item: int, worker: int) -> None:
            np.matmul(gs[item], xs[item], out=one[worker])
            np.add(sums[worker], one[worker], out=sums[worker])

        parallel(image, self._n, workers)
        np.add.reduce(sums, axis=0, out=total)


class _Padded:
    """A buffer that holds padded samples, and views of it whose windows lie along axes of their own.

    With a stride above 1 in the fastest dimension the row is stored as `stride` interleaved rows, so that the
    elements under one tap of all windows of a row are neighbours in memory.
    """

    def __init__(self, images: int, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        windows, self._g = sizes.windows, sizes.groups
        self._windows = windows
        self._per_group = sizes.channels // sizes.groups
        last = windows[-1]
        self._split = last.stride if last.stride > 1 and last.output >= 8 else 1
        extents = [w.extent for w in windows]
        inner = (self._split, -(-extents[-1] // self._split))
        self.buffer = np.zeros((images, sizes.channels, *extents[:-1], *inner), dtype)
        inside = [w.inside for w in windows]
        self._copies: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []
        head_to = tuple(i[0] for i in inside[:-1])
        head_from = tuple(i[1] for i in inside[:-1])
        to, source = inside[-1]
        for phase in range(self._split):
            first = to.start + (phase - to.start) % self._split
            if first >= to.stop:
                continue
            count = -(-(to.stop - first) // self._split)
            place = slice(first // self._split, first // self._split + count)
            start = source.start + first - to.start
            row = slice(start, source.stop, self._split)
            self._copies.append(((..., *head_to, phase, place), (..., *head_from, row)))

    def fill(self, images: slice, x: Array) -> None:
        """Copies samples into their places; the padding around them stays zero."""
        target = self.buffer[images]
        for to, source in self._copies:
            np.copyto(target[to], x[source])

    def columns(self, images: slice, rows: slice, merged: bool, out: Array) -> list[tuple[Array, Array]]:
        """Pairs (destination, source) that copy the windows of the output rows `rows` into `out`.

        `out`: (images, groups, channels of a group, kernel …, rows, other outputs …); with `merged` the images come
        just before the outputs.
        """
        windows, rank = self._windows, len(self._windows)
        target = np.moveaxis(out, 2 + rank, 0) if merged else out
        steps, one = self.buffer.strides, self.buffer.itemsize
        spatial = [*steps[2 : 1 + rank], one]
        kernel_steps = [w.dilation * s for w, s in zip(windows, spatial, strict=True)]
        output_steps = [w.stride * s for w, s in zip(windows, spatial, strict=True)]
        if self._split > 1:
            output_steps[-1] = one
        origin = images.start * steps[0] + rows.start * output_steps[0]
        lead = (images.stop - images.start, self._g, self._per_group)
        lead_steps = (steps[0], steps[1] * self._per_group, steps[1])
        kernel = [w.kernel for w in windows]
        outputs = [rows.stop - rows.start, *(w.output for w in windows[1:])]

        def view(kernel: list[int], kernel_steps: list[int], at: int) -> Array:
            shape, strides = (*lead, *kernel, *outputs), (*lead_steps, *kernel_steps, *output_steps)
            return np.ndarray(shape, self.buffer.dtype, self.buffer, origin + at, strides)

        if self._split == 1:
            return [(target, view(kernel, kernel_steps, 0))]
        pairs = []
        for tap in range(kernel[-1]):
            shift, phase = divmod(tap * windows[-1].dilation, self._split)
            source = view(kernel[:-1], kernel_steps[:-1], phase * steps[-2] + shift * one)
            pairs.append((target[(slice(None),) * (2 + rank) + (tap,)], source))
        return pairs


_StripWork = Callable[[int, slice, slice, Array, "Array | None"], None]
"""(worker, images, strip, columns, result) -> None"""


class _Columns:
    """Convolution by columns: windows are copied into the rows of a matrix, strip by strip, and multiplied."""

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any], kernel_gradient: bool = False) -> None:
        self._n, self._g, self._dtype = sizes.batch, sizes.groups, dtype
        self._in, self._out = sizes.channels // sizes.groups, sizes.maps // sizes.groups
        self._outputs = sizes.outputs
        self._depth = self._in * sizes.taps
        workers = _workers(sizes.operations)
        rows = sizes.windows[0].output
        inner = self._outputs // rows
        row_bytes = sizes.channels * sizes.taps * inner * dtype.itemsize
        image_bytes = max(1, row_bytes * rows)
        images = (
            max(1, min(_STRIP_BYTES // image_bytes, -(-self._n // (2 * workers))))
            if workers > 1
            else max(1, min(_STRIP_BYTES // image_bytes, self._n))
        )
        self._merged = images > 1 and self._outputs <= _MERGED_OUTPUTS
        strip_rows = max(1, min(rows, _STRIP_BYTES // max(1, row_bytes)))
        strips = -(-rows // strip_rows)
        if self._n < 2 * workers:
            strips = max(strips, min(rows, -(-2 * workers // self._n)))
        strip_rows = -(-rows // strips)
        self._blocks = _blocks(self._n, images)
        row_strips = _blocks(rows, strip_rows)
        self._strips = [slice(s.start * inner, s.stop * inner) for s in row_strips]
        self._shared = len(self._blocks) < workers  # then strips of one image go to several threads
        self._workers = min(workers, len(self._blocks) * (len(self._strips) if self._shared else 1))
        padded_count = 1 if self._shared else self._workers
        self._padded = [_Padded(self._n if self._shared else images, sizes, dtype) for _ in range(padded_count)]
        kernel = tuple(w.kernel for w in sizes.windows)
        tail = tuple(w.output for w in sizes.windows[1:])
        self._scratch: list[Array] = []
        self._steps: list[dict[tuple[int, int], tuple[list[tuple[Array, Array]], Array, Array | None]]] = []
        for worker in range(self._workers):
            flat = np.empty(images * sizes.channels * sizes.taps * strip_rows * inner, dtype)
            product_flat = np.empty(images * sizes.maps * strip_rows * inner, dtype) if self._merged else None
            steps: dict[tuple[int, int], tuple[list[tuple[Array, Array]], Array, Array | None]] = {}
            padded = self._padded[0 if self._shared else worker]
            for b, block in enumerate(self._blocks):
                count = block.stop - block.start
                place = block if self._shared else slice(0, count)
                for s, strip in enumerate(row_strips):
                    width = strip.stop - strip.start
                    known = steps.get((-count, s)) if not self._shared else None
                    if known is None:
                        shape: tuple[int, ...]
                        matrix: tuple[int, ...]
                        if self._merged:
                            shape = (self._g, self._in, *kernel, count, width, *tail)
                            matrix = (self._g, self._depth, count * width * inner)
                        else:
                            shape = (count, self._g, self._in, *kernel, width, *tail)
                            matrix = (count, self._g, self._depth, width * inner)
                        columns = flat[: math.prod(shape)]
                        result = None
                        if product_flat is not None:
                            result = product_flat[: sizes.maps * count * width * inner]
                            result = result.reshape(self._g, self._out, count, width * inner)
                        known = (
                            padded.columns(place, strip, self._merged, columns.reshape(shape)),
                            columns.reshape(matrix),
                            result,
                        )
                        steps[(-count, s)] = known
                    steps[(b, s)] = known
            self._steps.append(steps)
        if kernel_gradient:
            # columns times gradients, not the other way round: OpenBLAS is a third faster with the long side first
            self._sums = np.zeros((self._workers, self._g, self._depth, self._out), dtype)
            lead = 1 if self._merged else images
            self._part = np.empty((self._workers, lead, self._g, self._depth, self._out), dtype)

    def _for_each(self, x: Array, work: _StripWork) -> None:
        """Calls work(worker, images, strip, columns, result) for all strips of all blocks of images."""
        if self._shared:
            if self._workers > 1 and self._n > 1:
                parallel(lambda i, _: self._padded[0].fill(slice(i, i + 1), x[i : i + 1]), self._n, self._workers)
            else:
                self._padded[0].fill(slice(0, self._n), x)
            count = len(self._strips)

            def strip_item(item: int, worker: int) -> None:
                b, s = divmod(item, count)
                copies, columns, result = self._steps[worker][(b, s)]
                for to, source in copies:
                    np.copyto(to, source)
                work(worker, self._blocks[b], self._strips[s], columns, result)

            parallel(strip_item, len(self._blocks) * count, self._workers)
            return

        def block_item(item: int, worker: int) -> None:
            block = self._blocks[item]
            self._padded[worker].fill(slice(0, block.stop - block.start), x[block])
            for s, strip in enumerate(self._strips):
                copies, columns, result = self._steps[worker][(item, s)]
                for to, source in copies:
                    np.copyto(to, source)
                work(worker, block, strip, columns, result)

        parallel(block_item, len(self._blocks), self._workers)

    def run(self, x: Array, w: Array, out: Array) -> None:
        self._for_each(x, self._products(w, out))

    def _products(self, w: Array, out: Array) -> _StripWork:
        weights = w.reshape(self._g, self._out, self._depth)
        target = out.reshape(self._n, self._g, self._out, self._outputs)

        def multiply(worker: int, images: slice, strip: slice, columns: Array, result: Array | None) -> None:
            part = target[images, :, :, strip]
            if result is None:
                np.matmul(weights, columns, out=part)
            else:
                np.matmul(weights, columns, out=result.reshape(self._g, self._out, -1))
                np.copyto(part, result.transpose(2, 0, 1, 3))

        return multiply

    def backward_kernel(self, x: Array, gy: Array, out: Array) -> None:
        self._sums.fill(0)
        self._for_each(x, self._gradients(gy))
        self._give_sums(out)

    def run_and_backward_kernel(self, x: Array, w: Array, gy: Array, out: Array, out_kernel: Array) -> None:
        """`run` and `backward_kernel` on the same columns."""
        products, gradients = self._products(w, out), self._gradients(gy)
        self._sums.fill(0)

        def multiply(*strip: Any) -> None:
            products(*strip)
            gradients(*strip)

        self._for_each(x, multiply)
        self._give_sums(out_kernel)

    def _gradients(self, gy: Array) -> _StripWork:
        gradient = gy.reshape(self._n, self._g, self._out, self._outputs)

        def multiply(worker: int, images: slice, strip: slice, columns: Array, result: Array | None) -> None:
            part, total = gradient[images, :, :, strip], self._sums[worker]
            if result is None:
                products = self._part[worker, : part.shape[0]]
                np.matmul(columns, part.swapaxes(-1, -2), out=products)
                for one in products:
                    np.add(total, one, out=total)
            else:
                np.copyto(result, part.transpose(1, 2, 0, 3))
                one = self._part[worker, 0]
                np.matmul(columns, result.reshape(self._g, self._out, -1).swapaxes(-1, -2), out=one)
                np.add(total, one, out=total)

        return multiply

    def _give_sums(self, out: Array) -> None:
        total = self._sums[0] if self._workers == 1 else np.add.reduce(self._sums, axis=0)
        np.copyto(out.reshape(self._g, self._out, self._depth), total.swapaxes(-1, -2))


class _Adjoint:
    """The adjoint of a convolution: interleaved phases, each a convolution of stride 1.

    With several phases one thread does all of them for an image while it is in its cache.
    """

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any], exact: bool) -> None:
        self._g = sizes.groups
        self._in, self._out = sizes.channels // sizes.groups, sizes.maps // sizes.groups
        self._kernel = tuple(w.kernel for w in sizes.windows)
        combinations = list(product(*(phases_of(w) for w in sizes.windows)))
        by_image = len(combinations) > 1 and sizes.batch > 1 and sizes.operations / sizes.batch >= _PARALLEL_OPERATIONS
        self._images = 1 if by_image else sizes.batch
        self._items = sizes.batch // max(1, self._images)
        self._workers = min(threads(), self._items) if by_image else 1
        self._places: list[tuple[tuple[Any, ...], tuple[Any, ...] | None, Array]] = []
        """Where a phase lies in the result, its taps (None: it stays zero) and room for its kernel."""
        self._lanes: list[list[tuple[_Forward, Array | None]]] = [[] for _ in range(self._workers)]
        """For every thread the convolution of each phase, and room for what it gives."""
        for phases in combinations:
            place = (..., *(p.place for p in phases))
            windows = tuple(p.window for p in phases)
            taps = (..., *(p.taps for p in phases if p.taps is not None))
            if len(taps) <= len(phases):
                self._places.append((place, None, np.empty(0, dtype)))
                continue
            kernel = np.empty((self._g, self._in, self._out, *(w.kernel for w in windows)), dtype)
            self._places.append((place, taps, kernel))
            sub = ConvolutionSizes(self._images, sizes.maps, sizes.channels, windows, sizes.groups)
            for lane in self._lanes:
                result = np.empty(sub.result_shape, dtype) if len(combinations) > 1 else None
                lane.append((_forward(sub, dtype, exact), result))

    def run(self, gy: Array, w: Array, out: Array) -> None:
        weights = w.reshape(self._g, self._out, self._in, *self._kernel).swapaxes(1, 2)
        kernels = []
        for place, taps, kernel in self._places:
            if taps is None:
                out[place] = 0
                continue
            np.copyto(kernel, weights[taps])
            kernels.append((place, kernel.reshape(self._g * self._in, self._out, *kernel.shape[3:])))

        def item(number: int, worker: int) -> None:
            images = slice(number * self._images, (number + 1) * self._images)
            for (place, kernel), (forward, result) in zip(kernels, self._lanes[worker], strict=True):
                if result is None:
                    forward.run(gy[images], kernel, out[images])
                else:
                    forward.run(gy[images], kernel, result)
                    np.copyto(out[images][place], result)

        parallel(item, self._items, self._workers)


class _Spread:
    """The adjoint for few channels: one product for all taps, whose rows are added where the taps reach."""

    @staticmethod
    def fits(sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> bool:
        product_bytes = sizes.channels * sizes.taps * sizes.outputs * dtype.itemsize
        return sizes.groups == 1 and 4 * sizes.channels <= sizes.maps and product_bytes <= _SPREAD_BYTES

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        windows = sizes.windows
        self._n = sizes.batch
        self._workers = min(_workers(sizes.operations), self._n)
        self._padded = [Interleaved(1, sizes.channels, windows, dtype) for _ in range(self._workers)]
        outputs = tuple(w.output for w in windows)
        length = self._padded[0].run_length(outputs)
        pitch = (outputs[0], *self._padded[0].planes[1:])
        taps = product(*(range(w.kernel) for w in windows))
        positions = [tuple(k * w.dilation for k, w in zip(tap, windows, strict=True)) for tap in taps]
        self._runs = [[p.run(position, length)[0] for position in positions] for p in self._padded]
        self._weight_shape = (sizes.maps, sizes.channels * sizes.taps)
        gradients = [np.zeros((sizes.maps, *pitch), dtype) for _ in range(self._workers)]
        inside: tuple[Any, ...] = (slice(None), *(slice(0, o) for o in outputs))
        self._inner = [g[inside] for g in gradients]
        self._gradients = [g.reshape(sizes.maps, -1)[:, :length] for g in gradients]
        self._products = [np.empty((sizes.channels, sizes.taps, length), dtype) for _ in range(self._workers)]
        self._covers = all(w.lower >= 0 and w.extent >= w.input + w.lower for w in windows)

    def run(self, gy: Array, w: Array, out: Array) -> None:
        weights = w.reshape(self._weight_shape).T
        if not self._covers:
            out.fill(0)

        def image(item: int, worker: int) -> None:
            np.copyto(self._inner[worker], gy[item])
            products, padded = self._products[worker], self._padded[worker]
            np.matmul(weights, self._gradients[worker], out=products.reshape(weights.shape[0], -1))
            padded.clear()
            for tap, run in enumerate(self._runs[worker]):
                np.add(run, products[:, tap], out=run)
            padded.read(out[item : item + 1])

        parallel(image, self._n, self._workers)


class _Scatter:
    """The adjoint where windows do not overlap: one product, then every element goes to its place."""

    @staticmethod
    def fits(sizes: ConvolutionSizes) -> bool:
        return all(
            w.dilation == 1 and w.kernel <= w.stride and w.lower == 0 and w.extent <= w.input for w in sizes.windows
        )

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        n, g, windows = sizes.batch, sizes.groups, sizes.windows
        self._workers = min(_workers(sizes.operations), n)
        self._in, self._out = sizes.channels // g, sizes.maps // g
        self._kernel, self._outputs = tuple(w.kernel for w in windows), tuple(w.output for w in windows)
        rank = len(windows)
        rows = self._in * sizes.taps
        self._weight_shape = (g, self._out, rows)
        self._gradient_shape = (n, g, self._out, sizes.outputs)
        self._product = np.empty((n, g, rows, sizes.outputs), dtype)
        spread = self._product.reshape(n, g * self._in, *self._kernel, *self._outputs)
        order = [0, 1] + [axis for d in range(rank) for axis in (2 + rank + d, 2 + d)]
        self._spread = spread.transpose(order)
        self._covers = all(w.kernel == w.stride and w.extent == w.input for w in windows)
        self._windows = windows
        self.is_single = self._workers == 1

    def _view(self, out: Array) -> Array:
        steps = out.strides
        shape = [d for w in self._windows for d in (w.output, w.kernel)]
        strides = [s for w, step in zip(self._windows, steps[2:], strict=True) for s in (w.stride * step, step)]
        return np.lib.stride_tricks.as_strided(out, (*out.shape[:2], *shape), (*steps[:2], *strides))

    def _views(self, gy: Array, w: Array, out: Array) -> tuple[Array, Array, Array]:
        return w.reshape(self._weight_shape).swapaxes(1, 2), gy.reshape(self._gradient_shape), self._view(out)

    def calls(self, gy: Array, w: Array, out: Array) -> list[Callable[[], object]]:
        """What `run` does on these arrays without threads."""
        weights, gradient, target = self._views(gy, w, out)
        calls: list[Callable[[], object]] = [] if self._covers else [partial(out.fill, 0)]
        return [
            *calls,
            stack_product(weights, gradient, self._product),
            partial(np.copyto, target, self._spread),
        ]

    def run(self, gy: Array, w: Array, out: Array) -> None:
        if self.is_single:
            for step in self.calls(gy, w, out):
                step()
            return
        weights, gradient, target = self._views(gy, w, out)
        if not self._covers:
            out.fill(0)

        def image(item: int, worker: int) -> None:
            np.matmul(weights, gradient[item], out=self._product[item])
            np.copyto(target[item], self._spread[item])

        parallel(image, gradient.shape[0], self._workers)


def _is_pointwise(sizes: ConvolutionSizes) -> bool:
    return all(w.kernel == 1 and w.stride == 1 and w.lower == 0 and w.output == w.input for w in sizes.windows)


def _is_small(sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> bool:
    return sizes.batch * sizes.channels * sizes.taps * sizes.outputs * dtype.itemsize <= _SMALL_BYTES


def _forward(sizes: ConvolutionSizes, dtype: np.dtype[Any], exact: bool) -> _Forward:
    if _is_pointwise(sizes):
        return _Pointwise(sizes, dtype)
    if _is_small(sizes, dtype):
        return Small(sizes, dtype)
    if depthwise.Depthwise.fits(sizes, dtype):
        return depthwise.Depthwise(sizes, dtype)
    if not exact and winograd.Winograd.fits(sizes, dtype):
        return winograd.Winograd(sizes, dtype)
    return _Columns(sizes, dtype)


class ConvolutionPlan:
    """A convolution for fixed sizes; each pass is prepared when it is first used.

    Operands must be C-contiguous arrays of the plan's dtype and shapes (`sizes.operand_shape`, `kernel_shape`,
    `result_shape`); results are written into `out`, which must not overlap an operand. A plan keeps scratch
    memory, so one thread at a time may call it.
    """

    def __init__(self, sizes: ConvolutionSizes, dtype: DTypeLike, exact: bool | None = None) -> None:
        self.sizes = sizes
        self.dtype = np.dtype(dtype)
        self._exact = EXACT_BY_DEFAULT if exact is None else exact
        self._forward: _Forward | None = None
        self._data: _Forward | None = None
        self._kernel: Any = None

    def bind(self, name: str, *arrays: Array) -> list[Callable[[], object]]:
        """The calls that do the pass `name` ("run", "backward_data", "backward_kernel") on these arrays.

        Small work on fixed arrays is a few calls of NumPy; the way to them would cost more than they do.
        """
        way = {"run": self._forward_way, "backward_data": self._data_way}.get(name)
        small = way() if way is not None else None
        if isinstance(small, (Small, _Scatter)) and small.is_single:
            return small.calls(*arrays)
        return [partial(getattr(self, name), *arrays)]

    def _forward_way(self) -> _Forward:
        if self._forward is None:
            self._forward = _forward(self.sizes, self.dtype, self._exact)
        return self._forward

    def run(self, x: Array, w: Array, out: Array) -> None:
        """out = the convolution of `x` with the kernel `w`."""
        self._forward_way().run(x, w, out)

    def backward_data(self, gy: Array, w: Array, out: Array) -> None:
        """out = the gradient for the operand, given that of the result; the forward pass of the transposed form."""
        self._data_way().run(gy, w, out)

    def _data_way(self) -> _Forward:
        if self._data is None:
            self._data = self._adjoint()
        return self._data

    def _adjoint(self) -> _Forward:
        sizes = self.sizes
        if _is_pointwise(sizes):
            pointwise = _Pointwise(sizes, self.dtype)
            return _Bound(pointwise.backward_data)
        if _Scatter.fits(sizes):
            return _Scatter(sizes, self.dtype)
        if _Spread.fits(sizes, self.dtype):
            return _Spread(sizes, self.dtype)
        if sizes.operations >= _PARALLEL_OPERATIONS and PhaseProducts.fits(sizes, self._exact):
            return PhaseProducts(sizes, self.dtype)
        return _Adjoint(sizes, self.dtype, self._exact)

    def backward_kernel(self, x: Array, gy: Array, out: Array) -> None:
        """out = the gradient for the kernel, given the operand and the gradient of the result."""
        if self._kernel is None:
            self._kernel = self._kernel_gradient()
        self._kernel.backward_kernel(x, gy, out)

    def adjoint_gradients(self, gy: Array, w: Array, x: Array, out: Array, out_kernel: Array) -> None:
        """Both gradients of a transposed convolution: `run(gy, w, out)` and `backward_kernel(gy, x, out_kernel)`."""
        if self._kernel is None:
            self._kernel = self._kernel_gradient()
        if isinstance(self._kernel, _Columns) and isinstance(self._forward_way(), _Columns):
            self._forward = self._kernel  # one is enough
            self._kernel.run_and_backward_kernel(gy, w, x, out, out_kernel)
        else:
            self.run(gy, w, out)
            self.backward_kernel(gy, x, out_kernel)

    def _kernel_gradient(self) -> Any:
        sizes, dtype = self.sizes, self.dtype
        if _is_pointwise(sizes):
            return _Pointwise(sizes, dtype)
        if _is_small(sizes, dtype):
            return Small(sizes, dtype)
        if depthwise.DepthwiseKernelGradient.fits(sizes, dtype):
            return depthwise.DepthwiseKernelGradient(sizes, dtype)
        if not self._exact and winograd.WinogradKernelGradient.fits(sizes, dtype):
            return winograd.WinogradKernelGradient(sizes, dtype)
        return _Columns(sizes, dtype, kernel_gradient=True)


@dataclass(frozen=True)
class _Bound:
    run: Any


def convolution_plan(
    batch: int,
    channels: int,
    maps: int,
    windows: Sequence[Window],
    groups: int,
    dtype: DTypeLike,
    exact: bool | None = None,
) -> ConvolutionPlan:
    """A plan for `batch` samples; `windows` in ndarray order; `exact` None takes the default of the process.

    ValueError when `groups` does not divide channels and maps.
    """
    if groups < 1 or channels % groups or maps % groups:
        raise ValueError(f"{groups} groups do not divide {channels} input channels and {maps} output channels.")
    return ConvolutionPlan(ConvolutionSizes(batch, channels, maps, tuple(windows), groups), dtype, exact)
