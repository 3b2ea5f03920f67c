"""The phases of a transposed convolution: the parts of its result that lie a stride apart.

Each is a convolution of stride 1. For images the phases share their columns. A column is the image moved by some
pixels; moved by whole rows it is a part of the same memory. So one copy a row of the window serves all phases, whose
matrices lie next to each other in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .thread_pool import parallel, threads
from .window import Window

if TYPE_CHECKING:
    from .convolution import ConvolutionSizes

__all__ = ["Phase", "PhaseProducts", "phases_of"]

Array = NDArray[Any]

_COLUMN_BYTES = 1536 * 1024  # of the columns of a strip; they fit a usual second-level cache


@dataclass(frozen=True)
class Phase:
    """One residue of the result of a transposed convolution in one dimension."""

    place: slice  # where its elements lie in the result
    taps: slice | None  # the kernel's elements that meet it, already reversed; None: it stays zero
    window: Window


def phases_of(window: Window) -> list[Phase]:
    """Splits the adjoint of a strided window into convolutions of stride 1, one for every residue of the stride."""
    stride, dilation, lower = window.stride, window.dilation, window.lower
    common = math.gcd(stride, dilation)
    step = stride // common
    phases = []
    for residue in range(min(stride, window.input)):
        r = (residue + lower) % stride  # result j = residue + stride * t meets taps with k * dilation = r modulo stride
        count = -(-(window.input - residue) // stride)
        place = slice(residue, window.input, stride)
        taps = [k for k in range(min(step, window.kernel)) if k * dilation % stride == r]
        if not taps:
            phases.append(Phase(place, None, Window(window.output, 0, output=count)))
            continue
        first = taps[0]
        number = -(-(window.kernel - first) // step)
        last = first + (number - 1) * step
        shift = (residue + lower - r) // stride
        stop = first - 1 if first > 0 else None
        sub = Window(window.output, number, 1, dilation // common, (last * dilation - r) // stride - shift, count)
        phases.append(Phase(place, slice(last, stop, -step), sub))
    return phases


@dataclass(frozen=True)
class _Part:
    """One pair of phases: its kernel's elements and the product that makes its part of a strip of rows."""

    rows: Phase
    columns: Phase
    first_row: int
    """Where the rows of its columns begin in a plane."""
    first_column: int
    """Its first column, counted in moves to the side."""


class PhaseProducts:
    """The adjoint of a strided convolution of images, one group, where all phases of the rows have as many taps.

    The columns of a strip of rows lie as (moves to the side, moves down, channels) x (rows x columns), so that those of
    a phase are neighbours whatever the phase; a plane has a few rows more than a strip, for phases that begin lower.
    """

    @staticmethod
    def fits(sizes: ConvolutionSizes, exact: bool) -> bool:
        windows = sizes.windows
        if len(windows) != 2 or sizes.groups != 1 or any(w.dilation != 1 or w.output < 1 for w in windows):
            return False
        down, aside = ({p.window.kernel for p in phases_of(w)} for w in windows)
        quicker_by_winograd = down == aside == {3} and not exact
        return len(down) == 1 and down != {0} and aside != {0} and not quicker_by_winograd and windows[0].stride > 1

    def __init__(self, sizes: ConvolutionSizes, dtype: np.dtype[Any]) -> None:
        rows, columns = (phases_of(w) for w in sizes.windows)
        self._height, self._width = (w.output for w in sizes.windows)
        reached = [p for p in columns if p.taps is not None]
        self._top = -max(p.window.lower for p in rows)
        self._left = -max(p.window.lower for p in reached)
        self._down = rows[0].window.kernel
        self._aside = max(p.window.kernel - p.window.lower for p in reached) - self._left
        self._pitch = max(p.window.output for p in reached)
        self._channels, self._maps = sizes.maps, sizes.channels
        self._zeros = [p.place for p in columns if p.taps is None]
        self._parts = [
            _Part(r, c, -r.window.lower - self._top, -c.window.lower - self._left) for r, c in product(rows, reached)
        ]
        extra = max(part.first_row for part in self._parts)
        outputs = max(p.window.output for p in rows)
        row_bytes = self._aside * self._down * self._channels * self._pitch * dtype.itemsize
        strips = -(-outputs // max(1, _COLUMN_BYTES // row_bytes - extra))
        if sizes.batch < 2 * threads():
            strips = max(strips, min(outputs, -(-2 * threads() // sizes.batch)))
        step = -(-outputs // strips)
        self._items = [
            (n, first, min(step, outputs - first)) for n in range(sizes.batch) for first in range(0, outputs, step)
        ]
        self._workers = min(threads(), len(self._items))
        plane = (step + extra, self._pitch)
        self._planes = [
            np.zeros((self._aside, self._down, self._channels, *plane), dtype) for _ in range(self._workers)
        ]
        self._results = [np.empty((self._maps, step, self._pitch), dtype) for _ in range(self._workers)]
        self._kernels = [
            np.empty((self._maps, p.columns.window.kernel, self._down, self._channels), dtype) for p in self._parts
        ]

    def run(self, gy: Array, w: Array, out: Array) -> None:
        for part, kernel in zip(self._parts, self._kernels, strict=True):
            assert part.rows.taps is not None
            assert part.columns.taps is not None
            np.copyto(kernel, w[:, :, part.rows.taps, part.columns.taps].transpose(1, 3, 2, 0))
        for place in self._zeros:
            out[..., place] = 0

        def strip(item: int, worker: int) -> None:
            image, first, count = self._items[item]
            self._fill(self._planes[worker], gy[image], first)
            for part, kernel in zip(self._parts, self._kernels, strict=True):
                self._multiply(worker, part, kernel, first, count, out[image])

        parallel(strip, len(self._items), self._workers)

    def _fill(self, planes: Array, image: Array, first: int) -> None:
        """Copies the rows of an image that a strip reads into its columns; outside the image they are zero."""
        for aside in range(self._aside):
            shift = self._left + aside
            left, right = max(0, -shift), min(self._pitch, self._width - shift)
            if left >= right:
                continue
            for down in range(self._down):
                shift_down = first + self._top + down
                rows = planes.shape[3]
                top, bottom = max(0, -shift_down), min(rows, self._height - shift_down)
                target = planes[aside, down]
                target[:, : min(top, rows)] = 0
                target[:, max(0, bottom) :] = 0
                if top < bottom:
                    inside = image[:, top + shift_down : bottom + shift_down, left + shift : right + shift]
                    target[:, top:bottom, left:right] = inside

    def _multiply(self, worker: int, part: _Part, kernel: Array, first: int, count: int, out: Array) -> None:
        """One phase of a strip: the product, then its elements go to their places."""
        count = min(count, part.rows.window.output - first)
        if count <= 0:
            return
        planes, pitch = self._planes[worker], self._pitch
        matrix = planes.reshape(-1, math.prod(planes.shape[3:]))
        depth, begin = self._down * self._channels, part.first_column * self._down * self._channels
        columns = matrix[begin : begin + part.columns.window.kernel * depth]
        start = part.first_row * pitch
        result = self._results[worker][:, :count]
        flat = self._results[worker].reshape(self._maps, -1)[:, : count * pitch]
        np.matmul(kernel.reshape(self._maps, -1), columns[:, start : start + count * pitch], out=flat)
        place = part.rows.place
        rows = slice(place.start + first * place.step, place.stop, place.step)
        target = out[:, rows, part.columns.place]
        np.copyto(target[:, :count], result[:, :, : part.columns.window.output])
