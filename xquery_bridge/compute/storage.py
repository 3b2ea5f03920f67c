"""The memory of plans: buffers that tensors use one after another, large inputs read where they are, results lent out.

What a plan computes with is bound to arrays once. Small inputs and results are copied at the border. Copying a large
one costs more than many a plan does with it, so a plan binds the few instructions that touch it anew instead: to the
array of the value that came in, or to a fresh buffer while somebody still holds the result of an earlier run.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .tensor import Array, Tensor

__all__ = ["LARGE_BYTES", "Loan", "Pool", "Storage"]

LARGE_BYTES = 128 * 1024
"""From here on a copy costs more than binding instructions anew."""


class Storage:
    """A buffer of a plan, and the tensors that live in it, one after another."""

    __slots__ = ("_views", "memory", "tenants")

    def __init__(self, size: int) -> None:
        self.memory = np.empty(size, np.uint8)
        self.tenants: list[Tensor] = []
        self._views: dict[tuple[tuple[int, ...], np.dtype[Any]], Array] = {}
        """Tensors of one shape share an array: NumPy sees at once that a call in place on one object is in order."""

    def house(self, tensor: Tensor) -> None:
        """Gives a tensor its array in this buffer."""
        tensor.pooled = self
        self.tenants.append(tensor)
        tensor.array = self._view(tensor)

    def _view(self, tensor: Tensor) -> Array:
        key = tensor.shape, tensor.dtype
        view = self._views.get(key)
        if view is None:
            flat = self.memory[: tensor.size * tensor.dtype.itemsize].view(tensor.dtype)
            view = self._views[key] = flat.reshape(tensor.shape)
        return view

    def move(self, memory: Array) -> None:
        """Takes another buffer of the same size; the calls on the old one must be bound anew."""
        self.memory = memory
        self._views.clear()
        for tensor in self.tenants:
            tensor.array = self._view(tensor)


class Pool:
    """Buffers that are free again, to be given out once more."""

    def __init__(self) -> None:
        self._free: list[Storage] = []

    def take(self, size: int) -> Storage:
        """A free buffer of about that size, or a new one."""
        best = None
        for index, storage in enumerate(self._free):
            held = storage.memory.size
            if size <= held <= 2 * size and (best is None or held < self._free[best].memory.size):
                best = index
        return Storage(size) if best is None else self._free.pop(best)

    def give_back(self, storage: Storage) -> None:
        self._free.append(storage)


class Loan:
    """A result that is given away without a copy, in buffers that are used again when nobody holds them any more."""

    __slots__ = ("_idle", "_lent", "_tensor", "storage")

    def __init__(self, tensor: Tensor, storage: Storage) -> None:
        self.storage = storage
        self._tensor = tensor
        self._lent: Array | None = None
        """Flat, on a memoryview of the buffer: views of it refer to it, as NumPy looks through arrays only."""
        self._idle: tuple[Array, Array] | None = None
        """Another buffer, and what was lent of it."""

    @staticmethod
    def fits(tensor: Tensor) -> bool:
        """Whether a tensor can be lent: a large one that has its buffer to itself."""
        root = tensor.root
        return (
            root.pooled is not None
            and root.size == tensor.size
            and root.size * root.dtype.itemsize >= LARGE_BYTES
            and tensor.bound().flags.c_contiguous
        )

    @property
    def is_held(self) -> bool:
        """Whether somebody still holds what was lent last, or a view of it."""
        return self._lent is not None and sys.getrefcount(self._lent) > 2  # the attribute and the argument

    def lend(self) -> Array:
        """The result as an array to give away."""
        if self._lent is None:
            self._lent = np.frombuffer(self.storage.memory.data, self._tensor.dtype, self._tensor.size)
        return self._lent.reshape(self._tensor.shape)

    def renew(self) -> None:
        """Moves on to a buffer that nobody holds."""
        assert self._lent is not None
        held = (self.storage.memory, self._lent)
        idle, self._idle, self._lent = self._idle, held, None
        if idle is not None and sys.getrefcount(idle[1]) == 2:  # the pair and the argument
            self._lent = idle[1]
            self.storage.move(idle[0])
        else:
            self.storage.move(np.empty_like(self.storage.memory))


def is_adoptable(array: Array, dtype: np.dtype[Any], size: int) -> bool:
    """Whether a plan can read an array where it is."""
    return array.dtype == dtype and array.size == size and array.flags.c_contiguous and array.flags.aligned
