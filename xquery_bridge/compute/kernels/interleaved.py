"""Padded samples stored phase by phase, so that what one tap reads for all outputs is one flat run of memory.

A dimension of stride s is split into s phases (elements 0, s, 2s, …; 1, s + 1, …). Under one tap the outputs of a
plane then read a run that starts at a fixed offset; where a row ends, a few elements that belong to no output come
along. Results are computed on the same pitch and the surplus is left out when they are copied.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .window import Window

__all__ = ["Interleaved"]

Array = NDArray[Any]


class Interleaved:
    """Room for padded samples of `channels` planes each, in phases.

    `steps`: the number of phases of each dimension; the default is the stride of its window. `extents`: how many
    padded elements a dimension has (default: what the windows span).
    """

    def __init__(
        self,
        images: int,
        channels: int,
        windows: tuple[Window, ...],
        dtype: np.dtype[Any],
        steps: tuple[int, ...] | None = None,
        extents: tuple[int, ...] | None = None,
        fill: float = 0.0,
    ) -> None:
        self.steps = steps = steps or tuple(w.stride for w in windows)
        extents = extents or tuple(w.extent for w in windows)
        self.planes = tuple(-(-e // s) for e, s in zip(extents, steps, strict=True))
        size = math.prod(self.planes)
        self._flat = np.full((images, channels, math.prod(steps), size), fill, dtype)
        self._copies: list[tuple[int, tuple[slice, ...], tuple[slice, ...]]] = []
        shaped = self._flat.reshape(images, channels, -1, *self.planes)
        self._shaped = shaped
        for number, phases in enumerate(product(*(range(s) for s in steps))):
            to, source = [], []
            for phase, step, window, extent in zip(phases, steps, windows, extents, strict=True):
                inside, taken = window.inside
                stop = min(inside.stop, extent)
                first = inside.start + (phase - inside.start) % step
                count = max(0, -(-(stop - first) // step))
                to.append(slice(first // step, first // step + count))
                start = taken.start + first - inside.start
                source.append(slice(start, max(start, taken.start + stop - inside.start), step))
            if all(s.stop > s.start for s in to):
                self._copies.append((number, tuple(to), tuple(source)))

    def fill(self, x: Array) -> None:
        """Copies samples (images, channels, …), at most as many as there is room for, into their places."""
        target = self._shaped[: x.shape[0], : x.shape[1]]
        for number, to, source in self._copies:
            np.copyto(target[(slice(None), slice(None), number, *to)], x[(..., *source)])

    def run(self, positions: tuple[int, ...], length: int) -> Array:
        """The flat run (images, channels, length) of what lies `positions` after the first element of the windows."""
        number, offset = 0, 0
        for position, step, plane in zip(positions, self.steps, self.planes, strict=True):
            number = number * step + position % step
            offset = offset * plane + position // step
        return self._flat[:, :, number, offset : offset + length]

    def run_length(self, outputs: tuple[int, ...]) -> int:
        """Elements from the first output of a plane to the last one."""
        last = 0
        for output, plane in zip(outputs, self.planes, strict=True):
            last = last * plane + output - 1
        return last + 1
