"""Padded samples stored phase by phase, so that what one tap reads for all outputs is one flat run of memory.

A dimension of stride s is split into s phases (elements 0, s, 2s, …; 1, s + 1, …). Under one tap the outputs of a
plane then read a run that starts at a fixed offset; where a row ends, a few elements that belong to no output come
along. Results are computed on the same pitch and the surplus is left out when they are copied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .window import Window

__all__ = ["Interleaved"]

Array = NDArray[Any]


@dataclass(frozen=True)
class _PhaseGroup:
    """Neighbouring phases whose elements lie in the same places, and the input element that comes first."""

    phases: slice
    places: slice
    start: int


def _phase_groups(window: Window, step: int, extent: int) -> list[_PhaseGroup]:
    inside, taken = window.inside
    stop = min(inside.stop, extent)
    groups: list[_PhaseGroup] = []
    for phase in range(step):
        first = inside.start + (phase - inside.start) % step
        count = max(0, -(-(stop - first) // step))
        if count == 0:
            continue
        places = slice(first // step, first // step + count)
        start = taken.start + first - inside.start
        last = groups[-1] if groups else None
        if last is not None and last.phases.stop == phase and last.places == places:
            groups[-1] = _PhaseGroup(slice(last.phases.start, phase + 1), places, last.start)
        else:
            groups.append(_PhaseGroup(slice(phase, phase + 1), places, start))
    return groups


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
        groups = [_phase_groups(w, step, e) for w, step, e in zip(windows, steps, extents, strict=True)]
        self._copies = list(product(*groups))
        self._grid = self._flat.reshape(images, channels, *steps, *self.planes)

    def _pairs(self, x: Array) -> Iterator[tuple[Array, Array]]:
        """(places here, places in `x`) of what both hold."""
        held = self._grid[: x.shape[0], : x.shape[1]]
        along = tuple(s * step for s, step in zip(x.strides[2:], self.steps, strict=True))
        for groups in self._copies:
            place: tuple[Any, ...] = (..., *(g.phases for g in groups), *(g.places for g in groups))
            start: tuple[Any, ...] = (..., *(slice(g.start, None) for g in groups))
            here, first = held[place], x[start]
            yield here, np.lib.stride_tricks.as_strided(first, here.shape, (*x.strides, *along))

    def fill(self, x: Array) -> None:
        """Copies samples (images, channels, …), at most as many as there is room for, into their places."""
        for here, there in self._pairs(x):
            np.copyto(here, there)

    def read(self, x: Array) -> None:
        """Copies the elements of their places back into samples; what no window reaches is left alone."""
        for here, there in self._pairs(x):
            np.copyto(there, here)

    def clear(self) -> None:
        """Sets all places to zero."""
        self._flat.fill(0)

    def runs(self, first: tuple[int, ...], count: tuple[int, ...], length: int) -> Array:
        """Flat runs (images, channels, count …, length) for positions that follow `first` without a change of place."""
        rank = len(self.steps)
        offset = 0
        for position, step, plane in zip(first, self.steps, self.planes, strict=True):
            offset = offset * plane + position // step
        phases = tuple(
            slice(position % step, position % step + number)
            for position, step, number in zip(first, self.steps, count, strict=True)
        )
        flat = self._flat.reshape(*self._flat.shape[:2], *self.steps, self._flat.shape[-1])
        assert flat.ndim == rank + 3
        return flat[(slice(None), slice(None), *phases, slice(offset, offset + length))]

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
