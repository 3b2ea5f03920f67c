"""Maps of XQuery 3.1: immutable, and cheap to extend.

The newest of the maps that `put` and `remove` make from one another holds a dict for all of them. An older one knows
the next newer and what to undo in its dict; when it is read, it takes the dict over, or a copy of it if many steps lie
between. A removed key keeps its place in the dict, with None for its entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeAlias

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.values import as_list, optional_atom

if TYPE_CHECKING:
    from elementpath.datatypes import QName

    from xquery_bridge.runtime.sequence_types import SequenceType

_Entry: TypeAlias = tuple[Any, Any] | None
#: What op:same-key compares -> (the key, its Value), in the order the keys were put; None for a removed key.
_Entries: TypeAlias = dict[Any, _Entry]

#: What is undone by deleting the key: it was not in the dict.
_ABSENT: Final[Any] = object()

#: Below this many entries a copy costs less than sharing.
_SMALL: Final = 8
#: As many steps away, a version takes the shared dict back; from farther it takes a copy.
_NEAR: Final = 16


def _hashed(key: Any) -> Any:
    """The hashable form of a key, equal for the keys that op:same-key takes for the same (F&O 3.1, 17.1.1)."""
    if type(key) is str or type(key) is int:
        return key
    from xquery_bridge.runtime.comparison import same_key

    return same_key(key)


class XdmMap(FunctionItem):
    """A map: atomic keys to Values, and a function from keys to Values. Entries keep the order in which they came."""

    __slots__ = ("_entries", "_newer", "_size", "_undo")
    type_name: ClassVar[str] = "map(*)"

    name: QName | None = None
    arity: int = 1
    annotations: Sequence[Any] = ()

    _entries: _Entries | None
    _newer: XdmMap | None
    _undo: tuple[Any, _Entry] | None

    def __init__(self, entries: _Entries | None = None) -> None:
        """A map that owns a dict in the inner form, no key removed; `of` makes one from keys and values."""
        self._entries = {} if entries is None else entries
        self._size = len(self._entries)
        self._newer = None
        self._undo = None

    @classmethod
    def of(cls, pairs: Iterable[tuple[Any, Any]]) -> XdmMap:
        """The map with these keys and Values; of two same keys the last one counts."""
        return cls({_hashed(pair[0]): (pair[0], pair[1]) for pair in pairs})

    @classmethod
    def merged(cls, maps: Sequence[XdmMap], policy: str = "use-first") -> XdmMap:
        """map:merge (F&O 3.1, 17.1.3). Raises FOJS0003 for two same keys when the policy is `reject`."""
        if not maps:
            return cls()
        first, others = maps[0], maps[1:]
        if 4 * sum(map(len, others)) < len(first):
            return first._extended(others, policy)
        entries = first._copied()
        for other in others:
            for hashed, pair in other._own().items():
                if pair is not None:
                    known = entries.get(hashed)
                    entries[hashed] = pair if known is None else _chosen(known, pair, policy)
        return cls(entries)

    def _extended(self, others: Sequence[XdmMap], policy: str) -> XdmMap:
        """A large map merged with few entries, without a copy of it."""
        made = self
        for other in others:
            for hashed, pair in other._copied().items():
                known = made._own().get(hashed)
                chosen = pair if known is None or pair is None else _chosen(known, pair, policy)
                if chosen is not known:
                    made = made._with(hashed, chosen)
        return made

    # ------------------------------------------------------------------------------------------------------- versions

    def _own(self) -> _Entries:
        """The dict with just this map's entries; to be read before anything else happens."""
        entries = self._entries
        return self._recovered() if entries is None else entries

    def _copied(self) -> _Entries:
        """A new dict of this map's entries without the removed keys."""
        entries = self._own()
        if len(entries) == self._size:
            return dict(entries)
        return {hashed: pair for hashed, pair in entries.items() if pair is not None}

    def _recovered(self) -> _Entries:
        line: list[XdmMap] = []
        owner = self
        while owner._entries is None:
            line.append(owner)
            assert owner._newer is not None
            owner = owner._newer
        entries = owner._entries
        copied = len(line) > _NEAR
        if copied:
            entries = dict(entries)
        for version in reversed(line):
            assert version._undo is not None
            hashed, before = version._undo
            after = entries.get(hashed, _ABSENT)
            if before is _ABSENT:
                del entries[hashed]
            else:
                entries[hashed] = before
            if not copied:
                owner._entries, owner._newer, owner._undo = None, version, (hashed, after)
                owner = version
                version._newer = version._undo = None
        self._entries = entries
        self._newer = self._undo = None
        return entries

    def _with(self, hashed: Any, pair: _Entry) -> XdmMap:
        """The map with one entry set, or removed for None."""
        entries = self._own()
        before = entries.get(hashed, _ABSENT)
        size = self._size + (pair is not None) - (before is not _ABSENT and before is not None)
        if len(entries) < _SMALL or len(entries) > 2 * self._size:
            entries = self._copied()
            if pair is None:
                entries.pop(hashed, None)
            else:
                entries[hashed] = pair
            return XdmMap(entries)
        entries[hashed] = pair
        made = XdmMap(entries)
        made._size = size
        self._entries, self._newer, self._undo = None, made, (hashed, before)
        return made

    # -------------------------------------------------------------------------------------------------------- reading

    @property
    def params(self) -> Sequence[SequenceType | None]:  # type: ignore[override]
        from xquery_bridge.runtime.sequence_types import parse_sequence_type

        return (parse_sequence_type("xs:anyAtomicType"),)

    @property
    def result(self) -> SequenceType | None:  # type: ignore[override]
        return None

    def call(self, key: Any) -> Any:
        """The Value of a key, which is atomized first. Raises XPTY0004 unless it is one atomic value."""
        if type(key) is not str and type(key) is not int:
            key = optional_atom(key)
            if key is None:
                raise XQueryError("XPTY0004", "Invalid coercion: () as xs:anyAtomicType")
        return self.get(key)

    def get(self, key: Any) -> Any:
        """The Value of an atomic key, [] when there is none."""
        entries = self._entries
        if entries is None:
            entries = self._recovered()
        found = entries.get(key if type(key) is str or type(key) is int else _hashed(key))
        return [] if found is None else found[1]

    def __contains__(self, key: Any) -> bool:
        return self._own().get(_hashed(key)) is not None

    def __len__(self) -> int:
        return self._size

    def __bool__(self) -> bool:
        return True

    def items(self) -> list[tuple[Any, Any]]:
        """(key, Value) of all entries."""
        return [pair for pair in self._own().values() if pair is not None]

    def keys(self) -> list[Any]:
        """All keys."""
        return [pair[0] for pair in self._own().values() if pair is not None]

    def values(self) -> list[Any]:
        """The Values of all keys."""
        return [pair[1] for pair in self._own().values() if pair is not None]

    # ------------------------------------------------------------------------------------------------------- changing

    def put(self, key: Any, value: Any) -> XdmMap:
        """The map with an entry added, or one with the same key replaced."""
        return self._with(_hashed(key), (key, value))

    def remove(self, keys: Iterable[Any]) -> XdmMap:
        """The map without the entries of these keys."""
        gone = [hashed for hashed in dict.fromkeys(map(_hashed, keys)) if self._own().get(hashed) is not None]
        if 4 * len(gone) > self._size:
            entries = self._copied()
            for hashed in gone:
                del entries[hashed]
            return XdmMap(entries)
        made = self
        for hashed in gone:
            made = made._with(hashed, None)
        return made

    def __repr__(self) -> str:
        return f"<map of {len(self)}>"


def _chosen(known: tuple[Any, Any], pair: tuple[Any, Any], policy: str) -> tuple[Any, Any]:
    """The entry for two with the same key."""
    if policy == "use-last":
        return pair
    if policy == "combine":
        return known[0], [*as_list(known[1]), *as_list(pair[1])]
    if policy == "reject":
        raise XQueryError("FOJS0003", "Two of the maps to merge have an entry with the same key", detail=str(pair[0]))
    return known
