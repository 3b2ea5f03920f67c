"""The `json:` namespace of 1.0-ml: mutable arrays and ordered maps (xquery-1.0-ml.md, section 7).

A member is a Value: the empty sequence is JSON's null. Positions count from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from elementpath.datatypes import UnsignedLong

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.strings import round_half_up
from xquery_bridge.registry import Table
from xquery_bridge.runtime.json_items import JsonArray, JsonObject, MapMap
from xquery_bridge.runtime.json_xml import array_from_xml, object_from_xml
from xquery_bridge.runtime.nodes import ElementNode
from xquery_bridge.runtime.values import Value

JSON: Final = Table("http://marklogic.com/xdmp/json", "json")


@JSON.row("array() as json:array", "to-array() as json:array", effects=True)
def new_array() -> JsonArray:
    """A new empty array."""
    return JsonArray()


@JSON.row("array($array as element()) as json:array", effects=True)
def array_of_element(element: ElementNode) -> JsonArray:
    """The array that a json:array element describes."""
    return array_from_xml(element)


@JSON.row("to-array($items as item()*) as json:array", effects=True)
def to_array(items: Sequence[Any]) -> JsonArray:
    """A new array with each item as a member."""
    return JsonArray(items)


@JSON.row("to-array($items as item()*, $limit as xs:double?) as json:array", effects=True)
@JSON.row("to-array($items as item()*, $limit as xs:double?, $zero as item()?) as json:array", effects=True)
def to_array_of_length(items: Sequence[Any], limit: float | None, zero: Any = None) -> JsonArray:
    """An array cut, or padded with the third argument, to a length."""
    array = JsonArray(items)
    if limit is not None:
        array.resize(_length(limit), [] if zero is None else zero)
    return array


def _length(number: float) -> int:
    if not 0 <= number < 2**31:
        raise XQueryError("FOER0000", f"{number} is not a length of an array", marklogic_code="XDMP-ARGINDEX")
    return int(number)


@JSON.row("array-size($array as json:array?) as xs:unsignedLong?", effects=True)
def array_size(array: JsonArray | None) -> UnsignedLong | None:
    """The number of members."""
    return None if array is None else UnsignedLong(len(array))


@JSON.row("array-values($array as json:array) as item()*", effects=True)
@JSON.row("array-values($array as json:array, $flatten as xs:boolean?) as item()*", effects=True)
def array_values(array: JsonArray, flatten: bool | None = None) -> Value:
    """The members as a sequence; with `flatten` those of inner arrays in their place, at any depth."""
    return array.flattened() if flatten else array.items()


@JSON.row("array-push($array as json:array, $item as item()*) as empty-sequence()", effects=True)
def array_push(array: JsonArray, items: Sequence[Any]) -> None:
    """Add the items at the end, each as a member; the empty sequence is a null."""
    array.extend(items if len(items) else [[]])


@JSON.row("array-with($array as json:array, $item as item()*) as json:array", effects=True)
def array_with(array: JsonArray, items: Sequence[Any]) -> JsonArray:
    """Add the items at the end and return the same array."""
    array_push(array, items)
    return array


@JSON.row("array-pop($array as json:array) as item()*", effects=True)
def array_pop(array: JsonArray) -> Value:
    """Remove the last member and return it; nothing from an empty array."""
    return array.pop() if len(array) else []


@JSON.row("array-resize($array as json:array, $newSize as xs:unsignedLong) as empty-sequence()", effects=True)
@JSON.row(
    "array-resize($array as json:array, $newSize as xs:unsignedLong, $zero as item()?) as empty-sequence()",
    effects=True,
)
def array_resize(array: JsonArray, size: int, zero: Any = None) -> None:
    """Cut the array, or pad it with the third argument, to a length."""
    array.resize(_length(size), [] if zero is None else zero)


@JSON.row("subarray($array as json:array, $startingLoc as xs:double) as json:array", effects=True)
@JSON.row("subarray($array as json:array, $startingLoc as xs:double, $length as xs:double) as json:array", effects=True)
def subarray(array: JsonArray, start: float, length: float = float("inf")) -> JsonArray:
    """A new array of the members at positions p with round(start) <= p < round(start) + round(length)."""
    first = round_half_up(start)
    last = first + round_half_up(length)
    begin = max(int(first), 1) - 1
    end = len(array) if last == float("inf") else max(int(last) - 1, begin)
    return array.part(begin, end)


@JSON.row("set-item-at($array as json:array, $pos as xs:double, $value as item()*) as empty-sequence()", effects=True)
def set_item_at(array: JsonArray, position: float, value: Value) -> None:
    """Replace the member at a position. Raises XDMP-ARGINDEX outside the array."""
    at = int(position)
    if not 1 <= at <= len(array):
        raise XQueryError(
            "FOER0000",
            f"Position {at} is outside an array of {len(array)} members",
            expression="json:set-item-at",
            marklogic_code="XDMP-ARGINDEX",
        )
    array.set(at - 1, value)


@JSON.row("array-set-javascript-by-ref($array as json:array, $key as xs:boolean) as empty-sequence()", effects=True)
def array_set_javascript_by_ref(array: JsonArray, by_reference: bool) -> None:
    """Accepted; it tells MarkLogic's JavaScript engine how to take the array, and there is none here."""


@JSON.row("null() as empty-sequence()")
def null() -> None:
    """JSON's null: the empty sequence."""


@JSON.row("object() as map:map", effects=True)
def new_object() -> JsonObject:
    """A new empty object."""
    return JsonObject()


@JSON.row("object($map as element()) as map:map", effects=True)
def object_of_element(element: ElementNode) -> MapMap:
    """The object that a json:object element describes."""
    return object_from_xml(element)


@JSON.row("object-define() as json:object", effects=True)
@JSON.row("object-define($keys as xs:string*) as json:object", effects=True)
def object_define(keys: Sequence[str] = ()) -> JsonObject:
    """A new object with these keys, in this order, each with a null."""
    made = JsonObject()
    made.define(keys)
    return made
