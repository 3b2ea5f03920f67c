"""Instructions of a plan: what makes calls from arrays, once or anew, whole or in parts for several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import partial

import numpy as np

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

    def arrays(self) -> list[Array]:
        """Those of the tensors it reads, then of those it writes."""
        return [t.bound() for t in (*self.reads, *self.writes)]

    def calls(self, arrays: list[Array]) -> list[Call]:
        """The calls that do it on these arrays, or on a part of them."""
        made = self.bind(*arrays)
        return made if isinstance(made, list) else [made]

    def cut(self, arrays: list[Array]) -> tuple[str, int] | None:
        """What is divided among our threads, and how many of it there are; None where they do not share the work."""
        if self.splits is Splits.NOT or threads() == 1:
            return None
        first = self.writes[0]
        if first.size < _SPLIT_SIZE:
            return None
        if first.layout is not None and first.shape[0] >= threads():
            return "frames", first.shape[0]
        shape = arrays[len(self.reads)].shape
        alike = all(a.ndim == 0 or (a.shape == shape and a.flags.c_contiguous) for a in arrays)
        return ("elements", first.size) if alike and self.splits is Splits.ELEMENTS else None

    def parts(self, arrays: list[Array]) -> list[list[Array]]:
        """The arrays divided among our threads, where they share the work; otherwise whole."""
        cut = self.cut(arrays)
        if cut is None:
            return [arrays]
        kind, count = cut
        if kind == "frames":
            tensors = (*self.reads, *self.writes)
            divides = [t.layout is not None and len(a) == count for t, a in zip(tensors, arrays, strict=True)]
        else:
            divides = [a.ndim > 0 for a in arrays]
            arrays = [a.reshape(-1) if a.ndim else a for a in arrays]
        step = -(-count // threads())
        return [
            [a[i : i + step] if divided else a for a, divided in zip(arrays, divides, strict=True)]
            for i in range(0, count, step)
        ]


def _in_parts(parts: list[list[Call]]) -> None:
    def part(item: int, worker: int) -> None:
        for step in parts[item]:
            step()

    parallel(part, len(parts), len(parts))


def _in_turn(calls: list[Call]) -> None:
    for step in calls:
        step()


def _meet_in_parts_only(before: Instruction, after: Instruction) -> bool:
    """Whether a part of an instruction has to do with the same part of an earlier one only."""
    earlier, later = ([*zip((*i.reads, *i.writes), i.arrays(), strict=True)] for i in (before, after))
    for number, (tensor, a) in enumerate(earlier):
        for other, (successor, b) in enumerate(later):
            are_read = number < len(before.reads) and other < len(after.reads)
            if are_read or not np.may_share_memory(a, b):
                continue
            is_same_place = a.ctypes.data == b.ctypes.data and a.shape == b.shape and a.strides == b.strides
            if not is_same_place or (tensor.layout is None) != (successor.layout is None):
                return False
    return True


class Site:
    """Instructions of a finished plan that are done together, and the place of their calls.

    Several are those that our threads share in the same way: a thread does its part of all of them, one after another,
    and waits for the others once.
    """

    __slots__ = ("calls", "count", "instructions", "start")

    def __init__(self, instructions: Sequence[Instruction], calls: list[Call]) -> None:
        self.instructions = instructions
        self.calls = calls
        self.start = len(calls)
        made = self._made()
        self.count = len(made)
        calls.extend(made)

    @staticmethod
    def can_take(instructions: Sequence[Instruction], following: Instruction) -> bool:
        """Whether threads share the instruction that follows in the same way as these."""
        cut, last = following.cut(following.arrays()), instructions[-1]
        if cut is None or last.cut(last.arrays()) != cut:
            return False
        return all(_meet_in_parts_only(before, following) for before in instructions)

    def tensors(self) -> Iterator[Tensor]:
        """All that are read or written."""
        return (tensor for i in self.instructions for tensor in (*i.reads, *i.writes))

    def touches(self, roots: set[Tensor]) -> bool:
        return any(tensor.root in roots for tensor in self.tensors())

    def bind(self) -> None:
        """Makes the calls anew."""
        made = self._made()
        assert len(made) == self.count
        self.calls[self.start : self.start + self.count] = made

    def _made(self) -> list[Call]:
        divided = [(i, i.parts(i.arrays())) for i in self.instructions]
        if all(len(parts) > 1 for _, parts in divided):
            rounds = zip(*([i.calls(part) for part in parts] for i, parts in divided), strict=True)
            return [partial(_in_parts, [[call for made in each for call in made] for each in rounds])]
        calls = [call for i in self.instructions for call in i.calls(i.arrays())]
        return calls if len(self.instructions) == 1 else [partial(_in_turn, calls)]
