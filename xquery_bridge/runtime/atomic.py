"""The atomic types by name: how they derive from each other, the classes that hold them, and xs:float in 32 bits."""

from __future__ import annotations

from ctypes import c_float
from decimal import Decimal
from typing import Any, Final, NamedTuple

from elementpath import datatypes as ep
from elementpath.datatypes import Float
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError


class Float32(Float):
    """An xs:float: a Python float whose value is a 32-bit number, printed in the shortest form that reads back to it.

    elementpath's class keeps 64 bits, flushes small numbers and compares with a tolerance; this one does none of that.
    """

    name = "float"

    def __new__(cls, value: Any, xsd_version: str | None = None) -> Float32:
        if isinstance(value, str):
            from xquery_bridge.runtime.casts import parse_double

            value = parse_double(value, "float")
        try:
            number = float(value)
        except OverflowError:
            number = float("inf") if value > 0 else float("-inf")
        return float.__new__(cls, c_float(number).value)

    __hash__ = float.__hash__
    __eq__ = float.__eq__
    __ne__ = float.__ne__
    __lt__ = float.__lt__
    __le__ = float.__le__
    __gt__ = float.__gt__
    __ge__ = float.__ge__
    __add__ = float.__add__  # type: ignore[assignment]
    __radd__ = float.__radd__  # type: ignore[assignment]
    __sub__ = float.__sub__  # type: ignore[assignment]
    __rsub__ = float.__rsub__  # type: ignore[assignment]
    __mul__ = float.__mul__  # type: ignore[assignment]
    __rmul__ = float.__rmul__  # type: ignore[assignment]
    __truediv__ = float.__truediv__  # type: ignore[assignment]
    __rtruediv__ = float.__rtruediv__  # type: ignore[assignment]
    __mod__ = float.__mod__  # type: ignore[assignment]
    __rmod__ = float.__rmod__  # type: ignore[assignment]
    __abs__ = float.__abs__  # type: ignore[assignment]

    def __str__(self) -> str:
        from xquery_bridge.runtime.casts import float_text

        return float_text(self)

    def __repr__(self) -> str:
        return f"Float32({float.__repr__(self)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Float32, (float(self),))


_new_float: Final[Any] = float.__new__


def float32(value: float) -> Float32:
    """The xs:float nearest to a Python float, made faster than by the class."""
    made: Float32 = _new_float(Float32, c_float(value).value)
    return made


class Notation(ep.AbstractQName):
    """An xs:NOTATION value; elementpath's class cannot be instantiated, and casts make none without a schema."""


class AtomicType(NamedTuple):
    """A row of the type hierarchy (F&O 3.1, section 1.6)."""

    name: str
    base: str
    classes: tuple[type, ...]


#: name, base, the classes whose instances have just this type; the first one is what casts make.
ATOMIC_TYPES: Final = (
    AtomicType("anyAtomicType", "", ()),
    AtomicType("untypedAtomic", "anyAtomicType", (ep.UntypedAtomic,)),
    AtomicType("string", "anyAtomicType", (str,)),
    AtomicType("normalizedString", "string", (ep.NormalizedString,)),
    AtomicType("token", "normalizedString", (ep.XsdToken,)),
    AtomicType("language", "token", (ep.Language,)),
    AtomicType("NMTOKEN", "token", (ep.NMToken,)),
    AtomicType("Name", "token", (ep.Name,)),
    AtomicType("NCName", "Name", (ep.NCName,)),
    AtomicType("ID", "NCName", (ep.Id,)),
    AtomicType("IDREF", "NCName", (ep.Idref,)),
    AtomicType("ENTITY", "NCName", (ep.Entity,)),
    AtomicType("anyURI", "anyAtomicType", (ep.AnyURI,)),
    AtomicType("boolean", "anyAtomicType", (bool,)),
    AtomicType("decimal", "anyAtomicType", (Decimal,)),
    AtomicType("integer", "decimal", (int, ep.Integer)),
    AtomicType("nonPositiveInteger", "integer", (ep.NonPositiveInteger,)),
    AtomicType("negativeInteger", "nonPositiveInteger", (ep.NegativeInteger,)),
    AtomicType("long", "integer", (ep.Long,)),
    AtomicType("int", "long", (ep.Int,)),
    AtomicType("short", "int", (ep.Short,)),
    AtomicType("byte", "short", (ep.Byte,)),
    AtomicType("nonNegativeInteger", "integer", (ep.NonNegativeInteger,)),
    AtomicType("unsignedLong", "nonNegativeInteger", (ep.UnsignedLong,)),
    AtomicType("unsignedInt", "unsignedLong", (ep.UnsignedInt,)),
    AtomicType("unsignedShort", "unsignedInt", (ep.UnsignedShort,)),
    AtomicType("unsignedByte", "unsignedShort", (ep.UnsignedByte,)),
    AtomicType("positiveInteger", "nonNegativeInteger", (ep.PositiveInteger,)),
    AtomicType("double", "anyAtomicType", (float,)),
    AtomicType("float", "anyAtomicType", (Float32, Float)),
    AtomicType("duration", "anyAtomicType", (ep.Duration,)),
    AtomicType("yearMonthDuration", "duration", (ep.YearMonthDuration,)),
    AtomicType("dayTimeDuration", "duration", (ep.DayTimeDuration,)),
    AtomicType("dateTime", "anyAtomicType", (ep.DateTime, ep.DateTime10)),
    AtomicType("dateTimeStamp", "dateTime", (ep.DateTimeStamp,)),
    AtomicType("date", "anyAtomicType", (ep.Date, ep.Date10)),
    AtomicType("time", "anyAtomicType", (ep.Time,)),
    AtomicType("gYear", "anyAtomicType", (ep.GregorianYear, ep.GregorianYear10)),
    AtomicType("gYearMonth", "anyAtomicType", (ep.GregorianYearMonth, ep.GregorianYearMonth10)),
    AtomicType("gMonth", "anyAtomicType", (ep.GregorianMonth,)),
    AtomicType("gMonthDay", "anyAtomicType", (ep.GregorianMonthDay,)),
    AtomicType("gDay", "anyAtomicType", (ep.GregorianDay,)),
    AtomicType("QName", "anyAtomicType", (ep.QName,)),
    AtomicType("NOTATION", "anyAtomicType", (Notation,)),
    AtomicType("hexBinary", "anyAtomicType", (ep.HexBinary,)),
    AtomicType("base64Binary", "anyAtomicType", (ep.Base64Binary,)),
)

TYPES: Final[dict[str, AtomicType]] = {row.name: row for row in ATOMIC_TYPES}

#: exact class -> local name of its type
TYPE_OF_CLASS: Final[dict[type, str]] = {kind: row.name for row in ATOMIC_TYPES for kind in row.classes}


def ancestors(name: str) -> tuple[str, ...]:
    """A type and all it derives from, itself first, xs:anyAtomicType last."""
    line = [name]
    while base := TYPES[line[-1]].base:
        line.append(base)
    return tuple(line)


#: local name -> itself and every type it derives from
ANCESTORS: Final[dict[str, frozenset[str]]] = {row.name: frozenset(ancestors(row.name)) for row in ATOMIC_TYPES}

#: local name -> the primitive type it derives from (F&O 3.1, 1.6); xs:integer and below count as decimal
PRIMITIVE: Final[dict[str, str]] = {
    row.name: (ancestors(row.name)[-2] if row.base else row.name) for row in ATOMIC_TYPES
}

#: the members of the union xs:numeric
NUMERIC: Final = ("decimal", "double", "float")

#: local name -> the exact classes of its instances, those of derived types included
CLASSES_OF: Final[dict[str, frozenset[type]]] = {
    row.name: frozenset(kind for kind, name in TYPE_OF_CLASS.items() if row.name in ANCESTORS[name])
    for row in ATOMIC_TYPES
}
NUMERIC_CLASSES: Final[frozenset[type]] = frozenset().union(*(CLASSES_OF[name] for name in NUMERIC))
INTEGER_CLASSES: Final = CLASSES_OF["integer"]
STRING_CLASSES: Final = CLASSES_OF["string"]

#: every class whose instances are atomic values
ATOMIC_CLASSES: Final = CLASSES_OF["anyAtomicType"]


def derives_from(name: str, other: str) -> bool:
    """Whether a type is another one or derives from it by restriction."""
    return other in ANCESTORS[name]


def atomic_type(item: Any) -> str:
    """The local name of an atomic item's type. Raises XPTY0004 for anything else."""
    found = TYPE_OF_CLASS.get(type(item))
    if found is None:
        raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(item)} as xs:anyAtomicType")
    return found


def primitive_type(item: Any) -> str:
    """X-Primitive of an atomic item (rest-eval.md, section 5): the primitive type, xs:integer and durations kept."""
    name = atomic_type(item)
    line = ANCESTORS[name]
    for kept in ("integer", "yearMonthDuration", "dayTimeDuration"):
        if kept in line:
            return kept
    return PRIMITIVE[name]


def type_name(item: Any) -> str:
    """The type of any item as messages show it: `xs:integer`, `element()`, `map(*)`, `cntk:shape`."""
    found = TYPE_OF_CLASS.get(type(item))
    if found is not None:
        return f"xs:{found}"
    if isinstance(item, XPathNode):
        return f"{node_type(item)}"
    return str(getattr(item, "type_name", None) or "function(*)")


_NODE_TYPES: Final = {
    "document": "document-node()",
    "namespace": "namespace-node()",
    "object": "object-node()",
    "array": "array-node()",
    "number": "number-node()",
    "boolean": "boolean-node()",
    "null": "null-node()",
}


def node_type(node: Any) -> str:
    """The kind test that a node answers to: `element()`, `object-node()`."""
    kind: str = node.kind
    return _NODE_TYPES.get(kind) or f"{kind}()"
