"""Indexes: paths of a tree that are kept with it, and sequences whose items are found by the value of a key.

A tree does not change once a query sees it, so that what a path finds in it can be kept (`tree_path`), and so can an
index of that by the values of a relative path (`tree_index`): `/site/item[@id = $x]`. An `Index` of any other sequence
lives as long as the loop that the compiler made it for: a join.

`Index.matching(test, probe)` gives the items whose key compares with the probe as `test` says, in their order. Tables
and lists of numbers answer where all keys are of one kind; other mixtures are compared pair by pair, by the operator
itself.
"""

from __future__ import annotations

import operator as python
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from elementpath.datatypes import AnyURI, UntypedAtomic

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime import comparison
from xquery_bridge.runtime.axes import KEPT_LISTS, STEPS
from xquery_bridge.runtime.casts import atomic_text, untyped_double
from xquery_bridge.runtime.node_tests import NodeTest
from xquery_bridge.runtime.nodes import DocumentNode
from xquery_bridge.runtime.values import Value, as_list, atomize

#: Steps without predicates: (axis, test) each.
Path = tuple[tuple[str, NodeTest], ...]

_TEXTS: Final = frozenset((str, UntypedAtomic, AnyURI))
_NUMBERS: Final = frozenset((int, float))
_UNTYPED: Final = frozenset((UntypedAtomic,))
#: Integers up to this size are doubles, too.
_EXACT: Final = 2**53
_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "lt": python.lt,
    "le": python.le,
    "gt": python.gt,
    "ge": python.ge,
}
_SWAPPED: Final = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


@dataclass(frozen=True)
class KeyTest:
    """How keys are compared with a probe: `key operator probe`, or the other way round where it is `swapped`."""

    operator: str
    general: bool
    swapped: bool = False

    @property
    def compare(self) -> Callable[..., Value]:
        """The runtime's function of this operator."""
        found: Callable[..., Value] = getattr(comparison, f"{'general' if self.general else 'value'}_{self.operator}")
        return found

    def holds(self, key: Value, probe: Value) -> bool:
        """Whether a key matches, by the operator."""
        return (self.compare(probe, key) if self.swapped else self.compare(key, probe)) is True


class Index:
    """Items and their keys, which are Values of any number of items."""

    __slots__ = ("_atoms", "_numbers", "_places", "_table", "_texts", "items", "keys", "kinds", "single")

    def __init__(self, items: Sequence[Any], keys: list[Value]) -> None:
        self.items = items
        self.keys = keys = [atomize(key) for key in keys]
        self._places: Sequence[int] = range(len(keys))
        if list in set(map(type, keys)) or range in set(map(type, keys)):
            self._places = places = []
            atoms: list[Any] = []
            self._atoms = atoms
            for at, key in enumerate(keys):
                if type(key) is list or type(key) is range:
                    places.extend([at] * len(key))
                    atoms.extend(key)
                else:
                    places.append(at)
                    atoms.append(key)
            #: whether no item has more than one key
            self.single = len(set(places)) == len(places)
        else:
            self._atoms = keys
            self.single = True
        self.kinds = frozenset(map(type, self._atoms))
        self._texts: dict[str, list[int]] | None = None
        self._numbers: list[float] | None = None
        self._table: dict[float, list[int]] | None = None

    def matching(self, test: KeyTest, probe: Value) -> list[Any]:
        """The items whose key matches the probe, in order. Raises what comparing them raises."""
        probes = as_list(atomize(probe))
        if not probes and test.general:
            return []
        kinds = frozenset(map(type, probes))
        if test.general or (self.single and len(probes) == 1):
            if kinds <= _TEXTS and self.kinds <= _TEXTS:
                if test.operator == "eq":
                    return self._found(self._by_text(), [_text(each) for each in probes])
            elif test.operator != "ne" and self._are_numbers(kinds, probes, test.general):
                with suppress(XQueryError):  # for text that is no number the pairs decide whether it matters
                    return self._by_number(test, [_double(each) for each in probes])
        holds = test.holds
        return [item for item, key in zip(self.items, self.keys, strict=True) if holds(key, probes)]

    def _are_numbers(self, kinds: frozenset[type], probes: Sequence[Any], general: bool) -> bool:
        """Whether comparing as doubles is comparing as the operator does."""
        if self.kinds <= _NUMBERS:
            if not (kinds <= _NUMBERS or (general and kinds == _UNTYPED)):
                return False
            if int in self.kinds and any(abs(each) > _EXACT for each in self._atoms if type(each) is int):
                return False
        elif not (general and self.kinds == _UNTYPED and (kinds <= _NUMBERS or kinds == {Decimal})):
            return False
        return all(type(each) is not int or abs(each) <= _EXACT for each in probes)

    def _by_text(self) -> dict[str, list[int]]:
        table = self._texts
        if table is None:
            table = self._texts = {}
            for at, atom in zip(self._places, self._atoms, strict=True):
                _note(table, _text(atom), at)
        return table

    def _by_number(self, test: KeyTest, probes: list[float]) -> list[Any]:
        numbers = self._numbers
        if numbers is None:
            numbers = self._numbers = [_double(atom) for atom in self._atoms]
        if test.operator == "eq":
            table = self._table
            if table is None:
                table = self._table = {}
                for at, number in zip(self._places, numbers, strict=True):
                    if number == number:  # NaN equals nothing
                        _note(table, number, at)
            return self._found(table, [each for each in probes if each == each])
        probes = [each for each in probes if each == each]
        if not probes:
            return []
        name = _SWAPPED[test.operator] if test.swapped else test.operator
        bound = max(probes) if name in ("lt", "le") else min(probes)
        match name:
            case "lt":
                places = [at for at, number in zip(self._places, numbers, strict=True) if number < bound]
            case "le":
                places = [at for at, number in zip(self._places, numbers, strict=True) if number <= bound]
            case "gt":
                places = [at for at, number in zip(self._places, numbers, strict=True) if number > bound]
            case _:
                places = [at for at, number in zip(self._places, numbers, strict=True) if number >= bound]
        if not self.single:
            places = list(dict.fromkeys(places))
        items = self.items
        return [items[at] for at in places]

    def _found(self, table: dict[Any, list[int]], probes: list[Any]) -> list[Any]:
        items = self.items
        if len(probes) == 1:
            places = table.get(probes[0])
            return [] if places is None else [items[at] for at in places]
        found: set[int] = set()
        for probe in probes:
            found.update(table.get(probe, ()))
        return [items[at] for at in sorted(found)]


class Indexes:
    """The indexes of several documents, one after another."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Index]) -> None:
        self.parts = [part for part in parts if part.items]

    @property
    def items(self) -> list[Index]:
        """As true as the items of all parts."""
        return self.parts

    def matching(self, test: KeyTest, probe: Value) -> list[Any]:
        """The items whose key matches the probe, in order. Raises what comparing them raises."""
        return [found for part in self.parts for found in part.matching(test, probe)]


class Members:
    """The atomized items of a sequence, for general comparisons by `=` with one value after another."""

    __slots__ = ("atoms", "kind", "table")

    def __init__(self, value: Value) -> None:
        self.atoms = as_list(atomize(value))
        kinds = frozenset(map(type, self.atoms)) if type(self.atoms) is not range else frozenset((int,))
        #: str where all are texts, int where all are integers: then the table has them
        self.kind: type | None = str if kinds <= _TEXTS else int if kinds == {int} else None
        self.table: Any = ()
        if self.kind is str:
            self.table = frozenset(map(_text, self.atoms))
        elif self.kind is int:
            self.table = self.atoms if type(self.atoms) is range else frozenset(self.atoms)

    def have(self, probe: Value) -> bool:
        """Whether `probe = members`. Raises what the comparison raises."""
        kind = type(probe)
        if kind is self.kind:
            return probe in self.table
        if self.kind is str:
            atom = atomize(probe)
            if type(atom) is UntypedAtomic:
                return atom.value in self.table
            probe = atom
        found: bool = comparison.general_eq(probe, self.atoms)
        return found


def _note(table: dict[Any, list[int]], key: Any, at: int) -> None:
    """Put the place of an item under a key, once."""
    known = table.get(key)
    if known is None:
        table[key] = [at]
    elif known[-1] != at:
        known.append(at)


def _text(atom: Any) -> str:
    return atom if type(atom) is str else atom.value if type(atom) is UntypedAtomic else atomic_text(atom)


def _double(atom: Any) -> float:
    return untyped_double(atom) if type(atom) is UntypedAtomic else float(atom)


# ------------------------------------------------------------------------------------------------------ kept with trees


def tree_path(node: Value, path: Path) -> list[Any]:
    """What a path finds from nodes in order: a list kept with the tree for each document node, which nobody changes."""
    if type(node) is list:
        if len(node) != 1:
            if all(type(each) is DocumentNode for each in node):
                return [found for each in node for found in tree_path(each, path)]
            return _found(node, path)
        node = node[0]
    if type(node) is not DocumentNode:
        return _found(node, path)
    kept = node.tree.kept
    known: list[Any] | None = kept.get(path)
    if known is None:
        start = node if len(path) == 1 else tree_path(node, path[:-1])
        axis, test = path[-1]
        known = STEPS[axis](start, test)
        _keep(kept, path, known)
    return known


def _found(value: Any, path: Path) -> list[Any]:
    """What a path finds, step by step."""
    found: list[Any] = value
    for axis, test in path:
        found = STEPS[axis](found, test)
    return found


def tree_index(node: Value, path: Path, key: Path) -> Index | Indexes:
    """The index of what a path finds from nodes in order, by the values of a path from there."""
    if type(node) is list:
        if len(node) != 1:
            if all(type(each) is DocumentNode for each in node):
                return Indexes([_document_index(each, path, key) for each in node])
            items = _found(node, path)
            return Index(items, _keys(items, key))
        node = node[0]
    if type(node) is not DocumentNode:
        items = _found(node, path)
        return Index(items, _keys(items, key))
    return _document_index(node, path, key)


def _document_index(node: DocumentNode, path: Path, key: Path) -> Index:
    kept = node.tree.kept
    found: Index | None = kept.get((path, key))
    if found is None:
        items = tree_path(node, path)
        found = Index(items, _keys(items, key))
        _keep(kept, (path, key), found)
    return found


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    if len(kept) > KEPT_LISTS:
        kept.clear()
    kept[key] = value


def _keys(items: list[Any], key: Path) -> list[Value]:
    """The value of a relative path for each item."""
    keys: list[Value] = items
    for axis, test in key:
        step = STEPS[axis]
        keys = [step(each, test) for each in keys]
    return keys


def keep(cell: list[Any], value: Any) -> Any:
    """Put what a loop computes once into its cell."""
    cell.append(value)
    return value
