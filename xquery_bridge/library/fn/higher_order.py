"""Functions that take functions (F&O 3.1, chapter 16)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from elementpath.datatypes import QName

from xquery_bridge.errors import XQueryError
from xquery_bridge.library.fn.namespace import FN
from xquery_bridge.library.fn.strings import in_static
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.comparison import sort_key
from xquery_bridge.runtime.context import DynamicContext, StaticContext
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.values import Value, as_list, atomize

# The functions called here may do anything, so each call of these is taken to have effects: the compiler knows better
# where it sees the function.


@FN.row("function-name($func as function(*)) as xs:QName?")
def function_name(function: FunctionItem) -> QName | None:
    """The name of a named function."""
    return function.name


@FN.row("function-arity($func as function(*)) as xs:integer")
def function_arity(function: FunctionItem) -> int:
    """The number of parameters."""
    return function.arity


@FN.row("function-lookup($name as xs:QName, $arity as xs:integer) as function(*)?", needs="dynamic static focus")
def function_lookup(
    dynamic: DynamicContext, static: StaticContext, focus: tuple[Any, ...] | None, name: QName, arity: int
) -> FunctionItem | None:
    """The function of that name and arity, one that the query declares or a built-in one with the focus of the call."""
    return dynamic.function_item(static, name.uri or "", name.local_name, arity, focus)


def _items(value: Value) -> list[Any]:
    return value if type(value) is list else as_list(value)


@FN.row("for-each($seq as item()*, $action as function(item()) as item()*) as item()*", effects=True)
def for_each(items: Sequence[Any], action: FunctionItem) -> Value:
    """The results of calling a function with each item, joined."""
    call = action.call
    results: list[Any] = []
    for item in items:
        result = call(item)
        if type(result) is list or type(result) is range:
            results.extend(result)
        else:
            results.append(result)
    return results


@FN.row("filter($seq as item()*, $f as function(item()) as xs:boolean) as item()*", effects=True)
def filter_(items: Sequence[Any], keep: FunctionItem) -> Value:
    """The items for which a function returns true."""
    call = keep.call
    return [item for item in items if call(item)]


@FN.row(
    "fold-left($seq as item()*, $zero as item()*, $f as function(item()*, item()) as item()*) as item()*", effects=True
)
def fold_left(items: Sequence[Any], zero: Value, step: FunctionItem) -> Value:
    """f(… f(f(zero, first), second) …)."""
    call = step.call
    for item in items:
        zero = call(zero, item)
    return zero


@FN.row(
    "fold-right($seq as item()*, $zero as item()*, $f as function(item(), item()*) as item()*) as item()*",
    effects=True,
)
def fold_right(items: Sequence[Any], zero: Value, step: FunctionItem) -> Value:
    """f(first, f(second, … f(last, zero) …))."""
    call = step.call
    for item in reversed(items):
        zero = call(item, zero)
    return zero


@FN.row(
    "for-each-pair($seq1 as item()*, $seq2 as item()*, $action as function(item(), item()) as item()*) as item()*",
    effects=True,
)
def for_each_pair(left: Sequence[Any], right: Sequence[Any], action: FunctionItem) -> Value:
    """The results of calling a function with the items at equal positions, as far as both sequences go."""
    call = action.call
    results: list[Any] = []
    for one, other in zip(left, right, strict=False):
        results.extend(_items(call(one, other)))
    return results


@FN.row("apply($function as function(*), $array as array(*)) as item()*", effects=True)
def apply(function: FunctionItem, array: XdmArray) -> Value:
    """Call a function with the members of an array as arguments; FOAP0001 when their number is wrong."""
    members = array.members()
    if function.arity != len(members):
        raise XQueryError("FOAP0001", f"A function of arity {function.arity} applied to {len(members)} arguments")
    return function.coerced_call(*members)


@FN.row("sort($input as item()*) as item()*", needs="static")
@FN.row("sort($input as item()*, $collation as xs:string?) as item()*", needs="static")
@FN.row(
    "sort($input as item()*, $collation as xs:string?, $key as function(item()) as xs:anyAtomicType*) as item()*",
    needs="static",
    effects=True,
)
def sort(static: StaticContext, items: Sequence[Any], uri: str | None = None, key: FunctionItem | None = None) -> Value:
    """The items in the order of their keys (their own values without a function), equal ones as they stand."""
    return sorted_by(items, key.call if key is not None else atomize, in_static(static, uri))


def sorted_by(items: Sequence[Any], key: Any, using: Any) -> Value:
    """Items in the order of the sort keys that a Python callable gives (F&O 3.1, 16.2.6)."""
    if key is atomize and items:
        if isinstance(items, range):
            return items if items.step > 0 else items[::-1]
        kinds = set(map(type, items))
        if kinds == {int} or (kinds == {str} and using.is_codepoint):
            return sorted(items)
    keyed = [(sort_key(_items(key(item)), using), item) for item in items]
    try:
        keyed.sort(key=lambda pair: pair[0])
    except TypeError:
        raise XQueryError("XPTY0004", "Invalid coercion: sort keys that cannot be compared with each other") from None
    return [item for _, item in keyed]
