"""What generated code calls and no other module of the runtime holds: calls of items, positions, checks, variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from elementpath.datatypes import QName, UntypedAtomic
from elementpath.xpath_nodes import XPathNode

from xquery_bridge.errors import XQueryError
from xquery_bridge.runtime.arrays import XdmArray
from xquery_bridge.runtime.atomic import type_name
from xquery_bridge.runtime.axes import ddo, follows, is_same, require_node, require_nodes
from xquery_bridge.runtime.casts import cast, castable
from xquery_bridge.runtime.collations import Collation
from xquery_bridge.runtime.comparison import grouping_key
from xquery_bridge.runtime.context import Deferred, DynamicContext
from xquery_bridge.runtime.functions import FunctionItem
from xquery_bridge.runtime.json_items import JsonArray
from xquery_bridge.runtime.json_nodes import BinaryNode
from xquery_bridge.runtime.maps import XdmMap
from xquery_bridge.runtime.nodes import AttributeNode, ElementNode, TextNode, precedes
from xquery_bridge.runtime.sequence_types import SequenceType
from xquery_bridge.runtime.values import Value, as_list, atomize, describe, ebv, optional, string_of, the_item

# ---------------------------------------------------------------------------------------------------------- one or none


def optional_text(value: Value, declared: SequenceType) -> str | None:
    """Nodes as an argument for a parameter of type xs:string?."""
    if type(value) is list:
        if not value:
            return None
        if len(value) == 1:
            value = value[0]
    if type(value) in _UNTYPED_NODES:
        text: str = value.string_value
        return text
    converted: str | None = optional(declared.convert(value))
    return converted


_UNTYPED_NODES: Final = frozenset((ElementNode, AttributeNode, TextNode))


def given(result: Value | None) -> Value:
    """What a library function returned, as a Value: None is the empty sequence."""
    return [] if result is None else result


def head(value: Value) -> Value:
    """The first item."""
    if type(value) is list or type(value) is range:
        return value[0] if len(value) else []
    return value


def exists(value: Value) -> bool:
    """Whether there is an item."""
    return len(value) > 0 if type(value) is list or type(value) is range else True


def one_context_item(value: Value) -> Any:
    """The value of `declare context item`. Raises XPTY0004 unless it is one item."""
    items = as_list(value)
    if len(items) != 1:
        raise XQueryError("XPTY0004", f"The context item is declared as {len(items)} items")
    return items[0]


def string_or_empty(value: Value) -> str:
    """fn:string: the string value of at most one item."""
    item = optional(value)
    return "" if item is None else string_of(item)


def switch_key(value: Value, collation: Collation | None = None) -> Any:
    """The hashable key that cases of a switch are compared by; () for the empty sequence."""
    item = optional(atomize(value))
    return () if item is None else grouping_key(item, collation)


def integer_of(number: float) -> int:
    """xs:integer of a double. Raises FOCA0002."""
    try:
        return int(number)
    except (ValueError, OverflowError):
        whole: int = cast(number, "integer")
        return whole


def integer_range(low: Value, high: Value) -> Value:
    """`low to high`. Raises XPTY0004 for operands that are no integers."""
    begin, end = _bound(low), _bound(high)
    return [] if begin is None or end is None else range(begin, end + 1)


def _bound(value: Value) -> int | None:
    if type(value) is int:
        return value
    item = optional(atomize(value))
    if item is None:
        return None
    if type(item) is UntypedAtomic:
        item = cast(item, "integer")
    if not isinstance(item, int) or type(item) is bool:
        raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(item)} as a bound of a range of integers")
    return int(item)


# ------------------------------------------------------------------------------------------------------------ positions


def item_at(value: Value, position: Any) -> Value:
    """`value[position]`."""
    if type(value) is not list and type(value) is not range:
        return value if position == 1 else []
    if 1 <= position <= len(value):
        index = int(position)
        return value[index - 1] if index == position else []
    return []


def slice_at(items: Sequence[Any], position: Any) -> Sequence[Any]:
    """`items[position]` as a list of one or none."""
    if 1 <= position <= len(items):
        index = int(position)
        return items[index - 1 : index] if index == position else []
    return []


def member_or_item_at(value: Value, position: Any) -> Value:
    """1.0-ml's `value[position]`: the member of a single json:array, the item of any other sequence."""
    item = value[0] if type(value) is list and len(value) == 1 else value
    if isinstance(item, JsonArray):
        return item.get(int(position) - 1) if position == int(position) and 1 <= position <= len(item) else []
    return item_at(value, position)


def predicate_holds(value: Value, position: int, ranges: bool = False) -> bool:
    """Whether a predicate's value holds for an item: a number that is its position, or an effective boolean value.

    `ranges` allows several positions, as 1.0-ml does (`$seq[2 to 4]`).
    """
    kind = type(value)
    if kind is bool:
        return bool(value)
    if kind is int or kind is float:
        return bool(value == position)
    if kind is range and ranges:
        return position in value
    if kind is list and len(value) == 1:
        value = value[0]
    if (isinstance(value, (int, float)) and type(value) is not bool) or type(value) is Decimal:
        return bool(value == position)
    if ranges and kind is list and value and all(type(item) is int for item in value):
        return position in value
    return ebv(value)


# ---------------------------------------------------------------------------------------------------------------- nodes


def in_order(value: Value) -> Value:
    """The input of a path step: nodes in document order, each once. Raises XPTY0019."""
    if type(value) is list and len(value) > 1:
        return ddo(require_nodes(value))
    return value


def one_node(value: Value, code: str = "XPTY0019") -> Any:
    """The node of a Value that is known to be one item. Raises XPTY0019 in a path, XPTY0020 for a context item."""
    return require_node(the_item(value), code)


def step_from(item: Any) -> Any:
    """The left side of a `/`. Raises XPTY0019."""
    if not isinstance(item, XPathNode):
        raise XQueryError("XPTY0019")
    return item


def _operand(value: Value) -> Any:
    item = optional(value)
    if item is not None and not isinstance(item, XPathNode):
        raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(item)} as node()")
    return item


def node_is(left: Value, right: Value) -> Value:
    """`left is right`."""
    a, b = _operand(left), _operand(right)
    return [] if a is None or b is None else is_same(a, b)


def node_precedes(left: Value, right: Value) -> Value:
    """`left << right`."""
    a, b = _operand(left), _operand(right)
    return [] if a is None or b is None else precedes(a, b)


def node_follows(left: Value, right: Value) -> Value:
    """`left >> right`."""
    a, b = _operand(left), _operand(right)
    return [] if a is None or b is None else follows(a, b)


# ---------------------------------------------------------------------------------------------------------------- types


def treat_as(target: SequenceType, value: Value, code: str) -> Value:
    """The value, if it matches a type. Raises `code` otherwise."""
    if target.matches(value):
        return value[0] if (type(value) is list or type(value) is range) and len(value) == 1 else value
    if code == "XPTY0004":
        raise target.refused(value)
    raise XQueryError(code, f"Invalid treat: {describe(value)} as {target}")


def cast_as(value: Value, target: str, allow_empty: bool, static: Any = None) -> Value:
    """`value cast as target`; the empty sequence is an error unless it is allowed."""
    if target == "boolean" and type(value) is BinaryNode:
        return False  # 1.0-ml (xquery-1.0-ml.md, section 4)
    item = optional(atomize(value))
    if item is None:
        if allow_empty:
            return []
        raise XQueryError("XPTY0004", f"Invalid coercion: () as xs:{target}")
    return cast(item, target, static) if static is not None else cast(item, target)


def castable_as(value: Value, target: str, allow_empty: bool, static: Any = None) -> bool:
    """`value castable as target`."""
    items = as_list(atomize(value))
    if len(items) != 1:
        return not len(items) and allow_empty
    return castable(items[0], target, static) if static is not None else castable(items[0], target)


# ---------------------------------------------------------------------------------------------------------------- calls


class _Placeholder:
    """Stands for `?` among the arguments of a partial application."""


PLACEHOLDER: Final = _Placeholder()


def call_one(function: Value, argument: Value) -> Value:
    """`function(argument)`: a function item, a map or an array."""
    item = function[0] if type(function) is list and len(function) == 1 else function
    kind = type(item)
    if kind is FunctionItem:
        if item.arity != 1:
            raise _arity_error(item, 1)
        return item.call(argument)
    if kind is XdmMap or kind is XdmArray:
        return item.call(argument)
    return callable_of(function, 1)(argument)


def map_key(value: Value) -> Any:
    """The key of an entry in a map constructor: one atomic value. Raises XPTY0004."""
    if type(value) is str or type(value) is int:
        return value
    key = optional(atomize(value))
    if key is None:
        raise XQueryError("XPTY0004", "Invalid coercion: () as the key of a map")
    return key


def callable_of(function: Value, arity: int) -> Callable[..., Value]:
    """The Python function to call for an item called with so many arguments. Raises XPTY0004."""
    item = function[0] if type(function) is list and len(function) == 1 else function
    if isinstance(item, FunctionItem):
        if item.arity != arity:
            raise _arity_error(item, arity)
        return item.call
    if type(item) is list:
        raise XQueryError("XPTY0004", f"Invalid coercion: {len(item)} items as a function to call")
    raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(item)} as function(*)")


def _arity_error(function: FunctionItem, arity: int) -> XQueryError:
    wanted = f"{function.arity} argument{'s' * (function.arity != 1)}"
    return XQueryError("XPTY0004", f"A function of {wanted} is called with {arity}")


#: Finds the row of the registry for a namespace, a local name and a number of arguments, or None.
FindRow = Callable[[str, str, int], Any]
_ROWS: Final[list[FindRow]] = []


def find_rows_by(find: FindRow) -> None:
    """Say where the rows of built-in functions are: items know the types of their parameters, rows also the names."""
    _ROWS.append(find)


def _parameter(item: FunctionItem, at: int) -> str:
    """`$name as type` for a parameter of a built-in function; empty for that of another, whose name is not known."""
    if item.name is None or item.params is None:
        return ""
    for find in _ROWS:
        row = find(item.name.uri or "", item.name.local_name, item.arity)
        if row is not None and row.param(at).type == item.params[at]:
            return f"${row.param(at).name} as {item.params[at]}"
    return ""


#: What conversion raises for a wrong argument; not FOTY0013, whose message shows the item.
_REFUSALS: Final = frozenset(("XPTY0004", "FORG0001"))


def _converted(item: FunctionItem, at: int, argument: Value) -> Value:
    """An argument converted for a function; an error names the parameter, as that of a compiled call does."""
    declared = None if item.params is None else item.params[at]
    if declared is None:
        return argument
    try:
        return declared.convert(argument)
    except XQueryError as error:
        if error.code in _REFUSALS and not error.expression:
            error.expression = _parameter(item, at)
        raise


def variadic_item(name: QName, arity: int, row: Any) -> FunctionItem:
    """A built-in function that takes any number of arguments (a row of the registry), as an item for one number."""

    def call(*args: Value) -> Value:
        given_args: list[Any] = []
        for at, arg in enumerate(args):
            type = row.param(at).type
            value = _converted(item, at, arg)
            given_args.append(as_list(value) if type.high is None else optional(value) if type.low == 0 else value)
        return given(row.implementation(*given_args))

    params = tuple([row.param(at).type for at in range(arity)])
    item = FunctionItem(name, arity, params, row.result, call)
    return item


class Bounce:
    """A call in tail position that a function leaves to whoever called it."""

    __slots__ = ("args", "step")

    def __init__(self, step: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.step = step
        self.args = args


def step_of(function: Value, arity: int) -> Callable[..., Any]:
    """What to call for an item in tail position: its value may be a Bounce. Raises XPTY0004 as `callable_of` does."""
    if type(function) is FunctionItem and function.arity == arity:
        return function.step
    return callable_of(function, arity)


def bounced(value: Any) -> Value:
    """The value that a run of calls in tail position ends with."""
    while type(value) is Bounce:
        value = value.step(*value.args)
    return value


def partial_application(function: Value, args: Sequence[Any]) -> FunctionItem:
    """A function of the arguments left open, with the others fixed now, converted (XQuery 3.1, 3.1.5.1 and 3.2.2)."""
    call = callable_of(function, len(args))
    item: FunctionItem = function[0] if type(function) is list else function
    types = item.params if item.params is not None else [None] * len(args)
    open_places = [at for at, arg in enumerate(args) if arg is PLACEHOLDER]
    fixed = [arg if arg is PLACEHOLDER else _converted(item, at, arg) for at, arg in enumerate(args)]

    def apply(*given_args: Value) -> Value:
        filled = list(fixed)
        for at, arg in zip(open_places, given_args, strict=True):
            filled[at] = arg
        return call(*filled)

    params = [types[at] for at in open_places]
    return FunctionItem(None, len(open_places), params, item.result, apply, item.annotations)


def lookup(operand: Value, key: Value) -> Value:
    """`operand?(key)` for every item and every key."""
    if isinstance(operand, XdmMap) and (type(key) is str or type(key) is int):
        return operand.get(key)
    found: list[Any] = []
    keys = as_list(atomize(key))
    for item in as_list(operand):
        for one in keys:
            if isinstance(item, XdmMap):
                value = item.get(one)
            elif isinstance(item, XdmArray):
                value = item.call(one)
            else:
                raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(item)} has no members to look up")
            found.extend(as_list(value))
    return found


def lookup_all(operand: Value) -> Value:
    """`operand?*`."""
    found: list[Any] = []
    for item in as_list(operand):
        if isinstance(item, XdmMap):
            values: Any = item.values()
        elif isinstance(item, XdmArray):
            values = item.members()
        else:
            raise XQueryError("XPTY0004", f"Invalid coercion: {type_name(item)} has no members to look up")
        for value in values:
            if type(value) is list or type(value) is range:
                found.extend(value)
            else:
                found.append(value)
    return found


def new_map(entries: Sequence[tuple[Any, Value]]) -> XdmMap:
    """A map constructor's map. Raises XQDY0137 for two equal keys."""
    made = XdmMap.of(entries)
    if len(made) < len(entries):
        raise XQueryError("XQDY0137", "Two keys of a map constructor are the same")
    return made


def first_entries(pairs: Sequence[tuple[Any, Value]]) -> XdmMap:
    """The map of some entries; of two same keys the first one counts, as in map:merge."""
    entries: dict[Any, tuple[Any, Value] | None] = {}
    for key, value in pairs:
        if type(key) is not int and type(key) is not str:
            return XdmMap.merged([XdmMap.of([pair]) for pair in pairs])
        if key not in entries:
            entries[key] = (key, value[0] if type(value) is list and len(value) == 1 else value)
    return XdmMap(entries)


# -------------------------------------------------------------------------------------------------- variables, failures


def fail(code: str, title: str = "") -> Any:
    """Raise an error that was known when the query was compiled."""
    raise XQueryError(code, title)


def fail_unbound(name: str) -> Any:
    """An external variable without a value."""
    raise XQueryError("XPDY0002", "External variable has no value", detail=f"${name}", marklogic_code="XDMP-EXTVAR")


def assign(place: Any, key: Any, value: Value) -> Value:
    """xdmp:set: the new value of a variable, in its cell or among those of the prolog."""
    place[key] = value
    return []


class _Pending:
    """Marks a variable whose value is being computed."""


_PENDING: Final = _Pending()


def begin_variable(key: tuple[str, str], known: dict[Any, Any], name: str) -> None:
    """Note that a prolog variable is being computed. Raises XQDY0054 when it needs its own value."""
    pending = known.setdefault(_PENDING, set())
    if key in pending:
        raise XQueryError("XQDY0054", f"Variable ${name} depends on itself")
    pending.add(key)


def external_value(context: DynamicContext, key: tuple[str, str], declared: SequenceType | None, static: Any) -> Value:
    """The value given for an external variable, converted to the type declared for it."""
    from xquery_bridge.runtime.external_values import converted_external

    value = context.variables[key]
    return converted_external(value.compute() if type(value) is Deferred else value, declared, static, key[1])
