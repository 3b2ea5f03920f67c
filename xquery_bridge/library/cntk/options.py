"""Options in a map:map: which keys a function takes, and how their values become arguments.

A key is CNTK's Python parameter name with hyphens; some have a second name, that of C++ (cntk-conventions.md, Options).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from xquery_bridge import compute
from xquery_bridge.compute import CntkError, Function, Shape
from xquery_bridge.compute.initializers import Initializer
from xquery_bridge.compute.layers import from_value
from xquery_bridge.compute.schedules import Schedule
from xquery_bridge.errors import XQueryError
from xquery_bridge.library.cntk.items import CntkInitializer, CntkSchedule, CntkShape, CntkValue
from xquery_bridge.library.cntk.rows import refused
from xquery_bridge.runtime.atomic import INTEGER_CLASSES, NUMERIC_CLASSES, STRING_CLASSES, type_name
from xquery_bridge.runtime.json_items import JsonArray, MapMap

#: Turns the items of an option's value into an argument; raises `Unfit` with what was expected.
Read = Callable[[Sequence[Any]], Any]


class Unfit(Exception):
    """A value is not of the kind its option takes; the message says what was expected."""


class Option:
    """A row of a table of options: the argument it sets, the kind of its value, its key and the key's other names."""

    __slots__ = ("argument", "keys", "read")

    def __init__(self, argument: str, read: Read, *keys: str) -> None:
        self.argument = argument
        self.read = read
        self.keys = keys


def read(function: str, table: Sequence[Option], given: MapMap | None, required: Sequence[str] = ()) -> dict[str, Any]:
    """The arguments that a map of options stands for; `required` are those that the function cannot do without.

    Raises:
        XQueryError: a key that the function does not take, that comes under both of its names or that is missing
            (XDMP-CNTKERR); a value of the wrong kind (XPTY0004). Each names the keys.
    """
    by_key = {key: option for option in table for key in option.keys}
    arguments: dict[str, Any] = {}
    for key, value in () if given is None else given.items():
        option = by_key.get(key)
        if option is None:
            raise refused(CntkError(f'{function}: "{key}" is not an option; the options are {_allowed(table)}.'))
        if option.argument in arguments:
            raise refused(CntkError(f"{function}: {' and '.join(option.keys)} are one option, several came."))
        items = value if type(value) is list or type(value) is range else [value]
        try:
            arguments[option.argument] = option.read(items)
        except Unfit as unfit:
            came = ", ".join(type_name(item) for item in items[:3]) or "an empty sequence"
            raise XQueryError(
                "XPTY0004",
                f'{function}: the option "{key}" takes {unfit}, {came} came; the options are {_allowed(table)}',
            ) from None
    missing = [option.keys[0] for option in table if option.argument in required and option.argument not in arguments]
    if missing:
        raise refused(CntkError(f"{function}: the option {', '.join(missing)} was expected, it is missing."))
    return arguments


def _allowed(table: Sequence[Option]) -> str:
    return ", ".join(" or ".join(option.keys) for option in table)


# ------------------------------------------------------------------------------------------------- kinds of values


def _one(items: Sequence[Any], expected: str) -> Any:
    if len(items) != 1:
        raise Unfit(expected)
    return items[0]


def _all(items: Sequence[Any]) -> Sequence[Any]:
    """The items; one json:array stands for its members."""
    return items[0].items() if len(items) == 1 and isinstance(items[0], JsonArray) else items


def count(items: Sequence[Any]) -> int:
    """A whole number, not negative."""
    expected = "a whole number that is not negative"
    item = _one(items, expected)
    whole = type(item) in INTEGER_CLASSES or (type(item) in (float, Decimal) and item == item // 1)
    if not whole or item < 0:
        raise Unfit(expected)
    return int(item)


def count_or_none(items: Sequence[Any]) -> int | None:
    """A whole number; an empty sequence for none."""
    return count(items) if items else None


def number(items: Sequence[Any]) -> float:
    """A number."""
    item = _one(items, "a number")
    if type(item) not in NUMERIC_CLASSES:
        raise Unfit("a number")
    return float(item)


def flag(items: Sequence[Any]) -> bool:
    """A boolean."""
    item = _one(items, "a boolean")
    if type(item) is not bool:
        raise Unfit("a boolean")
    return item


def flags(items: Sequence[Any]) -> list[bool]:
    """Booleans, one for each dimension or one for all."""
    found = list(_all(items))
    if not found or any(type(item) is not bool for item in found):
        raise Unfit("booleans")
    return found


def text(items: Sequence[Any]) -> str:
    """A string."""
    item = _one(items, "a string")
    if type(item) not in STRING_CLASSES:
        raise Unfit("a string")
    return str(item)


def sizes(items: Sequence[Any]) -> list[int]:
    """Whole numbers or a cntk:shape, the first dimension first; none negative."""
    found = _all(items)
    if len(found) == 1 and isinstance(found[0], CntkShape):
        found = list(found[0].value)
    if not all(type(item) in INTEGER_CLASSES and item >= 0 for item in found):
        raise Unfit("whole numbers or a cntk:shape, none negative")
    return [int(item) for item in found]


def sizes_or_none(items: Sequence[Any]) -> list[int] | None:
    """`sizes`; an empty sequence, or a cntk:shape of one 0, for none."""
    found = sizes(items)
    return None if not items or found == [0] else found


def shape(items: Sequence[Any]) -> Shape:
    """`sizes` as a shape."""
    return Shape(sizes(items))


def initializer(items: Sequence[Any]) -> Initializer | float:
    """A cntk:initializer, a number for all elements, or a cntk:value with all of them."""
    expected = "a cntk:initializer, a number or a cntk:value"
    item = _one(items, expected)
    if isinstance(item, CntkInitializer):
        made: Initializer = item.value
        return made
    if isinstance(item, CntkValue):
        return from_value(item.value)
    if type(item) in NUMERIC_CLASSES:
        return float(item)
    raise Unfit(expected)


def value(items: Sequence[Any]) -> Any:
    """A cntk:value."""
    item = _one(items, "a cntk:value")
    if not isinstance(item, CntkValue):
        raise Unfit("a cntk:value")
    return item.value


def number_or_schedule(items: Sequence[Any]) -> float | Schedule:
    """A number or a cntk:schedule."""
    item = _one(items, "a number or a cntk:schedule")
    if isinstance(item, CntkSchedule):
        made: Schedule = item.value
        return made
    return number(items)


def _softmax(operand: Any) -> Function:
    return compute.softmax(operand)


def _log_softmax(operand: Any) -> Function:
    return compute.log_softmax(operand)


#: The names of activations: those of the `cntk:` functions of one operand, and CNTK's spellings.
ACTIVATIONS: Final[dict[str, Callable[[Any], Function] | None]] = {
    "none": None,
    "identity": None,
    "relu": compute.relu,
    "sigmoid": compute.sigmoid,
    "tanh": compute.tanh,
    "softmax": _softmax,
    "log-softmax": _log_softmax,
    "elu": compute.elu,
    "selu": compute.selu,
    "leaky-relu": compute.leaky_relu,
    "leaky-re-lu": compute.leaky_relu,
    "softplus": compute.softplus,
    "soft-plus": compute.softplus,
    "softsign": compute.softsign,
    "soft-sign": compute.softsign,
    "hardmax": compute.hardmax,
    "exp": compute.exp,
    "log": compute.log,
    "abs": compute.abs,
    "sin": compute.sin,
    "cos": compute.cos,
    "square": compute.square,
    "sqrt": compute.sqrt,
    "straight-through": compute.straight_through,
}


def activation(items: Sequence[Any]) -> Callable[[Any], Function] | None:
    """The name of an activation; an empty sequence for none. Underscores and capitals are as good as hyphens."""
    if not items:
        return None
    name = text(items).replace("_", "-").lower()
    if name not in ACTIVATIONS:
        raise Unfit(f"the name of an activation ({', '.join(ACTIVATIONS)})")
    return ACTIVATIONS[name]
