"""The `array:` namespace of the W3C (F&O 3.1, section 17.3). Positions count from 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.higher_order import sorted_by
from xquery_bridge.library.fn.strings import in_static
from xquery_bridge.registry import Table
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.context import StaticContext
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.values import Value, as_list, atomize, from_items

ARRAY: Final = Table("http://www.w3.org/2005/xpath-functions/array", "array")


def _position(array: XdmArray, position: int, last: int) -> int:
    """A position as an index from 0. Raises FOAY0001 outside 1 … last."""
    if not 1 <= position <= last:
        raise XQueryError("FOAY0001", f"Array position {position} is out of bounds (1 to {last})")
    return position - 1


@ARRAY.row("size($array as array(*)) as xs:integer")
def size(array: XdmArray) -> int:
    """The number of members."""
    return len(array)


@ARRAY.row("get($array as array(*), $position as xs:integer) as item()*")
def get(array: XdmArray, position: int) -> Value:
    """The member at a position."""
    return array.member(_position(array, position, len(array)))


@ARRAY.row("put($array as array(*), $position as xs:integer, $member as item()*) as array(*)")
def put(array: XdmArray, position: int, member: Value) -> XdmArray:
    """The array with one member replaced."""
    return array.put(_position(array, position, len(array)), from_items(member))


@ARRAY.row("append($array as array(*), $appendage as item()*) as array(*)")
def append(array: XdmArray, member: Value) -> XdmArray:
    """The array with one more member at its end."""
    return array.append(from_items(member))


@ARRAY.row("subarray($array as array(*), $start as xs:integer) as array(*)")
def subarray_from(array: XdmArray, start: int) -> XdmArray:
    """The members from a position to the end."""
    return array.part(_position(array, start, len(array) + 1), len(array))


@ARRAY.row("subarray($array as array(*), $start as xs:integer, $length as xs:integer) as array(*)")
def subarray(array: XdmArray, start: int, length: int) -> XdmArray:
    """As many members from a position on; FOAY0002 for a negative length."""
    if length < 0:
        raise XQueryError("FOAY0002", f"The length of a subarray is {length}, it must not be negative")
    begin = _position(array, start, len(array) + 1)
    if begin + length > len(array):
        raise XQueryError("FOAY0001", f"Array position {begin + length} is out of bounds (1 to {len(array)})")
    return array.part(begin, begin + length)


@ARRAY.row("remove($array as array(*), $positions as xs:integer*) as array(*)")
def remove(array: XdmArray, positions: Sequence[int]) -> XdmArray:
    """The members that are not at these positions."""
    gone = {_position(array, position, len(array)) for position in positions}
    return array.without(gone)


@ARRAY.row("insert-before($array as array(*), $position as xs:integer, $member as item()*) as array(*)")
def insert_before(array: XdmArray, position: int, member: Value) -> XdmArray:
    """The array with a member inserted at a position."""
    return array.insert(_position(array, position, len(array) + 1), from_items(member))


@ARRAY.row("head($array as array(*)) as item()*")
def head(array: XdmArray) -> Value:
    """The first member."""
    return array.member(_position(array, 1, len(array)))


@ARRAY.row("tail($array as array(*)) as array(*)")
def tail(array: XdmArray) -> XdmArray:
    """The array without its first member."""
    _position(array, 1, len(array))
    return array.part(1, len(array))


@ARRAY.row("reverse($array as array(*)) as array(*)")
def reverse(array: XdmArray) -> XdmArray:
    """The members in reverse order."""
    return XdmArray(array.members()[::-1])


@ARRAY.row("join($arrays as array(*)*) as array(*)")
def join(arrays: Sequence[XdmArray]) -> XdmArray:
    """One array with the members of all."""
    return XdmArray([member for array in arrays for member in array.members()])


@ARRAY.row("for-each($array as array(*), $action as function(item()*) as item()*) as array(*)", effects=True)
def for_each(array: XdmArray, action: FunctionItem) -> XdmArray:
    """The array of the results of calling a function with each member."""
    return XdmArray([action.call(member) for member in array.members()])


@ARRAY.row("filter($array as array(*), $function as function(item()*) as xs:boolean) as array(*)", effects=True)
def filter_(array: XdmArray, keep: FunctionItem) -> XdmArray:
    """The members for which a function returns true."""
    return XdmArray([member for member in array.members() if keep.call(member)])


@ARRAY.row(
    "fold-left($array as array(*), $zero as item()*, $function as function(item()*, item()*) as item()*) as item()*",
    effects=True,
)
def fold_left(array: XdmArray, zero: Value, step: FunctionItem) -> Value:
    """f(… f(f(zero, first), second) …)."""
    for member in array.members():
        zero = step.call(zero, member)
    return zero


@ARRAY.row(
    "fold-right($array as array(*), $zero as item()*, $function as function(item()*, item()*) as item()*) as item()*",
    effects=True,
)
def fold_right(array: XdmArray, zero: Value, step: FunctionItem) -> Value:
    """f(first, f(second, … f(last, zero) …))."""
    for member in reversed(array.members()):
        zero = step.call(member, zero)
    return zero


@ARRAY.row(
    "for-each-pair($array1 as array(*), $array2 as array(*), $function as function(item()*, item()*) as item()*)"
    " as array(*)",
    effects=True,
)
def for_each_pair(left: XdmArray, right: XdmArray, action: FunctionItem) -> XdmArray:
    """The results of calling a function with the members at equal positions, as far as both arrays go."""
    pairs = zip(left.members(), right.members(), strict=False)
    return XdmArray([action.call(one, other) for one, other in pairs])


@ARRAY.row("sort($array as array(*)) as array(*)", needs="static")
@ARRAY.row("sort($array as array(*), $collation as xs:string?) as array(*)", needs="static")
@ARRAY.row(
    "sort($array as array(*), $collation as xs:string?, $key as function(item()*) as xs:anyAtomicType*) as array(*)",
    needs="static",
    effects=True,
)
def sort(static: StaticContext, array: XdmArray, uri: str | None = None, key: FunctionItem | None = None) -> XdmArray:
    """The members in the order of their keys, equal ones as they stand."""
    ordered = sorted_by(array.members(), key.call if key is not None else atomize, in_static(static, uri))
    return XdmArray(as_list(ordered))


@ARRAY.row("flatten($input as item()*) as item()*")
def flatten(items: Sequence[Any]) -> Value:
    """The items with each array replaced by its members, at any depth."""
    flat: list[Any] = []
    stack = list(reversed(items))
    while stack:
        item = stack.pop()
        if isinstance(item, XdmArray):
            stack += reversed([inner for member in item.members() for inner in as_list(member)])
        else:
            flat.append(item)
    return flat
