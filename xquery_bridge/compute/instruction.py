"""Instructions of a plan: what makes calls from arrays, once or anew, whole or in parts for several threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial

from .kernels.thread_pool import parallel, threads
from .tensor import Array, Tensor

__all__ = ["Bind", "Call", "Instruction", "Site", "Splits"]

Call = Callable[[], object]
Bind = Callable[..., "Call | list[Call]"]

_SPLIT_SIZE = 131_072
"""Elements from which on work goes to several threads; a hand-over takes as long as some ten thousand elements."""


class Splits(Enum):
    """What the bind of an instruction may be given instead of whole arrays."""

    NOT = 0
    FRAMES = 1
    """Some of the frames; of tensors without a layout, all."""
    ELEMENTS = 2
    """Also some of the elements, flat, where all arrays have one shape or none."""


class Instruction:
    __slots__ = ("bind", "in_place", "reads", "splits", "writes")

    def __init__(
        self, bind: Bind, reads: Sequence[Tensor], writes: Sequence[Tensor], in_place: bool, splits: Splits
    ) -> None:
        self.bind = bind
        self.reads = reads
        self.writes = writes
        self.in_place = in_place
        self.splits = splits

    def calls(self) -> list[Call]:
        arrays = [t.bound() for t in (*self.reads, *self.writes)]
        if self.splits is not Splits.NOT and self.writes[0].size >= _SPLIT_SIZE and threads() > 1:
            parts = [self._made(part) for part in self._parts(arrays, threads())]
            if len(parts) > 1:
                return [partial(_in_parts, parts)]
        return self._made(arrays)

    def _made(self, arrays: list[Array]) -> list[Call]:
        made = self.bind(*arrays)
        return made if isinstance(made, list) else [made]

    def _parts(self, arrays: list[Array], count: int) -> list[list[Array]]:
        """The arrays in so many parts."""
        tensors = (*self.reads, *self.writes)
        first = self.writes[0]
        rows = first.shape[0]
        if first.layout is not None and rows >= count:
            step = -(-rows // count)
            return [
                [
                    a[i : i + step] if t.layout is not None and len(a) == rows else a
                    for a, t in zip(arrays, tensors, strict=True)
                ]
                for i in range(0, rows, step)
            ]
        shape = arrays[len(self.reads)].shape
        alike = all(a.ndim == 0 or (a.shape == shape and a.flags.c_contiguous) for a in arrays)
        if self.splits is Splits.FRAMES or not alike:
            return [arrays]
        flat = [a.reshape(-1) if a.ndim else a for a in arrays]
        step = -(-first.size // count)
        return [[a[i : i + step] if a.ndim else a for a in flat] for i in range(0, first.size, step)]


def _in_parts(parts: list[list[Call]]) -> None:
    def part(item: int, worker: int) -> None:
        for step in parts[item]:
            step()

    parallel(part, len(parts), len(parts))


class Site:
    """An instruction of a finished plan and the place of its calls."""

    __slots__ = ("calls", "count", "instruction", "start")

    def __init__(self, instruction: Instruction, calls: list[Call]) -> None:
        self.instruction = instruction
        self.calls = calls
        self.start = len(calls)
        made = instruction.calls()
        self.count = len(made)
        calls.extend(made)

    def touches(self, roots: set[Tensor]) -> bool:
        return any(t.root in roots for t in (*self.instruction.reads, *self.instruction.writes))

    def bind(self) -> None:
        """Makes the calls anew."""
        made = self.instruction.calls()
        assert len(made) == self.count
        self.calls[self.start : self.start + self.count] = made
