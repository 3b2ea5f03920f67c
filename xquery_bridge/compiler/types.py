"""Static types: what the compiler knows of a value before the query runs, to pick a fast path or leave a check out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Kinds of item and what each is a kind of. "integer" is what arithmetic may treat as a Python int (xs:integer and the
#: types derived from it), "string" as a str, "double" as a float that is no xs:float, "decimal" an int or a Decimal.
PARENTS: Final[dict[str, str]] = {
    "atomic": "item",
    "numeric": "atomic",
    "integer": "decimal",
    "decimal": "numeric",
    "double": "numeric",
    "float": "numeric",
    "string": "atomic",
    "untyped": "atomic",
    "boolean": "atomic",
    "uri": "atomic",
    "qname": "atomic",
    "date": "atomic",
    "duration": "atomic",
    "node": "item",
    "element": "node",
    "attribute": "node",
    "text": "node",
    "document": "node",
    "comment": "node",
    "processing-instruction": "node",
    "namespace-node": "node",
    "json-node": "node",
    "function": "item",
    "map": "function",
    "array": "function",
    "opaque": "item",
}

_ANCESTORS: Final[dict[str, tuple[str, ...]]] = {}
for _kind in ("item", *PARENTS):
    _line = [_kind]
    while _line[-1] in PARENTS:
        _line.append(PARENTS[_line[-1]])
    _ANCESTORS[_kind] = tuple(_line)


@dataclass(frozen=True, slots=True)
class StaticType:
    """Items of a kind, at least `low` and at most `high` of them (None: any number)."""

    kind: str
    low: int = 1
    high: int | None = 1

    @property
    def single(self) -> bool:
        """Whether there is exactly one item."""
        return self.low == 1 and self.high == 1

    @property
    def optional(self) -> bool:
        """Whether there is at most one item."""
        return self.high is not None and self.high <= 1

    @property
    def empty(self) -> bool:
        return self.high == 0

    def is_a(self, kind: str) -> bool:
        """Whether every item is of that kind."""
        return kind in _ANCESTORS[self.kind]

    def may_be(self, kind: str) -> bool:
        """Whether an item could be of that kind."""
        return kind in _ANCESTORS[self.kind] or self.kind in _ANCESTORS[kind]

    def times(self, other: StaticType) -> StaticType:
        """The type of a sequence that has such items for each item of `other`."""
        high = 0 if self.high == 0 or other.high == 0 else 1 if self.high == 1 and other.high == 1 else None
        return StaticType(self.kind, self.low & other.low, high)

    def plus(self, other: StaticType) -> StaticType:
        """The type of this sequence followed by another."""
        if self.empty:
            return other
        if other.empty:
            return self
        return StaticType(common(self.kind, other.kind), self.low | other.low, None)

    def either(self, other: StaticType) -> StaticType:
        """The type of a value that is one or the other."""
        kind = other.kind if self.empty else self.kind if other.empty else common(self.kind, other.kind)
        high = None if self.high is None or other.high is None else max(self.high, other.high)
        return StaticType(kind, self.low & other.low, high)

    def one(self) -> StaticType:
        """The type of one of the items."""
        return StaticType(self.kind)

    def any_number(self) -> StaticType:
        return StaticType(self.kind, 0, None)

    def maybe(self) -> StaticType:
        """The type of such a value or none."""
        return StaticType(self.kind, 0, self.high)


def common(left: str, right: str) -> str:
    """The narrowest kind that both are kinds of."""
    if left == right:
        return left
    line = _ANCESTORS[right]
    return next(kind for kind in _ANCESTORS[left] if kind in line)


ANY: Final = StaticType("item", 0, None)
ITEM: Final = StaticType("item")
NOTHING: Final = StaticType("item", 0, 0)
INTEGER: Final = StaticType("integer")
INTEGERS: Final = StaticType("integer", 0, None)
DECIMAL: Final = StaticType("decimal")
DOUBLE: Final = StaticType("double")
STRING: Final = StaticType("string")
BOOLEAN: Final = StaticType("boolean")
ATOMICS: Final = StaticType("atomic", 0, None)
NODES: Final = StaticType("node", 0, None)
FUNCTION: Final = StaticType("function")


def atomized(type: StaticType) -> StaticType:
    """The type of the atomized value: a node gives one value, an array any number."""
    if type.is_a("atomic"):
        return type
    if type.is_a("node"):
        kind = "atomic" if type.may_be("json-node") else "untyped" if type.kind in ("text", "document") else "atomic"
        return StaticType(kind, type.low if type.kind in ("attribute", "text", "element") else 0, type.high)
    return StaticType("atomic", 0, None)
