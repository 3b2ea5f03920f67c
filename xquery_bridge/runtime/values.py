"""Values and items: iterating, atomizing, effective boolean values, strings (docs/architecture.md, Values).

A Value is a bare item, or a sequence: a list of items or a range of integers. Dispatch is by exact class, in
dictionaries: these functions run for every item of a query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from elementpath.datatypes import AnyURI, Float, UntypedAtomic
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.atomic import ATOMIC_CLASSES, INTEGER_CLASSES, STRING_CLASSES, Float32, type_name
from xquery_bridge.runtime.casts import TEXT
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import JsonArray, MapMap
from xquery_bridge.runtime.nodes import AttributeNode, ElementNode, TextNode
from xquery_bridge.runtime.opaque import OpaqueItem, no_typed_value

Value: TypeAlias = Any

EMPTY: Final[list[Any]] = []

#: Nodes with one typed value each.
_UNTYPED_NODES: Final[frozenset[type]] = frozenset((ElementNode, AttributeNode, TextNode))


def iterate(value: Value) -> Iterable[Any]:
    """The items of a Value, for a loop."""
    return value if type(value) is list or type(value) is range else (value,)


def count(value: Value) -> int:
    """The number of items."""
    return len(value) if type(value) is list or type(value) is range else 1


def as_list(value: Value) -> Any:
    """The items as a list or range, whatever the Value's form."""
    return value if type(value) is list or type(value) is range else [value]


def from_items(items: list[Any]) -> Value:
    """A Value of these items: a single one bare."""
    return items[0] if len(items) == 1 else items


def optional(value: Value) -> Any:
    """The item of a Value of at most one, None for none, as library functions take it. Raises XPTY0004 for more."""
    if type(value) is not list and type(value) is not range:
        return value
    if len(value) > 1:
        raise XQueryError("XPTY0004", f"Invalid coercion: {describe(value)} as item()?")
    return value[0] if value else None


def the_item(value: Value) -> Any:
    """The item of a Value of just one. Raises XPTY0004 for none or more."""
    if type(value) is not list and type(value) is not range:
        return value
    if len(value) != 1:
        raise XQueryError("XPTY0004", f"Invalid coercion: {describe(value)} as item()")
    return value[0]


def describe(value: Value, limit: int = 3) -> str:
    """A Value in a message: `()`, `"a"`, `(1, 2, 3, ...)`."""
    items = as_list(value)
    shown = [describe_item(item) for item in items[:limit]]
    if len(items) == 1:
        return shown[0]
    return f"({', '.join(shown)}{', ...' if len(items) > limit else ''})"


def describe_item(item: Any) -> str:
    """An item in a message: a literal or a constructor call where there is one, else its type."""
    kind = type(item)
    if kind is bool:
        return "fn:true()" if item else "fn:false()"
    if kind in ATOMIC_CLASSES:
        text = string_of(item)
        if kind in (int, Decimal, float):
            return text
        text = text if len(text) <= 64 else f"{text[:61]}..."
        quoted = '"' + text.replace('"', '""') + '"'
        return quoted if kind is str else f"{type_name(item)}({quoted})"
    return type_name(item)


# ------------------------------------------------------------------------------------------------------------ atomizing


def atomize(value: Value) -> Value:
    """The typed values of all items (XQuery 3.1, 2.4.2). Raises FOTY0013 for functions, maps and opaque items.

    Arrays, and 1.0-ml's json:array, give the typed values of their members.
    """
    kind = type(value)
    if kind in ATOMIC_CLASSES or kind is range:
        return value
    if kind is list:
        if len(value) == 1:
            only = value[0]
            return only.atomized() if type(only) in _UNTYPED_NODES else atomize_item(only)
        if not value:
            return value
        kinds = set(map(type, value))
        if kinds <= ATOMIC_CLASSES:
            return value
        if kinds <= _UNTYPED_NODES:
            return [item.atomized() for item in value]
        result: list[Any] = []
        for item in value:
            if type(item) in ATOMIC_CLASSES:
                result.append(item)
            else:
                atoms = atomize_item(item)
                if type(atoms) is list or type(atoms) is range:
                    result.extend(atoms)
                else:
                    result.append(atoms)
        return result
    return atomize_item(value)


data = atomize


def atomize_item(item: Any) -> Value:
    """The typed value of one item."""
    if type(item) in ATOMIC_CLASSES:
        return item
    if isinstance(item, XPathNode):
        return item.atomized()  # type: ignore[attr-defined]
    if isinstance(item, XdmArray):
        return _atomized_members(item)
    if isinstance(item, JsonArray):
        return atomize(item.flattened())
    raise no_typed_value(item)


def _atomized_members(array: XdmArray) -> list[Any]:
    result: list[Any] = []
    stack: list[Any] = [iter(array.members())]
    while stack:
        for member in stack[-1]:
            if isinstance(member, XdmArray):
                stack.append(iter(member.members()))
                break
            if type(member) is list:
                stack.append(iter(member))
                break
            atoms = atomize(member)
            result.extend(atoms) if type(atoms) in (list, range) else result.append(atoms)
        else:
            stack.pop()
    return result


def atomize_one(item: Any) -> Any:
    """The atomized value of a bare item that must have just one. Raises XPTY0004."""
    if type(item) in ATOMIC_CLASSES:
        return item
    value = atomize(item)
    if type(value) in ATOMIC_CLASSES:
        return value
    if len(value) != 1:
        raise XQueryError("XPTY0004", f"Invalid coercion: {describe(value)} as xs:anyAtomicType")
    return value[0]


def optional_atom(value: Value) -> Any:
    """The atomized value of an operand of at most one item, None for none. Raises XPTY0004 for more."""
    if type(value) in ATOMIC_CLASSES:
        return value
    atoms = atomize(value)
    if type(atoms) in ATOMIC_CLASSES:
        return atoms
    if type(atoms) is list or type(atoms) is range:
        if len(atoms) > 1:
            raise XQueryError("XPTY0004", f"Invalid coercion: {describe(atoms)} as xs:anyAtomicType?")
        return atoms[0] if atoms else None
    return atoms


# ---------------------------------------------------------------------------------------------- effective boolean value


def _ebv_text(item: Any) -> bool:
    return item.value != ""  # type: ignore[no-any-return]


def _ebv_float(item: float) -> bool:
    return item == item and item != 0


_EBV: Final[dict[type, Callable[[Any], bool]]] = {
    **dict.fromkeys(STRING_CLASSES, bool),
    **dict.fromkeys(INTEGER_CLASSES, bool),
    Decimal: bool,
    float: _ebv_float,
    Float32: _ebv_float,
    Float: _ebv_float,
    UntypedAtomic: _ebv_text,
    AnyURI: _ebv_text,
}


def ebv(value: Value) -> bool:
    """The effective boolean value (XQuery 3.1, 2.4.3). Raises FORG0006 where there is none.

    1.0-ml's maps and arrays are true, as any object is there (ours).
    """
    kind = type(value)
    if kind is bool:
        return value  # type: ignore[no-any-return]
    if kind is list or kind is range:
        if not value:
            return False
        first = value[0]
        if isinstance(first, XPathNode):
            return True
        if len(value) > 1:
            raise XQueryError("FORG0006", f"Invalid argument type: {describe(value)} has no effective boolean value")
        return ebv(first)
    test = _EBV.get(kind)
    if test is not None:
        return test(value)
    if isinstance(value, XPathNode | MapMap | JsonArray):
        return True
    raise XQueryError("FORG0006", f"Invalid argument type: {describe(value)} has no effective boolean value")


# -------------------------------------------------------------------------------------------------------------- strings


def string_of(item: Any) -> str:
    """fn:string of one item (F&O 3.1, 2.3): canonical form, string value of a node, JSON text of 1.0-ml's array or map.

    Raises FOTY0014 for functions, FOTY0013 for opaque items.
    """
    writer = TEXT.get(type(item))
    if writer is not None:
        return writer(item)
    if isinstance(item, XPathNode):
        return item.string_value
    if isinstance(item, JsonArray | MapMap):
        return item.json_text()
    if isinstance(item, FunctionItem):
        raise XQueryError("FOTY0014", f"Invalid coercion: {type_name(item)} as xs:string", marklogic_code="XDMP-AS")
    raise no_typed_value(item)


def text_of(value: Value) -> str:
    """The operand of `||` or fn:concat as a string: of at most one atomized item; () is "".

    A json:array or a map of 1.0-ml gives its JSON text (xquery-1.0-ml.md, section 7). Raises XPTY0004 for more items.
    """
    writer = TEXT.get(type(value))
    if writer is not None:
        return writer(value)
    if isinstance(value, JsonArray | MapMap):
        return value.json_text()
    item = optional_atom(value)
    return "" if item is None else string_of(item)


def joined_text(value: Value) -> str:
    """The atomized items as strings, blanks between: attribute values, string constructors (XQuery 3.1, 3.9.1.1)."""
    writer = TEXT.get(type(value))
    if writer is not None:
        return writer(value)
    if type(value) is list:
        if not value:
            return ""
        if len(value) == 1 and type(value[0]) in _UNTYPED_NODES:
            text: str = value[0].string_value
            return text
    return " ".join([string_of(item) for item in iterate(atomize(value))])


# ---------------------------------------------------------------------------------------------------------- other rooms


def content_members(item: Any) -> list[Any] | None:
    """The members of an array in element content, one list; None for an item that is no function.

    Raises XQTY0105 for maps and other functions, FOTY0013 for opaque items (XQuery 3.1, 3.9.1.3).
    """
    if isinstance(item, XdmArray):
        return [inner for member in item.members() for inner in iterate(member)]
    if isinstance(item, FunctionItem):
        raise XQueryError("XQTY0105", f"{type_name(item)} cannot stand in the content of an element")
    if isinstance(item, OpaqueItem):
        raise no_typed_value(item)
    return None


def from_library(value: Any) -> Value:
    """A result of elementpath as a Value: None is the empty sequence, its floats become ours."""
    if value is None:
        return []
    if isinstance(value, Float) and type(value) is not Float32:
        return Float32(float(value))
    if isinstance(value, list | tuple):
        return from_items([from_library(item) for item in value])
    return value
