"""Compiled programs by what they were compiled from, those used last; bounded in number and in size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

#: How many programs a cache keeps.
_PROGRAMS: Final = 512
#: How much their Python source may take together, in characters. A program holds about 15 bytes for each, most of it in
#: its code objects; so that long queries, sent with their data in them, cannot fill the memory.
_CHARACTERS: Final = 4_000_000

T = TypeVar("T")


class ProgramCache(Generic[T]):
    """Keeps the programs used last."""

    def __init__(self, programs: int = _PROGRAMS, characters: int = _CHARACTERS) -> None:
        self._programs, self._characters = programs, characters
        #: key -> program and the length of its Python source
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: Hashable) -> T | None:
        """The program, which counts as used now, or None."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, program: T, size: int) -> None:
        """Keep a program of this size in place of those used longest ago; it stays itself, however long."""
        _, before = self._kept.pop(key, (None, 0))
        self._kept[key] = program, size
        self._size += size - before
        while len(self._kept) > self._programs or (self._size > self._characters and len(self._kept) > 1):
            _, (_, dropped) = self._kept.popitem(last=False)
            self._size -= dropped
